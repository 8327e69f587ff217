// gaceta-hub: orders and relays the statements of the federation.
#include <memory>
#include <string>
#include <utility>

#include "server/config/load_hub_config.h"
#include "server/hub/hub.h"
#include "server/main/server_main.h"

namespace gaceta {
namespace {

class RunningHub : public RunningServer {
 public:
  RunningHub(std::unique_ptr<Hub> hub, HubOptions options)
      : hub_(std::move(hub)), options_(std::move(options)) {}

  std::string Describe() const override {
    return DescribeServer(hub_->identity().id.ToString(),
                          options_.listen_address, hub_->port(),
                          options_.data_folder, hub_->identity().not_after) +
           " log=" + options_.log_origin +
           " log_size=" + std::to_string(hub_->log_size());
  }
  void Drain(absl::Time deadline) override { hub_->Drain(deadline); }

 private:
  const std::unique_ptr<Hub> hub_;
  const HubOptions options_;
};

absl::StatusOr<std::unique_ptr<RunningServer>> Start(
    const HubOptions& options) {
  auto hub = Hub::Start(options);
  if (!hub.ok()) return hub.status();
  return std::make_unique<RunningHub>(*std::move(hub), options);
}

absl::StatusOr<ServerToRun> Load(const std::string& path) {
  auto config = LoadHubConfig(path);
  if (!config.ok()) return config.status();
  if (auto own = Hub::Check(config->options); !own.ok()) return own.status();
  return ServerToRun{config->log_level,
                     [options = config->options] { return Start(options); }};
}

}  // namespace
}  // namespace gaceta

int main(int argc, char** argv) {
  return gaceta::RunServerProgram(
      {"gaceta-hub",
       "The hub of a Gaceta federation: takes signed statements from the "
       "states' nodes, orders them in one log and relays them.",
       "/etc/gaceta/hub.textproto", gaceta::ServerKind::kHub, gaceta::Load},
      argc, argv);
}
