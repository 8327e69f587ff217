// What reading a whole log takes, for whatever purpose.
#ifndef GACETA_CLIENT_GACETA_WHOLE_LOG_H_
#define GACETA_CLIENT_GACETA_WHOLE_LOG_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "gaceta/log_source.h"
#include "gaceta/subscriber.h"

namespace gaceta::client {

// Only `source` is required.
struct WholeLogOptions {
  LogSource source;
  // Optional. As SubscriberOptions::evidence_folder.
  std::string evidence_folder;
  // Threads that check signatures; 0 is one for each processor, at most 8.
  int verify_threads = 0;
  // As SubscriberOptions::heartbeat.
  absl::Duration heartbeat = absl::Seconds(15);
  BackoffOptions backoff;
  // Optional. Called now and then: entries done, and those of the log.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress;
  // Optional. Asked several times a second: true ends it.
  std::function<bool()> stop_asked;
  // Optional. As SubscriberOptions::on_disconnect.
  std::function<void(const absl::Status& why, absl::Duration wait)>
      on_disconnect;
};

// --- Used inside the client library alone ------------------------------------

// Of a stream that shows every entry; goes on where `cursor_file`, if there is
// one, was.
SubscriberOptions WholeLogStream(const WholeLogOptions& options,
                                 std::string cursor_file);

// Gives deliveries to `handle` until it returns true or an error. kCancelled if
// `stop_asked` says so before.
absl::Status ReadWholeLog(
    Subscriber* subscriber, const std::function<bool()>& stop_asked,
    absl::FunctionRef<absl::StatusOr<bool>(const Delivery&)> handle);

// Size of a checkpoint that was verified; 0 of an empty note.
std::int64_t SizeOfCheckpoint(const std::string& note);

// Knows when a stream has come to the end of the log, and a quorum has cosigned
// what was there when it first did. If witnesses are later than the policy
// allows, the stream fails.
class WholeLogEnd {
 public:
  // `at_end`: all of the delivery, which is live, is done.
  bool IsReached(const Delivery& delivery, bool at_end,
                 const Federation& registry);

 private:
  std::optional<std::int64_t> first_end_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_WHOLE_LOG_H_
