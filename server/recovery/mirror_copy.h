// The data folder of a node, as a source to rebuild a hub from.
#ifndef GACETA_SERVER_RECOVERY_MIRROR_COPY_H_
#define GACETA_SERVER_RECOVERY_MIRROR_COPY_H_

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
  // What the node has seen last of the log's checkpoints: published, cosigned
  // by a quorum, witnessed by itself.
  const std::vector<SignedCheckpoint>& checkpoints() const {
    return checkpoints_;
  }

 private:
  MirrorCopy(std::string folder, std::unique_ptr<LogStore> log)
      : folder_(std::move(folder)), log_(std::move(log)) {}

  absl::Status ReadCheckpoints(const NoteKey& log_key);

  const std::string folder_;
  const std::unique_ptr<LogStore> log_;
  std::vector<SignedCheckpoint> checkpoints_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RECOVERY_MIRROR_COPY_H_
