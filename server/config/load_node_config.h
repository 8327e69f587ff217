// From a configuration file to what a node is started with.
#ifndef GACETA_SERVER_CONFIG_LOAD_NODE_CONFIG_H_
#define GACETA_SERVER_CONFIG_LOAD_NODE_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "server/config/node_config.pb.h"
#include "server/node/node.h"

namespace gaceta {

struct LoadedNodeConfig {
  NodeOptions options;
  // Empty: no metrics.
  std::string metrics_address;
  config::LogLevel log_level = config::INFO;
};

// Relative paths are relative to the folder of the file. All mistakes are
// reported at once, each as `file:line:column: field: text`.
absl::StatusOr<LoadedNodeConfig> LoadNodeConfig(const std::string& path);

}  // namespace gaceta

#endif  // GACETA_SERVER_CONFIG_LOAD_NODE_CONFIG_H_
