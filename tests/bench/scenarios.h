// What is measured. Each function is one run against a hub that is up.
#ifndef GACETA_TESTS_BENCH_SCENARIOS_H_
#define GACETA_TESTS_BENCH_SCENARIOS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/measuring.h"
#include "tests/bench/target.h"

namespace gaceta::bench {

// Publishes the registry. Measures nothing.
absl::Status FillRegistry(const Target& target, const PolicyOptions& policy);

// `updates` in all, of so many nodes.
absl::StatusOr<Figures> Publish(const Target& target, int nodes, int in_flight,
                                int updates);

// Everything in the log to so many subscribers at once.
absl::StatusOr<Figures> CatchUp(const Target& target, int subscribers);

struct FanOutOptions {
  int subscribers = 1;
  int updates = 1000;
  // 0: as fast as the hub answers.
  double per_second = 0;
  // So many filters, of which each update passes one in kClasses, or, if there
  // are fewer, each filter one update in kClasses; 0: everything passes.
  int filters = 0;
};

// One publisher to subscribers that are live.
absl::StatusOr<Figures> FanOut(const Target& target,
                               const FanOutOptions& options);

// Subscribers that are live while nothing is published: memory, and CPU over
// `watch`.
absl::StatusOr<Figures> Idle(const Target& target, int subscribers,
                             absl::Duration watch);

// Subscribers that begin at the start of the log and never read.
absl::StatusOr<Figures> Stalled(const Target& target, int subscribers);

// Everything in the log through the client library, which verifies all of it.
absl::StatusOr<Figures> Verify(const Target& target);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_SCENARIOS_H_
