// grpc.health.v1.Health: whether the server takes calls.
#ifndef GACETA_SERVER_SERVICES_HEALTH_SERVICE_H_
#define GACETA_SERVER_SERVICES_HEALTH_SERVICE_H_

#include <atomic>

#include "grpc/health/v1/health.grpc.pb.h"
#include "server/rpc/call_loop.h"
#include "server/rpc/open_calls.h"

namespace gaceta {

using AsyncHealthService = grpc::health::v1::Health::WithAsyncMethod_Watch<
    grpc::health::v1::Health::Service>;

// The one that gRPC has itself is not used: with it come two threads more that
// wait for events, and hand each event to one another.
//
// Knows the server as a whole alone, as gRPC's does. Who may connect may ask.
//
// Threads: the loop's drives watches; Check() runs on gRPC's own threads.
class HealthService : public AsyncHealthService {
 public:
  // `loop` must outlive this object.
  explicit HealthService(CallLoop* loop);

  // After the server is built, before the loop runs.
  void Start() { watches_.Start(); }
  // By any thread: says from now on that the server does not serve, and ends
  // watches with that. Does not wait for it.
  void Drain();

  grpc::Status Check(grpc::ServerContext* context,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::health::v1::HealthCheckResponse* response) override;

 private:
  class WatchCall;

  std::atomic<bool> serving_{true};
  OpenCalls watches_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_HEALTH_SERVICE_H_
