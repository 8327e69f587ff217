// The data folder of a node, as a source to rebuild a hub from.
#ifndef GACETA_SERVER_RECOVERY_MIRROR_COPY_H_
#define GACETA_SERVER_RECOVERY_MIRROR_COPY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/log/log_store.h"
#include "verify/checkpoint.h"
#include "verify/note.h"

namespace gaceta {

// A checkpoint that the log has signed, with its note.
struct SignedCheckpoint {
  Checkpoint checkpoint;
  std::string note;
};

// Thread safety: none.
class MirrorCopy {
 public:
  // Opens the folder of a node that does not run, or a copy of it. Only what
  // `log_key` has signed counts. kNotFound if it has no mirrored log.
  static absl::StatusOr<std::unique_ptr<MirrorCopy>> Open(
      const std::string& folder, const NoteKey& log_key);

  const std::string& folder() const { return folder_; }
  const LogStore& log() const { return *log_; }
  // Everything that the node has seen of the log's checkpoints: published,
  // cosigned, witnessed, in receipts.
  const std::vector<SignedCheckpoint>& checkpoints() const {
    return checkpoints_;
  }
  // The state's own entries that the log has acknowledged, by position, from
  // the end of the mirrored log on: the mirror may have been behind the
  // receipts.
  const std::map<Position, StoredEntry>& acknowledged() const {
    return acknowledged_;
  }

 private:
  MirrorCopy(std::string folder, std::unique_ptr<LogStore> log)
      : folder_(std::move(folder)), log_(std::move(log)) {}

  absl::Status ReadCheckpoints(const NoteKey& log_key);
  absl::Status ReadOutbox(const NoteKey& log_key);
  void Add(const std::string& note, const NoteKey& log_key);

  const std::string folder_;
  const std::unique_ptr<LogStore> log_;
  std::vector<SignedCheckpoint> checkpoints_;
  std::map<Position, StoredEntry> acknowledged_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RECOVERY_MIRROR_COPY_H_
