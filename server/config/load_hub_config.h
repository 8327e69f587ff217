// From a configuration file to what the hub is started with.
#ifndef GACETA_SERVER_CONFIG_LOAD_HUB_CONFIG_H_
#define GACETA_SERVER_CONFIG_LOAD_HUB_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/config/hub_config.pb.h"
#include "server/hub/hub.h"

namespace gaceta {

struct LoadedHubConfig {
  HubOptions options;
  // Empty: no metrics.
  std::string metrics_address;
  config::LogLevel log_level = config::INFO;
};

// Relative paths are relative to the folder of the file. All mistakes are
// reported at once, each as `file:line:column: field: text`.
absl::StatusOr<LoadedHubConfig> LoadHubConfig(const std::string& path);

}  // namespace gaceta

#endif  // GACETA_SERVER_CONFIG_LOAD_HUB_CONFIG_H_
