#include "server/services/server_builder.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"

namespace gaceta {
namespace {

constexpr int kSecond = 1000;

}  // namespace

void PrepareServer(const std::string& address,
                   std::shared_ptr<grpc::ServerCredentials> credentials,
                   grpc::ServerBuilder* builder, int* port) {
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  builder->AddListeningPort(address, std::move(credentials), port);
  builder->SetMaxReceiveMessageSize(kMaxMessageBytes);
  // Streams of one connection; the limit by identity is the relay's.
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 100);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, 8192);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                              10 * kSecond);
  // Notices connections that died silently, and bears clients that look.
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30 * kSecond);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10 * kSecond);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 20 * kSecond);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MAX_PING_STRIKES, 2);
  // Two servers at one port would share clients by chance.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
}

absl::StatusOr<std::unique_ptr<grpc::Server>> StartServer(
    const std::string& address, grpc::ServerBuilder* builder, const int* port) {
  std::unique_ptr<grpc::Server> server = builder->BuildAndStart();
  if (server == nullptr || *port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen at ", address,
                     "; is another server using this address?"));
  }
  return server;
}

}  // namespace gaceta
