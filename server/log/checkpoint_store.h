// The checkpoints that a server must not forget.
#ifndef GACETA_SERVER_LOG_CHECKPOINT_STORE_H_
#define GACETA_SERVER_LOG_CHECKPOINT_STORE_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gaceta {

// Which checkpoint. One of each is kept, the newest.
enum class CheckpointKind {
  // What readers may see: nobody is shown one that is not kept.
  kPublished,
  // The newest that a quorum has cosigned.
  kCosigned,
  // The newest that this server, as a witness, has found to extend the one
  // before.
  kWitnessed,
  // What was published before this server's copy of the log was lost: the copy
  // that is fetched again has to begin with it.
  kBeforeLoss,
};

// Thread safety: all methods may be called concurrently.
class CheckpointStore {
 public:
  // Opens or makes the SQLite file at `path`; `:memory:` keeps them in memory.
  static absl::StatusOr<std::unique_ptr<CheckpointStore>> Open(
      const std::string& path);
  // The same for a file that must be there: kDataLoss if it is not, or if it
  // has no tables.
  static absl::StatusOr<std::unique_ptr<CheckpointStore>> OpenExisting(
      const std::string& path);
  virtual ~CheckpointStore() = default;

  // Puts a note in the place of the one before. Durable when it returns; on
  // error the one before is still there.
  virtual absl::Status Put(CheckpointKind kind, absl::string_view note) = 0;

  // Removes the note, if there is one. Durable when it returns.
  virtual absl::Status Remove(CheckpointKind kind) = 0;

  virtual absl::StatusOr<std::optional<std::string>> Get(
      CheckpointKind kind) const = 0;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_CHECKPOINT_STORE_H_
