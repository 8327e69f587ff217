#include "server/config/common_config.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <filesystem>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "verify/spiffe_id.h"

namespace gaceta {
namespace {

// In digits: a name may mean another machine tomorrow.
bool IsLoopback(const std::string& host) {
  in_addr address;
  if (host == "[::1]") return true;
  return inet_pton(AF_INET, host.c_str(), &address) == 1 &&
         ntohl(address.s_addr) >> 24 == IN_LOOPBACKNET;
}

}  // namespace

std::string ResolvePath(const std::string& config_path,
                        const std::string& path) {
  const std::filesystem::path given(path);
  if (path.empty() || given.is_absolute()) return path;
  return (std::filesystem::path(config_path).parent_path() / given)
      .lexically_normal()
      .string();
}

bool IsHostAndPort(absl::string_view text, bool any_port) {
  const std::size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  int port = -1;
  return absl::SimpleAtoi(text.substr(colon + 1), &port) &&
         port >= (any_port ? 0 : 1) && port <= 65535;
}

void CheckCommon(const google::protobuf::Message& config,
                 const std::string& federation, const std::string& listen,
                 const config::RelayLimits& limits, ConfigFile* file) {
  file->Require(config, "federation", "a domain, as gaceta.example");
  if (!federation.empty() &&
      !SpiffeId::Parse(absl::StrCat("spiffe://", federation, "/x")).ok()) {
    file->Wrong(config, "federation",
                absl::StrCat("is \"", federation,
                             "\", expected a domain in lower case"));
  }
  if (!IsHostAndPort(listen, /*any_port=*/true)) {
    file->Wrong(config, "listen",
                absl::StrCat("is \"", listen, "\", expected host:port"));
  }
  file->Require(config, "tls.certificate_file", "the path of a PEM file");
  file->Require(config, "tls.key_file", "the path of a PEM file");
  file->Require(config, "tls.root_file", "the path of a PEM file");
  file->RequireRange(config, "relay_limits.max_streams_per_identity",
                     limits.max_streams_per_identity(), 1, 100'000);
  file->RequireRange(config, "relay_limits.heartbeat_seconds",
                     limits.heartbeat_seconds(), 1, 300);
}

void CheckMetricsAddress(const google::protobuf::Message& config,
                         const std::string& address, ConfigFile* file) {
  if (address.empty()) return;
  const std::string host = address.substr(0, address.rfind(':'));
  if (IsHostAndPort(address, /*any_port=*/true) && IsLoopback(host)) return;
  file->Wrong(config, "metrics_address",
              absl::StrCat("is \"", address,
                           "\", expected 127.0.0.1:port or [::1]:port, which "
                           "only this machine reaches"));
}

ServerTlsFiles ToTlsFiles(const config::TlsFiles& tls,
                          const std::string& config_path) {
  return {ResolvePath(config_path, tls.certificate_file()),
          ResolvePath(config_path, tls.key_file()),
          ResolvePath(config_path, tls.root_file())};
}

RelayOptions ToRelayOptions(const config::RelayLimits& limits) {
  RelayOptions options;
  options.max_streams_per_identity = limits.max_streams_per_identity();
  options.heartbeat = absl::Seconds(limits.heartbeat_seconds());
  return options;
}

std::string LogOriginOr(const std::string& log_origin,
                        const std::string& federation) {
  return log_origin.empty() ? absl::StrCat("hub.", federation, "/log")
                            : log_origin;
}

}  // namespace gaceta
