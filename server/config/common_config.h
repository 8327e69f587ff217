// Checks and conversions of what both servers' configurations have.
#ifndef GACETA_SERVER_CONFIG_COMMON_CONFIG_H_
#define GACETA_SERVER_CONFIG_COMMON_CONFIG_H_

#include <string>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "server/config/common_config.pb.h"
#include "server/config/config_file.h"
#include "server/identity/server_credentials.h"
#include "server/relay/relay_service.h"

namespace gaceta {

// `path`, if it is relative, below the folder of `config_path`.
std::string ResolvePath(const std::string& config_path,
                        const std::string& path);

// Checks the fields `federation`, `listen`, `tls` and `relay_limits` of
// `config`.
void CheckCommon(const google::protobuf::Message& config,
                 const std::string& federation, const std::string& listen,
                 const config::RelayLimits& limits, ConfigFile* file);

// Checks the field `metrics_address`; empty is good. What is shown there is
// shown to anybody, so it has to be an address of this machine alone.
void CheckMetricsAddress(const google::protobuf::Message& config,
                         const std::string& address, ConfigFile* file);

// Whether `text` is `host:port` (or `[address]:port`) with a port that fits.
bool IsHostAndPort(absl::string_view text, bool any_port);

ServerTlsFiles ToTlsFiles(const config::TlsFiles& tls,
                          const std::string& config_path);
RelayOptions ToRelayOptions(const config::RelayLimits& limits);

// `log_origin` if it is set, else the default for `federation`.
std::string LogOriginOr(const std::string& log_origin,
                        const std::string& federation);

}  // namespace gaceta

#endif  // GACETA_SERVER_CONFIG_COMMON_CONFIG_H_
