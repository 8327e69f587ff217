#include "server/services/health_service.h"

#include <memory>

#include "absl/status/status.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "grpcpp/support/async_stream.h"
#include "server/rpc/call.h"

namespace gaceta {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

// Says how the server is when it is opened, and when it drains. It serves as
// long as it does not drain, so there is nothing to say in between.
class HealthService::WatchCall : public Call {
 public:
  WatchCall(AsyncHealthService* service, OpenCalls* calls)
      : Call(calls), writer_(context()) {
    service->RequestWatch(context(), &request_, &writer_, loop()->queue(),
                          loop()->queue(), WaitForCall());
  }

  void Drain() override {
    draining_ = true;
    FinishIfIdle();
  }

 private:
  void OnOpen() override {
    writing_ = true;
    writer_.Write(Saying(IsKnown() ? HealthCheckResponse::SERVING
                                   : HealthCheckResponse::SERVICE_UNKNOWN),
                  write_.Begin());
  }

  bool IsKnown() const { return request_.service().empty(); }

  static HealthCheckResponse Saying(HealthCheckResponse::ServingStatus status) {
    HealthCheckResponse response;
    response.set_status(status);
    return response;
  }

  void OnWritten(bool /*ok*/) {
    writing_ = false;
    FinishIfIdle();
  }

  void FinishIfIdle() {
    if (!draining_ || writing_ || finished_ || is_over()) return;
    finished_ = true;
    const grpc::Status status = ToGrpc(WithReason(
        absl::UnavailableError("the server shuts down"), "DRAINING"));
    if (IsKnown()) {
      writer_.WriteAndFinish(Saying(HealthCheckResponse::NOT_SERVING),
                             grpc::WriteOptions(), status, finish_.Begin());
    } else {
      writer_.Finish(status, finish_.Begin());
    }
  }

  void OnFinished(bool /*ok*/) {}

  HealthCheckRequest request_;
  grpc::ServerAsyncWriter<HealthCheckResponse> writer_;
  Step<WatchCall> write_{this, &WatchCall::OnWritten};
  Step<WatchCall> finish_{this, &WatchCall::OnFinished};
  bool writing_ = false;
  bool draining_ = false;
  bool finished_ = false;
};

HealthService::HealthService(CallLoop* loop)
    : watches_(loop, [this] {
        return std::make_unique<WatchCall>(this, &watches_);
      }) {}

void HealthService::Drain() {
  serving_.store(false);
  watches_.Drain();
}

grpc::Status HealthService::Check(grpc::ServerContext* /*context*/,
                                  const HealthCheckRequest* request,
                                  HealthCheckResponse* response) {
  if (!request->service().empty()) {
    return ToGrpc(absl::NotFoundError(
        "service: only the server as a whole is known, by an empty name"));
  }
  response->set_status(serving_.load() ? HealthCheckResponse::SERVING
                                       : HealthCheckResponse::NOT_SERVING);
  return grpc::Status::OK;
}

}  // namespace gaceta
