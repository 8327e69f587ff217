// gaceta-node: a state's window to the federation.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "server/config/load_node_config.h"
#include "server/main/server_main.h"
#include "server/metrics/metrics_server.h"
#include "server/metrics/server_gauges.h"
#include "server/node/node.h"

namespace gaceta {
namespace {

// What only a node has to tell.
std::vector<Gauge> NodeGauges(const Node& node) {
  std::vector<Gauge> gauges = {
      {"gaceta_log_trusted",
       "Whether the hub's log is trusted; 0 until a person dismisses the "
       "evidence.",
       node.trust_status().ok() ? 1.0 : 0.0},
      {"gaceta_mirror_status",
       "Whether the mirror follows the hub; 0 when it has ended.",
       node.mirror_status().ok() ? 1.0 : 0.0}};
  const absl::StatusOr<std::uint64_t> pending = node.pending();
  if (pending.ok()) {
    gauges.push_back({"gaceta_outbox_pending",
                      "Submissions that the hub does not have yet.",
                      static_cast<double>(*pending)});
  }
  return gauges;
}

LogFigures LogFiguresOf(const Node& node) {
  return {node.log_size(), node.cosigned_size(), node.evidence_files()};
}

class RunningNode : public RunningServer {
 public:
  RunningNode(std::unique_ptr<Node> node, NodeOptions options)
      : node_(std::move(node)), options_(std::move(options)) {}

  absl::Status ShowMetrics(const std::string& address) {
    auto metrics = MetricsServer::Start(
        address, [node = node_.get(),
                  gauges = ServerGauges(
                      options_.tls, node_->identity().not_after)]() mutable {
          std::vector<Gauge> all = gauges.Of(LogFiguresOf(*node));
          for (Gauge& gauge : NodeGauges(*node)) {
            all.push_back(std::move(gauge));
          }
          return all;
        });
    if (!metrics.ok()) return metrics.status();
    metrics_ = *std::move(metrics);
    return absl::OkStatus();
  }

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
  // Null: none are shown. It asks the node, so it ends first.
  std::unique_ptr<MetricsServer> metrics_;
};

absl::StatusOr<std::unique_ptr<RunningServer>> Start(
    const LoadedNodeConfig& config) {
  auto node = Node::Start(config.options);
  if (!node.ok()) return node.status();
  auto running =
      std::make_unique<RunningNode>(*std::move(node), config.options);
  if (!config.metrics_address.empty()) {
    absl::Status s = running->ShowMetrics(config.metrics_address);
    if (!s.ok()) return s;
  }
  return running;
}

absl::StatusOr<ServerToRun> Load(const std::string& path) {
  auto config = LoadNodeConfig(path);
  if (!config.ok()) return config.status();
  if (auto own = Node::Check(config->options); !own.ok()) return own.status();
  return ServerToRun{config->log_level,
                     [config = *config] { return Start(config); }};
}

absl::StatusOr<Created> CreateData(const std::string& path, bool reuse_key) {
  auto config = LoadNodeConfig(path);
  if (!config.ok()) return config.status();
  const NodeOptions& options = config->options;
  auto key = Node::CreateData(options, reuse_key);
  if (!key.ok()) return Annotate(key.status(), "no data was made");
  return Created{
      key->ToString(),
      absl::StrCat("made the data of the node of ", options.state, " in ",
                   options.data_folder,
                   "; the secretariat puts this key into the log policy")};
}

}  // namespace
}  // namespace gaceta

int main(int argc, char** argv) {
  return gaceta::RunServerProgram(
      {"gaceta-node",
       "A state's node: signs and publishes its updates, mirrors the "
       "federation's, and serves both to the state's own programs.",
       "/etc/gaceta/node.textproto",
       gaceta::ServerKind::kNode,
       gaceta::Load,
       {"--create-data",
        "Begin a node: make the data folder, the key that cosigns and empty "
        "stores, print the public key, and exit. The folder must be new or "
        "empty",
        "cosigner_key_file", gaceta::CreateData},
       nullptr},
      argc, argv);
}
