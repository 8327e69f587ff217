// gaceta.v1.WitnessService: nodes cosign the hub's checkpoints.
#ifndef GACETA_SERVER_HUB_WITNESS_SERVICE_H_
#define GACETA_SERVER_HUB_WITNESS_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/v1/witness.grpc.pb.h"
#include "server/hub/cosigning.h"
#include "server/hub/open_streams.h"
#include "server/identity/authorizer.h"

namespace gaceta {

class WitnessLine;

// Threads: gRPC's own carry the lines; one of its own begins rounds.
class WitnessService : public v1::WitnessService::CallbackService {
 public:
  // Both must outlive this object.
  WitnessService(ProjectedLog* log, const Authorizer* authorizer,
                 Cosigning::Options options = {});
  ~WitnessService() override;

  // The log has grown. Returns at once.
  void Wake();
  // Ends every line and takes no more. Returns when all have ended or
  // `deadline` has come.
  void Drain(absl::Time deadline);

  grpc::ServerBidiReactor<v1::WitnessRequest, v1::WitnessResponse>* Witness(
      grpc::CallbackServerContext* context) override;

 private:
  friend class WitnessLine;

  void Loop();

  const Authorizer* const authorizer_;
  Cosigning cosigning_;
  std::atomic<std::uint64_t> next_line_{1};

  OpenStreams<WitnessLine> streams_;

  absl::Mutex mu_;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_WITNESS_SERVICE_H_
