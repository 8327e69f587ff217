// gaceta-node: a state's window to the federation.
#include <memory>
#include <string>
#include <utility>

#include "server/config/load_node_config.h"
#include "server/main/server_main.h"
#include "server/node/node.h"

namespace gaceta {
namespace {

class RunningNode : public RunningServer {
 public:
  RunningNode(std::unique_ptr<Node> node, NodeOptions options)
      : node_(std::move(node)), options_(std::move(options)) {}

  std::string Describe() const override {
    return DescribeServer(node_->identity().id.ToString(),
                          options_.listen_address, node_->port(),
                          options_.data_folder, node_->identity().not_after) +
           " hub=" + options_.hub.server;
  }
  void Drain(absl::Time deadline) override { node_->Drain(deadline); }

 private:
  const std::unique_ptr<Node> node_;
  const NodeOptions options_;
};

absl::StatusOr<std::unique_ptr<RunningServer>> Start(
    const NodeOptions& options) {
  auto node = Node::Start(options);
  if (!node.ok()) return node.status();
  return std::make_unique<RunningNode>(*std::move(node), options);
}

absl::StatusOr<ServerToRun> Load(const std::string& path) {
  auto config = LoadNodeConfig(path);
  if (!config.ok()) return config.status();
  if (auto own = Node::Check(config->options); !own.ok()) return own.status();
  return ServerToRun{config->log_level,
                     [options = config->options] { return Start(options); }};
}

}  // namespace
}  // namespace gaceta

int main(int argc, char** argv) {
  return gaceta::RunServerProgram(
      {"gaceta-node",
       "A state's node: signs and publishes its updates, mirrors the "
       "federation's, and serves both to the state's own programs.",
       "/etc/gaceta/node.textproto", gaceta::ServerKind::kNode, gaceta::Load},
      argc, argv);
}
