// gaceta.v1.UpdatesService: reads of single entries and lists.
#ifndef GACETA_SERVER_SERVICES_UPDATES_SERVICE_H_
#define GACETA_SERVER_SERVICES_UPDATES_SERVICE_H_

#include "gaceta/v1/updates.grpc.pb.h"
#include "server/identity/authorizer.h"
#include "server/projections/projected_log.h"

namespace gaceta {

// The filter and the rule of visibility are those of the relay.
//
// Thread safety: called by gRPC's threads, concurrently.
class UpdatesService : public v1::UpdatesService::Service {
 public:
  // Both must outlive this object.
  UpdatesService(ProjectedLog* log, const Authorizer* authorizer)
      : log_(log), authorizer_(authorizer) {}

  grpc::Status ListUpdates(grpc::ServerContext* context,
                           const v1::ListUpdatesRequest* request,
                           v1::ListUpdatesResponse* response) override;
  grpc::Status GetUpdate(grpc::ServerContext* context,
                         const v1::GetUpdateRequest* request,
                         v1::GetUpdateResponse* response) override;

 private:
  absl::Status List(const Caller& caller, const v1::ListUpdatesRequest& request,
                    v1::ListUpdatesResponse* response);
  absl::Status Get(const Caller& caller, const v1::GetUpdateRequest& request,
                   v1::GetUpdateResponse* response);
  absl::Status ProveAll(v1::ListUpdatesResponse* response);
  absl::StatusOr<Position> PositionOf(const v1::GetUpdateRequest& request);

  ProjectedLog* const log_;
  const Authorizer* const authorizer_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_UPDATES_SERVICE_H_
