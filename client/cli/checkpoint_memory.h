// What this person's commands know of a log from one run to the next.
#ifndef GACETA_CLIENT_CLI_CHECKPOINT_MEMORY_H_
#define GACETA_CLIENT_CLI_CHECKPOINT_MEMORY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/profile.h"
#include "gaceta/log_reader.h"

namespace gaceta::cli {

// Keeps the newest checkpoint that was verified, in OpenStateFolder(). A log
// that does not extend it has changed its history, whichever server shows it.
//
// Thread safety: none. Of two commands at once the later one counts.
class CheckpointMemory {
 public:
  // Makes the folder if it is not there. kFailedPrecondition if what is there
  // is damaged, and as of OpenStateFolder().
  static absl::StatusOr<CheckpointMemory> Open(const std::string& log_origin);

  // The note that is kept: one or none.
  const std::vector<std::string>& known() const { return known_; }
  // Keeps `note`, which was verified to extend known(). Durable when it
  // returns.
  absl::Status Remember(const std::string& note);

  // Where LogReader and Subscriber keep what shows that the log is not honest.
  std::string evidence_folder() const { return folder_ + "/evidence"; }

 private:
  explicit CheckpointMemory(std::string folder) : folder_(std::move(folder)) {}

  std::string path() const { return folder_ + "/checkpoint"; }

  std::string folder_;
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

// Errors as of ConnectToLog() and LogReader::Create().
absl::StatusOr<KnownLog> OpenKnownLog(const CliContext& context,
                                      const ResolvedProfile& profile);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_CHECKPOINT_MEMORY_H_
