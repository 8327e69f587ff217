// What is measured. Each function is one run against a hub that is up.
#ifndef GACETA_TESTS_BENCH_SCENARIOS_H_
#define GACETA_TESTS_BENCH_SCENARIOS_H_

#include <sys/types.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/bench_federation.h"

namespace gaceta::bench {

// By name, the unit in it: `server_us_per_entry`.
using Figures = std::map<std::string, double>;

struct Target {
  const BenchFederation* federation;
  // `host:port` of the hub.
  std::string server;
  // Its process.
  pid_t pid = 0;
};

// Publishes the registry, with a log policy of the key in `log_key_file`.
// Measures nothing.
absl::Status FillRegistry(const Target& target,
                          const std::string& log_key_file);

// `updates` in all, of so many nodes.
absl::StatusOr<Figures> Publish(const Target& target, int nodes, int in_flight,
                                int updates);

// Everything in the log to so many subscribers at once.
absl::StatusOr<Figures> CatchUp(const Target& target, int subscribers);

// One publisher to so many subscribers that are live. `per_second` 0: as fast
// as the hub answers.
absl::StatusOr<Figures> FanOut(const Target& target, int subscribers,
                               int updates, double per_second);

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
