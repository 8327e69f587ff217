// The loads that Gaceta is measured with, run against other programs.
#ifndef GACETA_TESTS_BENCH_PEER_SCENARIOS_H_
#define GACETA_TESTS_BENCH_PEER_SCENARIOS_H_

#include <string>

#include "absl/status/statusor.h"
#include "tests/bench/measuring.h"
#include "tests/bench/target.h"

namespace gaceta::bench {

struct PeerLoad {
  // As in Peer::Create().
  std::string kind;
  int subscribers = 0;
  int nodes = 1;
  int in_flight = 256;
  // Of all nodes together.
  int updates = 1000;
  // Of all nodes together, evenly; 0: as fast as they are acknowledged.
  double per_second = 0;
};

// As Publish(), FanOut(), CatchUp() and Idle(), with the same figures. What is
// caught up with was published before, by PeerPublish().
absl::StatusOr<Figures> PeerPublish(const Target& target, const PeerLoad& load);
absl::StatusOr<Figures> PeerFanOut(const Target& target, const PeerLoad& load);
absl::StatusOr<Figures> PeerCatchUp(const Target& target, const PeerLoad& load);
absl::StatusOr<Figures> PeerIdle(const Target& target, const PeerLoad& load,
                                 absl::Duration watch);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_PEER_SCENARIOS_H_
