// gaceta.v1.RegistryService: who belongs to the federation.
#ifndef GACETA_SERVER_SERVICES_REGISTRY_SERVICE_H_
#define GACETA_SERVER_SERVICES_REGISTRY_SERVICE_H_

#include "gaceta/v1/registry.grpc.pb.h"
#include "server/identity/authorizer.h"
#include "server/projections/projected_log.h"

namespace gaceta {

// Reads the registry as this server's copy of the log makes it.
//
// Thread safety: called by gRPC's threads, concurrently.
class RegistryService : public v1::RegistryService::Service {
 public:
  // Both must outlive this object.
  RegistryService(ProjectedLog* log, const Authorizer* authorizer)
      : log_(log), authorizer_(authorizer) {}

  grpc::Status ListMembers(grpc::ServerContext* context,
                           const v1::ListMembersRequest* request,
                           v1::ListMembersResponse* response) override;
  grpc::Status ListCorridors(grpc::ServerContext* context,
                             const v1::ListCorridorsRequest* request,
                             v1::ListCorridorsResponse* response) override;
  grpc::Status ListTopics(grpc::ServerContext* context,
                          const v1::ListTopicsRequest* request,
                          v1::ListTopicsResponse* response) override;
  grpc::Status ListRegistryEntries(
      grpc::ServerContext* context,
      const v1::ListRegistryEntriesRequest* request,
      v1::ListRegistryEntriesResponse* response) override;

 private:
  absl::Status ListEntries(const v1::ListRegistryEntriesRequest& request,
                           v1::ListRegistryEntriesResponse* response);

  ProjectedLog* const log_;
  const Authorizer* const authorizer_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_REGISTRY_SERVICE_H_
