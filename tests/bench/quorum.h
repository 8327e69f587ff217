// How long it takes until witnesses have cosigned what was published.
#ifndef GACETA_TESTS_BENCH_QUORUM_H_
#define GACETA_TESTS_BENCH_QUORUM_H_

#include "absl/status/statusor.h"
#include "tests/bench/measuring.h"
#include "tests/bench/target.h"

namespace gaceta::bench {

// One node publishes so many updates, evenly. Measures from each receipt until
// the hub gives out a checkpoint with the entry that a quorum of the registry's
// log policy has cosigned. Waits first until all before is cosigned.
absl::StatusOr<Figures> Quorum(const Target& target, int updates,
                               double per_second);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_QUORUM_H_
