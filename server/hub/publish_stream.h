// One Publish call. Internal to the publishing service.
#ifndef GACETA_SERVER_HUB_PUBLISH_STREAM_H_
#define GACETA_SERVER_HUB_PUBLISH_STREAM_H_

#include <deque>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/hub/publishing_service.h"
#include "server/rpc/call.h"

namespace gaceta {

// One statement's place in the order of answers.
struct PublishingService::Slot {
  // A v1.PublishRequest as it came. It, and the id, belong to the thread that
  // checks, until the statement is decided.
  grpc::ByteBuffer message;
  std::string statement_id;
  std::optional<absl::StatusOr<v1::Receipt>> outcome;
};

// Reads a statement, has it checked as soon as the rate allows, and reads the
// next while the window has room. Answers go out in the order of the
// statements, whichever is decided first.
//
// Lives, as a call, until all its statements are decided.
//
// Thread safety: the loop's thread only, but for caller().
class PublishStream : public Call {
 public:
  PublishStream(PublishingService* service, OpenCalls* calls);

  // Reads no more; ends when all has been answered.
  void Drain() override;
  // A statement was decided.
  void Advance();

  // Who publishes. By any thread, once a statement came.
  const Caller& caller() const { return *caller_; }

 private:
  void OnOpen() override;
  void OnOver() override;
  void OnRead(bool ok);
  void OnDue(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool /*ok*/) {}

  void Read();
  // Has checked what was read.
  void TakeStatement();
  void WriteAnswer();

  PublishingService* const service_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_;
  std::optional<Caller> caller_;

  Step<PublishStream> read_{this, &PublishStream::OnRead};
  Step<PublishStream> due_{this, &PublishStream::OnDue};
  Step<PublishStream> write_{this, &PublishStream::OnWritten};
  Step<PublishStream> finish_{this, &PublishStream::OnFinished};

  // Unanswered statements; a deque, so that a slot stays where it is.
  std::deque<PublishingService::Slot> slots_;
  grpc::ByteBuffer request_;
  // Rings when the rate of its publisher allows what was read.
  grpc::Alarm delay_;
  // A read is under way, or what it read is not due yet.
  bool reading_ = false;
  bool writing_ = false;
  // An answer was written before.
  bool wrote_ = false;
  bool finished_ = false;
  // How the call ends once all is answered; none while it goes on.
  std::optional<absl::Status> end_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_PUBLISH_STREAM_H_
