#include "gaceta/whole_log.h"

#include <utility>

#include "absl/time/clock.h"
#include "verify/checkpoint.h"

namespace gaceta::client {
namespace {

// How soon a wish to stop is noticed.
constexpr absl::Duration kStopInterval = absl::Milliseconds(200);

}  // namespace

SubscriberOptions WholeLogStream(const WholeLogOptions& options,
                                 std::string cursor_file) {
  SubscriberOptions stream;
  stream.source = options.source;
  stream.cursor_file = std::move(cursor_file);
  stream.evidence_folder = options.evidence_folder;
  stream.include_unmatched_headers = true;
  stream.verify_threads = options.verify_threads;
  stream.heartbeat = options.heartbeat;
  stream.backoff = options.backoff;
  stream.on_disconnect = options.on_disconnect;
  return stream;
}

absl::Status ReadWholeLog(
    Subscriber* subscriber, const std::function<bool()>& stop_asked,
    absl::FunctionRef<absl::StatusOr<bool>(const Delivery&)> handle) {
  while (!stop_asked || !stop_asked()) {
    auto delivery = subscriber->Next(absl::Now() + kStopInterval);
    if (absl::IsDeadlineExceeded(delivery.status())) continue;
    if (!delivery.ok()) return delivery.status();
    auto done = handle(*delivery);
    if (!done.ok()) return done.status();
    if (*done) return absl::OkStatus();
  }
  return absl::CancelledError("it was stopped before the end of the log");
}

std::int64_t SizeOfCheckpoint(const std::string& note) {
  const auto checkpoint = CheckpointOf(note);
  return checkpoint.ok() ? checkpoint->size : 0;
}

bool WholeLogEnd::IsReached(const Delivery& delivery, bool at_end,
                            const Federation& registry) {
  if (!delivery.live || !at_end) return false;
  if (!first_end_.has_value()) first_end_ = delivery.next_position;
  return registry.log_policy()->policy.IsQuorum({}) ||
         SizeOfCheckpoint(delivery.cosigned_checkpoint) >= *first_end_;
}

}  // namespace gaceta::client
