#include "server/config/load_hub_config.h"

#include <string>
#include <utility>

#include "server/config/common_config.h"
#include "server/config/config_file.h"

namespace gaceta {

absl::StatusOr<LoadedHubConfig> LoadHubConfig(const std::string& path) {
  config::HubConfig config;
  ConfigFile file(path);
  if (absl::Status s = file.Parse(&config); !s.ok()) return s;
  CheckCommon(config, config.federation(), config.listen(),
              config.relay_limits(), &file);
  CheckMetricsAddress(config, config.metrics_address(), &file);
  file.Require(config, "data_folder", "a path");
  const config::PublishLimits& limits = config.publish_limits();
  file.RequireRange(config, "publish_limits.per_second", limits.per_second(),
                    0.1, 1e9);
  file.RequireRange(config, "publish_limits.burst", limits.burst(), 1, 1e9);
  file.RequireRange(config, "publish_limits.window", limits.window(), 1,
                    100'000);
  if (absl::Status s = file.status(); !s.ok()) return s;

  LoadedHubConfig loaded;
  HubOptions& options = loaded.options;
  options.federation = config.federation();
  options.log_origin = LogOriginOr(config.log_origin(), config.federation());
  options.listen_address = config.listen();
  options.data_folder = ResolvePath(path, config.data_folder());
  if (!config.log_key_file().empty()) {
    options.log_key_file = ResolvePath(path, config.log_key_file());
  }
  options.tls = ToTlsFiles(config.tls(), path);
  options.relay = ToRelayOptions(config.relay_limits());
  options.publishing.window = limits.window();
  options.publishing.rate.per_second = limits.per_second();
  options.publishing.rate.burst = limits.burst();
  loaded.metrics_address = config.metrics_address();
  loaded.log_level = config.log_level();
  return loaded;
}

}  // namespace gaceta
