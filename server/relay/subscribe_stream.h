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
#include "grpcpp/support/async_stream.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/relay/entry_stream.h"
#include "server/relay/relay_service.h"
#include "server/rpc/call.h"
#include "server/rpc/call_loop.h"
#include "server/rpc/open_calls.h"

namespace gaceta {

// Subscribe takes and gives raw bytes: entries are encoded once, not for each
// stream.
using RawRelayService =
    v1::RelayService::WithRawMethod_Subscribe<v1::RelayService::Service>;

// What a stream asks of its relay. Called on the loop's thread.
class SubscribeHost {
 public:
  virtual ~SubscribeHost() = default;

  // Counts one more stream of `identity`; false if it has too many.
  virtual bool Admit(const std::string& identity) = 0;
  virtual void Release(const std::string& identity) = 0;
  // A stream of that name begins or ends to use a named subscription.
  virtual void Connected(const std::string& name, bool connected) = 0;
  // Whether one uses it.
  virtual bool IsConnected(const std::string& name) const = 0;

  virtual const RelayDependencies& dependencies() const = 0;
  virtual const RelayOptions& options() const = 0;
};

// Life: waiting for a call -> opening (first message) -> streaming -> ending.
// SetState() is the only place that changes it.
//
// Thread safety: the loop's thread only.
class SubscribeStream : public Call, private TurnTaker {
 public:
  SubscribeStream(SubscribeHost* host, RawRelayService* service,
                  OpenCalls* calls);
  ~SubscribeStream() override;

  // There may be something to send. A stream that is near the end sends it now;
  // one that is far behind has much to send, and waits for its turn, so that
  // nobody who is live waits for it.
  void Advance();
  // Sends progress if it is due.
  void Tick(absl::Time now);
  // Tells the client that the server ends, and ends the call.
  void Drain() override;
  // The registry changed: ends the stream if its caller may no longer have it,
  // else goes on with what the filter now means.
  void FollowRegistry();

 private:
  enum class State { kWaiting, kOpening, kStreaming, kEnding };

  void OnOpen() override;
  void OnRead(bool ok);
  void OnWritten(bool ok);
  void OnFinished(bool /*ok*/) {}

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
    return state_ == State::kStreaming && !writing_ && !is_over();
  }
  void AwaitTurn();
  // Sends what can be sent at once.
  void TakeTurn() override;
  void Pump();
  void Write(const grpc::ByteBuffer& message);
  void WriteProgress();
  void End(const absl::Status& status, absl::string_view closing_reason);
  void FinishIfIdle();

  SubscribeHost* const host_;
  State state_ = State::kWaiting;
  grpc::ServerAsyncReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer> stream_;

  Step<SubscribeStream> read_{this, &SubscribeStream::OnRead};
  Step<SubscribeStream> write_{this, &SubscribeStream::OnWritten};
  Step<SubscribeStream> finish_{this, &SubscribeStream::OnFinished};
  bool writing_ = false;
  bool awaits_turn_ = false;
  bool finished_ = false;

  grpc::ByteBuffer incoming_;
  std::optional<Caller> caller_;
  std::string identity_;
  bool admitted_ = false;
  // Full name of the named subscription; empty without one.
  std::string subscription_;
  bool connected_ = false;
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
