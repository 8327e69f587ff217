// Single reads of the log: lists and entries.
#ifndef GACETA_TESTS_BENCH_READS_H_
#define GACETA_TESTS_BENCH_READS_H_

#include "absl/status/statusor.h"
#include "tests/bench/measuring.h"
#include "tests/bench/target.h"

namespace gaceta::bench {

// One after the other: so many entries at random positions, and as many lists
// of the newest 50 updates of a state.
absl::StatusOr<Figures> Reads(const Target& target, int count);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_READS_H_
