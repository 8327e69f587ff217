// Publishes prepared statements of one or more nodes.
#ifndef GACETA_TESTS_BENCH_PUBLISH_LOAD_H_
#define GACETA_TESTS_BENCH_PUBLISH_LOAD_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/byte_buffer.h"

namespace gaceta::bench {

// One node: a connection and what it has to say, in order.
struct PublisherWork {
  std::shared_ptr<grpc::Channel> channel;
  std::vector<grpc::ByteBuffer> requests;
};

struct PublishLoadOptions {
  // Of each node: statements sent and not answered.
  int in_flight = 256;
  // Of each node, evenly spaced; 0: as fast as answers come.
  double per_second = 0;
  // All streams are open, nothing is sent yet.
  std::function<void()> on_begin;
  // A node is about to send its statement number `index`.
  std::function<void(std::size_t index)> on_send;
  // A receipt has come; of each node in order.
  std::function<void(absl::Time time)> on_answer;
};

struct PublishOutcome {
  // From the first statement to the last answer.
  absl::Duration elapsed;
  // From each statement to its answer.
  std::vector<absl::Duration> latencies;
};

// Returns when all is answered, on the caller's thread. Fails if any statement
// is refused or a stream ends.
absl::StatusOr<PublishOutcome> RunPublishLoad(std::vector<PublisherWork> work,
                                              PublishLoadOptions options);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_PUBLISH_LOAD_H_
