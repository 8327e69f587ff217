// The hub that is measured, and what runs against it.
#ifndef GACETA_TESTS_BENCH_TARGET_H_
#define GACETA_TESTS_BENCH_TARGET_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gaceta/v1/relay.pb.h"
#include "tests/bench/bench_federation.h"
#include "tests/bench/publish_load.h"
#include "tests/bench/subscriber_load.h"

namespace gaceta::bench {

struct Target {
  const BenchFederation* federation;
  // `host:port` of the hub.
  std::string server;
  // Its process.
  pid_t pid = 0;
};

// As whom subscribers connect.
inline constexpr char kSubscriberOf[] = "hn";
inline constexpr char kSubscriberPath[] = "subscriber/bench";

// Later than any run ends: it ends what hangs.
absl::Time Deadline();

// A node's connection, and `count` statements that continue its chain.
absl::StatusOr<PublisherWork> PrepareNode(const Target& target,
                                          const std::string& state, int count);

// Connected, not started.
absl::StatusOr<std::unique_ptr<SubscriberLoad>> PrepareSubscribers(
    const Target& target, SubscriberLoad::Options options);

v1::Open FromStart();
v1::Open FromNow();

// Entries in the log.
absl::StatusOr<std::int64_t> LogSize(const Target& target);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_TARGET_H_
