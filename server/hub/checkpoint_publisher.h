// Signs checkpoints of the hub's log, and makes receipts with them.
#ifndef GACETA_SERVER_HUB_CHECKPOINT_PUBLISHER_H_
#define GACETA_SERVER_HUB_CHECKPOINT_PUBLISHER_H_

#include <functional>

#include "absl/status/status.h"
#include "gaceta/v1/statement.pb.h"
#include "server/projections/projected_log.h"
#include "verify/note.h"

namespace gaceta {

// Thread safety: the thread that appends to the log, alone; key() any.
class CheckpointPublisher {
 public:
  // `log` must outlive this object. The key's name is the log's origin.
  CheckpointPublisher(ProjectedLog* log, NoteSigner signer)
      : log_(log), signer_(std::move(signer)) {}

  // Called after each checkpoint that readers may see. Set before use.
  void SetListener(std::function<void()> listener) {
    listener_ = std::move(listener);
  }

  // Signs a checkpoint for all that is durable in the log, and shows it to
  // readers once it is durable itself. Does nothing if the last one has all.
  // On error readers see what they saw; call it again.
  absl::Status PublishAll();

  // Proves with the last checkpoint that the leaf at `receipt`'s position is in
  // the log.
  absl::Status Prove(v1::Receipt* receipt) const;

  const NoteKey& key() const { return signer_.public_key(); }

 private:
  ProjectedLog* const log_;
  const NoteSigner signer_;
  std::function<void()> listener_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_CHECKPOINT_PUBLISHER_H_
