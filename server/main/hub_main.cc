// gaceta-hub: orders and relays the statements of the federation.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "pki/note_key.h"
#include "server/config/load_hub_config.h"
#include "server/hub/hub.h"
#include "server/main/server_main.h"
#include "server/metrics/metrics_server.h"
#include "server/metrics/server_gauges.h"
#include "server/recovery/rebuild_hub.h"

namespace gaceta {
namespace {

LogFigures LogFiguresOf(const Hub& hub) {
  return {hub.log_size(), hub.cosigned_size(), hub.evidence_files()};
}

class RunningHub : public RunningServer {
 public:
  RunningHub(std::unique_ptr<Hub> hub, HubOptions options)
      : hub_(std::move(hub)), options_(std::move(options)) {}

  absl::Status ShowMetrics(const std::string& address) {
    auto metrics = MetricsServer::Start(
        address, [hub = hub_.get(),
                  gauges = ServerGauges(options_.tls,
                                        hub_->identity().not_after)]() mutable {
          return gauges.Of(LogFiguresOf(*hub));
        });
    if (!metrics.ok()) return metrics.status();
    metrics_ = *std::move(metrics);
    return absl::OkStatus();
  }

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
  // Null: none are shown. It asks the hub, so it ends first.
  std::unique_ptr<MetricsServer> metrics_;
};

absl::StatusOr<std::unique_ptr<RunningServer>> Start(
    const LoadedHubConfig& config) {
  auto hub = Hub::Start(config.options);
  if (!hub.ok()) return hub.status();
  auto running = std::make_unique<RunningHub>(*std::move(hub), config.options);
  if (!config.metrics_address.empty()) {
    absl::Status s = running->ShowMetrics(config.metrics_address);
    if (!s.ok()) return s;
  }
  return running;
}

absl::StatusOr<ServerToRun> Load(const std::string& path) {
  auto config = LoadHubConfig(path);
  if (!config.ok()) return config.status();
  if (auto own = Hub::Check(config->options); !own.ok()) return own.status();
  return ServerToRun{config->log_level,
                     [config = *config] { return Start(config); }};
}

absl::StatusOr<Created> CreateLog(const std::string& path, bool reuse_key) {
  auto config = LoadHubConfig(path);
  if (!config.ok()) return config.status();
  const HubOptions& options = config->options;
  auto key = Hub::CreateLog(options, reuse_key);
  if (!key.ok()) return Annotate(key.status(), "no log was made");
  const std::string key_file = options.log_key_file.empty()
                                   ? options.data_folder + "/log.key"
                                   : options.log_key_file;
  return Created{key->ToString(),
                 absl::StrCat("began the log ", options.log_origin, " in ",
                              options.data_folder, "; keep a copy of ",
                              key_file, " elsewhere: without it the log ends")};
}

absl::StatusOr<std::string> Rebuild(const std::string& path,
                                    const std::vector<std::string>& folders) {
  auto config = LoadHubConfig(path);
  if (!config.ok()) return config.status();
  const HubOptions& options = config->options;
  auto key = pki::ReadNoteKey(options.log_key_file.empty()
                                  ? options.data_folder + "/log.key"
                                  : options.log_key_file,
                              options.log_origin, NoteKeyType::kEd25519);
  if (!key.ok()) {
    return Annotate(key.status(), "the log's key has to be there first");
  }
  auto rebuilt = RebuildHub({options.data_folder, key->public_key(), folders});
  if (!rebuilt.ok()) return rebuilt.status();
  return absl::StrCat("rebuilt ", rebuilt->size, " entries, ",
                      rebuilt->without_payload,
                      " of them without payload, and ", rebuilt->documents,
                      " documents in ", options.data_folder);
}

}  // namespace
}  // namespace gaceta

int main(int argc, char** argv) {
  return gaceta::RunServerProgram(
      {"gaceta-hub",
       "The hub of a Gaceta federation: takes signed statements from the "
       "states' nodes, orders them in one log and relays them.",
       "/etc/gaceta/hub.textproto",
       gaceta::ServerKind::kHub,
       gaceta::Load,
       {"--create-log",
        "Begin a new log: make the data folder, the log's key and an empty "
        "store, print the public key, and exit. The folder must be new or "
        "empty",
        "log_key_file", gaceta::CreateLog},
       gaceta::Rebuild},
      argc, argv);
}
