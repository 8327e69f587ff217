// Converts between absl::Status and grpc::Status, details included.
#ifndef GACETA_CLIENT_ERRORS_GRPC_STATUS_H_
#define GACETA_CLIENT_ERRORS_GRPC_STATUS_H_

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace gaceta {

// Details go into `grpc-status-details-bin` as a google.rpc.Status.
//
// All of it fits into the 8 KiB of trailers that a gRPC client takes unless it
// was told to take more: a long text is cut, then the descriptions of
// violations, then the list of them, which then says how many are left out.
grpc::Status ToGrpc(const absl::Status& status);

// Reads details back. A status of a server that sends none is kept as it is.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace gaceta

#endif  // GACETA_CLIENT_ERRORS_GRPC_STATUS_H_
