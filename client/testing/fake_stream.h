// One subscription of a FakeRelay.
#ifndef GACETA_CLIENT_TESTING_FAKE_STREAM_H_
#define GACETA_CLIENT_TESTING_FAKE_STREAM_H_

#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/v1/relay.grpc.pb.h"
#include "grpcpp/support/server_callback.h"

namespace gaceta::client {

class FakeRelay;

// A thread of its own sends; gRPC's threads receive.
class FakeStream : public grpc::ServerBidiReactor<v1::SubscribeRequest,
                                                  v1::SubscribeResponse> {
 public:
  // `relay` must outlive it.
  explicit FakeStream(FakeRelay* relay);
  // Waits for the end of the stream.
  ~FakeStream() override;

  // The relay has something new, or a fault.
  void Wake();

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  void Run();
  absl::Status Serve();
  // Returns false if the client is gone.
  bool Send(const v1::SubscribeResponse& message);
  // Waits for news; false if none came for so long.
  bool AwaitNews(absl::Duration timeout);

  FakeRelay* const relay_;
  v1::SubscribeRequest incoming_;
  v1::SubscribeResponse outgoing_;

  absl::Mutex mu_;
  bool opened_ ABSL_GUARDED_BY(mu_) = false;
  v1::Open open_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool news_ ABSL_GUARDED_BY(mu_) = false;
  // The client is gone, or never spoke.
  bool gone_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;

  // Last, so that it finds the rest.
  std::thread thread_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_TESTING_FAKE_STREAM_H_
