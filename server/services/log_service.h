// gaceta.v1.LogService: checkpoints, and proofs of single entries.
#ifndef GACETA_SERVER_SERVICES_LOG_SERVICE_H_
#define GACETA_SERVER_SERVICES_LOG_SERVICE_H_

#include "absl/status/status.h"
#include "gaceta/v1/log.grpc.pb.h"
#include "server/identity/authorizer.h"
#include "server/projections/projected_log.h"

namespace gaceta {

// Threads: gRPC's own.
class LogService : public v1::LogService::Service {
 public:
  // Both must outlive this object.
  LogService(ProjectedLog* log, const Authorizer* authorizer)
      : log_(log), authorizer_(authorizer) {}

  grpc::Status GetCheckpoint(grpc::ServerContext* context,
                             const v1::GetCheckpointRequest* request,
                             v1::GetCheckpointResponse* response) override;
  grpc::Status GetProof(grpc::ServerContext* context,
                        const v1::GetProofRequest* request,
                        v1::GetProofResponse* response) override;

 private:
  absl::Status Checkpoint(const v1::GetCheckpointRequest& request,
                          v1::GetCheckpointResponse* response);
  absl::Status Prove(const v1::GetProofRequest& request,
                     v1::GetProofResponse* response);

  ProjectedLog* const log_;
  const Authorizer* const authorizer_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_LOG_SERVICE_H_
