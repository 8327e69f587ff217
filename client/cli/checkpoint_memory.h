// What this person's commands know of a log from one run to the next.
#ifndef GACETA_CLIENT_CLI_CHECKPOINT_MEMORY_H_
#define GACETA_CLIENT_CLI_CHECKPOINT_MEMORY_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/profile.h"
#include "cli/session.h"
#include "cli/state_folder.h"
#include "gaceta/log_reader.h"

namespace gaceta::cli {

// Keeps the newest checkpoint that was verified, in OpenStateFolder(). A log
// that does not extend it has changed its history, whichever server shows it.
// Nothing but Forget() drops it.
//
// Thread safety: none. Of two commands at once the later one counts.
class CheckpointMemory {
 public:
  // Makes the folder if it is not there. kFailedPrecondition if what is there
  // is damaged, and as of OpenStateFolder().
  static absl::StatusOr<CheckpointMemory> Open(const LogName& log);
  // Finds what is kept, whether it is whole or not, and makes nothing. Only for
  // what follows up to Forget().
  static absl::StatusOr<CheckpointMemory> Find(const LogName& log);

  // The note that is kept: one or none.
  const std::vector<std::string>& known() const { return known_; }
  // Keeps `note`, which was verified to extend known(). Durable when it
  // returns.
  absl::Status Remember(const std::string& note);

  // SHA-256 of the root's SubjectPublicKeyInfo, in hex.
  const std::string& root_key() const { return folder_.root_key; }
  // The files that Forget() removes; none if nothing is known of the log.
  std::vector<std::string> Files() const;
  // Removes the checkpoint and the evidence, dismissed or not. What was
  // published stays known. Durable when it returns.
  absl::Status Forget();

  // Where LogReader and Subscriber keep what shows that the log is not honest.
  std::string evidence_folder() const { return folder_.path + "/evidence"; }

 private:
  explicit CheckpointMemory(StateFolder folder) : folder_(std::move(folder)) {}

  std::string path() const { return folder_.path + "/checkpoint"; }

  StateFolder folder_;
  std::vector<std::string> known_;
};

// A log with what is known of it.
struct KnownLog {
  client::LogSource source;
  std::unique_ptr<client::LogReader> reader;
  CheckpointMemory memory;

  // The newest checkpoint, which extends what is known and `also`, notes of the
  // log that were verified. Remembers it.
  absl::StatusOr<client::LogCheckpoint> Newest(
      const std::vector<std::string>& also, absl::Time deadline);
};

// The work of a verb on a log.
using KnownLogAction = std::function<absl::StatusOr<int>(KnownLog&)>;

// Makes `command` run `action` when it is chosen, with the profile's log.
// Errors also as of ConnectToLog() and LogReader::Create(); they are
// WithForgetHint().
void RunWithKnownLog(CLI::App& command, CliContext& context,
                     KnownLogAction action);

// Returns `status`; where it says that the log is not the one that was known,
// or not to be trusted, with `command` as the next step of who made it anew on
// purpose.
absl::Status WithForgetHint(const absl::Status& status,
                            absl::string_view command);

// `gaceta log forget` for the log of the profile that was chosen.
std::string ForgetCommand(const CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_CHECKPOINT_MEMORY_H_
