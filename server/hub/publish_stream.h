// One Publish call. Internal to the publishing service.
#ifndef GACETA_SERVER_HUB_PUBLISH_STREAM_H_
#define GACETA_SERVER_HUB_PUBLISH_STREAM_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/alarm.h"
#include "grpcpp/support/server_callback.h"
#include "server/hub/publishing_service.h"

namespace gaceta {

// Reads a statement, checks it as soon as the rate allows, hands it to the
// sequencer, and reads the next while the window has room. Answers go out in
// the order of the statements, whichever is decided first.
//
// Each stream is owned by its service, and by the sequencer's callbacks until
// the last has been called.
class PublishStream
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public std::enable_shared_from_this<PublishStream> {
 public:
  PublishStream(PublishingService* service, absl::StatusOr<Caller> caller);

  // Begins to read, or ends the call at once.
  void Start();
  // Reads no more; ends when all has been answered.
  void Drain();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  // One statement's place in the order of answers.
  struct Slot {
    std::string statement_id;
    std::optional<absl::StatusOr<v1::Receipt>> outcome;
  };

  // Takes the statement out of request_.
  absl::StatusOr<v1::Statement> ParseRequest();
  void Handle(Slot* slot, absl::StatusOr<v1::Statement> statement);
  void Decide(Slot* slot, absl::StatusOr<v1::Receipt> outcome);
  // Handles what was read, unless it is not `due`: the call is to end.
  void HandleRead(bool due);
  // Handles it later: it came too soon for its publisher's rate.
  void Delay(absl::Time until) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Read();
  // Starts a read, a write or the end of the call: what is due now.
  void Advance();
  // Moves the first answer to response_. Returns how to write it.
  grpc::WriteOptions TakeAnswer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  PublishingService* const service_;
  const absl::StatusOr<Caller> caller_;
  // In use while reading_ is set.
  grpc::ByteBuffer request_;
  // In use while writing_ is set.
  grpc::ByteBuffer response_;

  absl::Mutex mu_;
  // Unanswered statements; a deque, so that a slot stays where it is.
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mu_);
  // Null before the first delay.
  std::unique_ptr<grpc::Alarm> delay_ ABSL_GUARDED_BY(mu_);
  // A read is under way, or what it read is being handled.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  // A read is decided upon and not yet started: the call may not end now, nor
  // another read begin.
  bool starting_read_ ABSL_GUARDED_BY(mu_) = false;
  // A statement was read and is not handled yet: the call may not end now.
  bool handling_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  // How the call ends once all is answered; none while it goes on.
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_PUBLISH_STREAM_H_
