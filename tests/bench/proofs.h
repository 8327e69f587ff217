// Size and time of the proofs that a server makes.
#ifndef GACETA_TESTS_BENCH_PROOFS_H_
#define GACETA_TESTS_BENCH_PROOFS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "tests/bench/measuring.h"

namespace gaceta::bench {

// Makes the tiles of a tree of so many leaves in `folder`, opens them again,
// and makes `samples` inclusion proofs of random leaves in the whole tree, and
// as many consistency proofs from random sizes to it. Each is checked, outside
// of what is timed.
absl::StatusOr<Figures> MeasureProofs(const std::string& folder,
                                      std::int64_t leaves, int samples);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_PROOFS_H_
