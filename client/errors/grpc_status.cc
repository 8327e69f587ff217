#include "errors/grpc_status.h"

#include <string>

#include "errors/errors.h"

namespace gaceta {

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()),
                      ToRpcStatus(status).SerializeAsString());
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status rpc;
  const bool has_details = !status.error_details().empty() &&
                           rpc.ParseFromString(status.error_details());
  if (!has_details) rpc.Clear();
  // The call's own status counts, whatever the details claim.
  rpc.set_code(status.error_code());
  rpc.set_message(status.error_message());
  return FromRpcStatus(rpc);
}

}  // namespace gaceta
