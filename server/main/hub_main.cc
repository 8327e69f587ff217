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
#include "server/recovery/rebuild_hub.h"

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
       "/etc/gaceta/hub.textproto", gaceta::ServerKind::kHub, gaceta::Load,
       gaceta::Rebuild},
      argc, argv);
}
