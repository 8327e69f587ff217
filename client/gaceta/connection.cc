#include "gaceta/connection.h"

#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/security/tls_certificate_provider.h"
#include "grpcpp/security/tls_certificate_verifier.h"
#include "grpcpp/security/tls_credentials_options.h"
#include "grpcpp/support/channel_arguments.h"
#include "verify/server_names.h"
#include "verify/spiffe_id.h"

namespace gaceta::client {
namespace {

namespace tls = grpc::experimental;

// How often files are looked at for changes.
constexpr unsigned kReloadSeconds = 30;

// While no call is under way, gRPC 1.51 drives a channel's attempt to connect
// by a poll every 5 s, and needs several to connect: a program that waits
// between two attempts would take half a minute to find a server that is back.
// A quicker poll costs an idle program some microseconds each time. gRPC reads
// it once, when it is first used; whoever has set it keeps what was set.
void PollWaitingChannels() {
  static const bool done [[maybe_unused]] = [] {
    return setenv("GRPC_CLIENT_CHANNEL_BACKUP_POLL_INTERVAL_MS", "50",
                  /*overwrite=*/0) == 0;
  }();
}

// Lets a handshake go on only with the server that was asked for. TLS has
// checked the chain to the root before.
class ServerIdVerifier : public tls::ExternalCertificateVerifier {
 public:
  explicit ServerIdVerifier(SpiffeId expected)
      : expected_(std::move(expected)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/,
              grpc::Status* sync_status) override {
    std::string seen;
    for (const grpc::string_ref& uri : request->uri_names()) {
      absl::StrAppend(&seen, seen.empty() ? "" : ", ",
                      absl::string_view(uri.data(), uri.size()));
    }
    if (seen != expected_.ToString()) {
      *sync_status =
          grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                       absl::StrCat("the server is \"", seen, "\", expected ",
                                    expected_.ToString()));
    } else if (absl::Status s =
                   CheckServerNames(expected_, {Strings(request->dns_names()),
                                                Strings(request->ip_names())});
               !s.ok()) {
      *sync_status = grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                  std::string(s.message()));
    }
    return true;
  }

  void Cancel(tls::TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  static std::vector<std::string> Strings(
      const std::vector<grpc::string_ref>& names) {
    std::vector<std::string> strings;
    for (const grpc::string_ref& name : names) {
      strings.emplace_back(name.data(), name.size());
    }
    return strings;
  }

  const SpiffeId expected_;
};

absl::Status CheckReadable(absl::string_view option, const std::string& path) {
  if (path.empty()) {
    return InvalidField(option, "is empty, expected the path of a PEM file");
  }
  if (!std::ifstream(path).good()) {
    return absl::NotFoundError(absl::StrCat(option, ": cannot read ", path));
  }
  return absl::OkStatus();
}

absl::Status CheckPrivate(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return absl::PermissionDeniedError(absl::StrCat(
        "key_file: ", path, " can be read by others; run chmod 600 ", path));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(
    const ConnectionOptions& options) {
  if (options.server.empty()) {
    return InvalidField("server", "is empty, expected host:port");
  }
  auto server_id = SpiffeId::Parse(options.server_id);
  if (!server_id.ok()) {
    return InvalidField("server_id", server_id.status().message());
  }
  for (const auto& [option, path] :
       {std::pair<absl::string_view, const std::string&>{
            "certificate_file", options.certificate_file},
        {"key_file", options.key_file},
        {"root_file", options.root_file}}) {
    if (absl::Status s = CheckReadable(option, path); !s.ok()) return s;
  }
  if (absl::Status s = CheckPrivate(options.key_file); !s.ok()) return s;

  PollWaitingChannels();
  tls::TlsChannelCredentialsOptions credentials;
  credentials.set_certificate_provider(
      std::make_shared<tls::FileWatcherCertificateProvider>(
          options.key_file, options.certificate_file, options.root_file,
          kReloadSeconds));
  credentials.watch_root_certs();
  credentials.watch_identity_key_cert_pairs();
  credentials.set_verify_server_certs(true);
  credentials.set_check_call_host(false);
  credentials.set_certificate_verifier(
      tls::ExternalCertificateVerifier::Create<ServerIdVerifier>(
          *std::move(server_id)));

  grpc::ChannelArguments arguments;
  // Without these a connection that died silently is noticed after hours.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(
      GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
      static_cast<int>(absl::ToInt64Milliseconds(options.connect_timeout)));
  arguments.SetInt(
      GRPC_ARG_MAX_RECONNECT_BACKOFF_MS,
      static_cast<int>(absl::ToInt64Milliseconds(options.max_backoff)));
  // A channel is one connection of its own: streams of two programs, or of a
  // test, do not share flow control by accident.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(4 * 1024 * 1024);
  return grpc::CreateCustomChannel(options.server,
                                   tls::TlsCredentials(credentials), arguments);
}

}  // namespace gaceta::client
