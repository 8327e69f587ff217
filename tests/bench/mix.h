// Loads that may not harm one another, at once.
#ifndef GACETA_TESTS_BENCH_MIX_H_
#define GACETA_TESTS_BENCH_MIX_H_

#include "absl/status/statusor.h"
#include "tests/bench/measuring.h"
#include "tests/bench/target.h"

namespace gaceta::bench {

struct MixOptions {
  // Of the state that is live, at 200 a second.
  int updates = 2000;
  int live_subscribers = 100;
  // Another state publishes as many with 256 unanswered.
  int imported = 20'000;
};

// While one state publishes evenly to live subscribers that take only its
// updates, one subscriber reads the whole log again and again, and another
// state imports. ReadSlowly() runs in another process, so that the load of one
// does not wait for that of the other.
absl::StatusOr<Figures> Mix(const Target& target, const MixOptions& options);

// So many subscribers read the whole log, a message a second each. Prints a
// line `live` once all have begun, and goes on until standard input ends.
absl::StatusOr<Figures> ReadSlowly(const Target& target, int subscribers);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_MIX_H_
