#include "server/hub/checkpoint_publisher.h"

#include <utility>

#include "verify/checkpoint.h"
#include "verify/merkle.h"

namespace gaceta {

absl::Status CheckpointPublisher::PublishAll() {
  const Position size = log_->store().Size();
  if (size == log_->Size()) return absl::OkStatus();
  auto root = log_->tree().Root(size);
  if (!root.ok()) return root.status();
  const Checkpoint checkpoint{key().name(), size, *root};
  auto note = SignCheckpoint(checkpoint, signer_);
  if (!note.ok()) return note.status();
  if (absl::Status s = log_->Publish(checkpoint, *std::move(note)); !s.ok()) {
    return s;
  }
  if (listener_) listener_();
  return absl::OkStatus();
}

absl::Status CheckpointPublisher::Prove(v1::Receipt* receipt) const {
  const LogHeadPtr head = log_->head();
  auto proof =
      log_->tree().Inclusion(receipt->position(), head->checkpoint.size);
  if (!proof.ok()) return proof.status();
  receipt->set_inclusion_proof(JoinHashes(*proof));
  receipt->set_checkpoint(head->note);
  return absl::OkStatus();
}

}  // namespace gaceta
