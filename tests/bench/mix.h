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
  // Read the whole log, a message a second each.
  int slow_readers = 1000;
  // Another state publishes as many with 256 unanswered.
  int imported = 20'000;
};

// While one state publishes evenly to live subscribers that take only its
// updates, one subscriber reads the whole log again and again, many read it
// slowly, and another state imports.
absl::StatusOr<Figures> Mix(const Target& target, const MixOptions& options);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_MIX_H_
