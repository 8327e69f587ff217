// What every server of Gaceta sets alike: limits, keepalive and reflection.
#ifndef GACETA_SERVER_SERVICES_SERVER_BUILDER_H_
#define GACETA_SERVER_SERVICES_SERVER_BUILDER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

namespace gaceta {

// Largest message that a server accepts.
inline constexpr int kMaxMessageBytes = 1024 * 1024;

// Prepares `builder` to listen at `address` (`host:port`, port 0 for any); the
// port is written to `port` when the server is built. Call once per process
// before the first server is built, and for each server.
void PrepareServer(const std::string& address,
                   std::shared_ptr<grpc::ServerCredentials> credentials,
                   grpc::ServerBuilder* builder, int* port);

// Builds and starts. kUnavailable if the address cannot be listened at.
absl::StatusOr<std::unique_ptr<grpc::Server>> StartServer(
    const std::string& address, grpc::ServerBuilder* builder, const int* port);

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_SERVER_BUILDER_H_
