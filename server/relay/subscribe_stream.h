// One Subscribe call: its gRPC side. Internal to the relay.
#ifndef GACETA_SERVER_RELAY_SUBSCRIBE_STREAM_H_
#define GACETA_SERVER_RELAY_SUBSCRIBE_STREAM_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/relay.grpc.pb.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/relay/entry_stream.h"
#include "server/relay/relay_service.h"

namespace gaceta {

// Subscribe takes and gives raw bytes: entries are encoded once, not for each
// stream.
using RawRelayService =
    v1::RelayService::WithRawMethod_Subscribe<v1::RelayService::Service>;

class SubscribeStream;

// What a stream asks of the loop that drives it. Called on the loop's thread.
class SubscribeLoop {
 public:
  virtual ~SubscribeLoop() = default;

  // Counts one more stream of `identity`; false if it has too many.
  virtual bool Admit(const std::string& identity) = 0;
  virtual void Release(const std::string& identity) = 0;
  // A stream of that name begins or ends to use a named subscription.
  virtual void Connected(const std::string& name, bool connected) = 0;
  // Calls TakeTurn() later: after what has happened by then, and after those
  // that wait already.
  virtual void AwaitTurn(SubscribeStream* stream) = 0;
  // A call came in: another one may.
  virtual void Accepted() = 0;
  // The stream has ended and has no operation under way. Destroys it.
  virtual void Ended(SubscribeStream* stream, bool was_accepted) = 0;

  virtual const RelayDependencies& dependencies() const = 0;
  virtual const RelayOptions& options() const = 0;
  virtual bool draining() const = 0;
};

// Life: waiting for a call -> opening (first message) -> streaming -> ending.
// SetState() is the only place that changes it.
//
// Thread safety: the loop's thread only.
class SubscribeStream {
 public:
  SubscribeStream(SubscribeLoop* loop, RawRelayService* service,
                  grpc::ServerCompletionQueue* queue);

  // There may be something to send. A stream that is near the end sends it now;
  // one that is far behind has much to send, and waits for its turn, so that
  // nobody who is live waits for it.
  void Advance();
  // Sends what can be sent at once.
  void TakeTurn();
  // Sends progress if it is due.
  void Tick(absl::Time now);
  // Tells the client that the server ends, and ends the call.
  void Drain();
  // The registry changed: ends the stream if its caller may no longer have it,
  // else goes on with what the filter now means.
  void FollowRegistry();

  // One operation of gRPC that is under way; its address is the tag.
  struct Operation {
    SubscribeStream* stream;
    void (SubscribeStream::*done)(bool ok);
  };

 private:
  enum class State { kWaiting, kOpening, kStreaming, kEnding };

  void OnCall(bool ok);
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool ok);
  void OnDone(bool ok);

  void SetState(State state, absl::string_view why);
  absl::Status Open(const v1::Open& open);
  absl::StatusOr<Position> StartOf(const v1::Open& open);
  absl::Status ProveStart(const v1::Open& open,
                          v1::SubscribeResponse* response);
  absl::Status SetHeartbeat(const v1::Open& open);
  absl::Status SetSubscription(const v1::Open& open);
  absl::Status Acknowledge(const v1::Acknowledgement& acknowledgement);
  void StartRead();
  bool MaySend() const {
    return state_ == State::kStreaming && !writing_ && !over_;
  }
  void AwaitTurn();
  void Pump();
  void Write(const grpc::ByteBuffer& message);
  void WriteProgress();
  void End(const absl::Status& status, absl::string_view closing_reason);
  void FinishIfIdle();
  void EndIfOver();

  SubscribeLoop* const loop_;
  State state_ = State::kWaiting;
  grpc::ServerContext context_;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_;

  Operation call_{this, &SubscribeStream::OnCall};
  Operation read_{this, &SubscribeStream::OnRead};
  Operation write_{this, &SubscribeStream::OnWritten};
  Operation finish_{this, &SubscribeStream::OnFinished};
  Operation done_{this, &SubscribeStream::OnDone};
  // Operations whose tag has not come back.
  int under_way_ = 0;
  bool writing_ = false;
  bool awaits_turn_ = false;
  bool finished_ = false;
  bool over_ = false;

  grpc::ByteBuffer incoming_;
  std::optional<Caller> caller_;
  std::string identity_;
  bool admitted_ = false;
  // Full name of the named subscription; empty without one.
  std::string subscription_;
  // The client has kept everything below.
  Position acknowledged_ = 0;
  v1::Filter filter_;
  absl::Duration heartbeat_;
  std::unique_ptr<EntryStream> entries_;
  absl::Time last_sent_;
  // Set once the stream is to end: how.
  std::optional<absl::Status> end_status_;
  std::string closing_reason_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_SUBSCRIBE_STREAM_H_
