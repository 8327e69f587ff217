// One Subscribe call. Used inside the client library alone.
#ifndef GACETA_CLIENT_GACETA_RELAY_CALL_H_
#define GACETA_CLIENT_GACETA_RELAY_CALL_H_

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/v1/relay.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

namespace gaceta::client {

// Makes a stream of callbacks one that can be waited on. Holds one message that
// was received and not read; gRPC's flow control bounds the rest.
//
// Thread safety: Read() by one thread, the rest by any.
class RelayCall : private grpc::ClientBidiReactor<v1::SubscribeRequest,
                                                  v1::SubscribeResponse> {
 public:
  // Starts the call and sends `open`.
  RelayCall(v1::RelayService::Stub* stub, const v1::Open& open);
  // Cancels the call and waits for its end.
  ~RelayCall() override;
  RelayCall(const RelayCall&) = delete;
  RelayCall& operator=(const RelayCall&) = delete;

  enum class Event { kMessage, kEnded, kTimeout };

  // Waits for the next message, or the end of the call, until `deadline`.
  Event Read(absl::Time deadline, v1::SubscribeResponse* message);

  // How the call ended, once Read() returned kEnded.
  absl::Status status() const;

  // Sends an acknowledgement. While one is being sent, only the latest waits.
  void Acknowledge(std::int64_t next_position);

  void Cancel() { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  // Sends what waits, if nothing is being sent.
  void MaybeWrite();
  // No more operations are started from outside gRPC's callbacks.
  void Release();

  grpc::ClientContext context_;
  // Each belongs to gRPC while a read or a write is under way.
  v1::SubscribeResponse incoming_;
  v1::SubscribeRequest outgoing_;

  // Never held while an operation of gRPC is started.
  mutable absl::Mutex mu_;
  bool have_message_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  // Whether OnDone() waits for Release().
  bool held_ ABSL_GUARDED_BY(mu_) = true;
  std::int64_t waiting_acknowledgement_ ABSL_GUARDED_BY(mu_) = -1;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_RELAY_CALL_H_
