#include "server/config/load_node_config.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/config/common_config.h"
#include "server/config/config_file.h"

namespace gaceta {
namespace {

bool IsStateCode(const std::string& text) {
  return text.size() == 2 && text[0] >= 'A' && text[0] <= 'Z' &&
         text[1] >= 'A' && text[1] <= 'Z';
}

}  // namespace

absl::StatusOr<LoadedNodeConfig> LoadNodeConfig(const std::string& path) {
  config::NodeConfig config;
  ConfigFile file(path);
  if (absl::Status s = file.Parse(&config); !s.ok()) return s;
  CheckCommon(config, config.federation(), config.listen(),
              config.relay_limits(), &file);
  if (!IsStateCode(config.state())) {
    file.Wrong(config, "state",
               absl::StrCat("is \"", config.state(),
                            "\", expected ISO 3166-1 alpha-2, as HN"));
  }
  CheckMetricsAddress(config, config.metrics_address(), &file);
  file.Require(config, "data_folder", "a path");
  file.Require(config, "signer_key_file", "the path of a PEM file");
  if (!IsHostAndPort(config.hub(), /*any_port=*/false)) {
    file.Wrong(config, "hub",
               absl::StrCat("is \"", config.hub(), "\", expected host:port"));
  }
  if (absl::Status s = file.status(); !s.ok()) return s;

  LoadedNodeConfig loaded;
  NodeOptions& options = loaded.options;
  options.state = config.state();
  options.federation = config.federation();
  options.log_origin = LogOriginOr(config.log_origin(), config.federation());
  options.listen_address = config.listen();
  options.data_folder = ResolvePath(path, config.data_folder());
  options.tls = ToTlsFiles(config.tls(), path);
  options.signer_key_file = ResolvePath(path, config.signer_key_file());
  if (!config.cosigner_key_file().empty()) {
    options.cosigner_key_file = ResolvePath(path, config.cosigner_key_file());
  }
  options.hub.server = config.hub();
  options.hub.server_id =
      absl::StrCat("spiffe://secretariat.", config.federation(), "/hub");
  options.hub.certificate_file = options.tls.certificate_file;
  options.hub.key_file = options.tls.key_file;
  options.hub.root_file = options.tls.root_file;
  options.mirror_filter = config.mirror_filter();
  options.mirror_documents = config.mirror_documents();
  options.relay = ToRelayOptions(config.relay_limits());
  loaded.metrics_address = config.metrics_address();
  loaded.log_level = config.log_level();
  return loaded;
}

}  // namespace gaceta
