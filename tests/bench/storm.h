// Subscribers that all come back at once.
#ifndef GACETA_TESTS_BENCH_STORM_H_
#define GACETA_TESTS_BENCH_STORM_H_

#include "absl/status/statusor.h"
#include "tests/bench/measuring.h"
#include "tests/bench/target.h"

namespace gaceta::bench {

// Subscribers are live; prints a line `live`. Somebody then ends the hub and
// starts it again at the same address, and all of them connect anew and go on
// where they were. Returns when, in seconds since 1970, the last was live.
absl::StatusOr<Figures> Storm(const Target& target, int subscribers);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_STORM_H_
