// A log with its tree and its checkpoints.
#ifndef GACETA_TESTS_SERVER_RELAY_PROVED_LOG_H_
#define GACETA_TESTS_SERVER_RELAY_PROVED_LOG_H_

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "server/log/log_tree.h"
#include "server/log/memory_log_store.h"
#include "server/relay/stream_prover.h"
#include "tests/support/statements.h"
#include "verify/checkpoint.h"

namespace gaceta::testing {

// Thread safety: none.
class ProvedLog {
 public:
  ProvedLog() : tree_(*LogTree::Open(":memory:", store_, nullptr)) {}

  void Append(absl::Span<const StoredEntry> entries) {
    if (!store_.Append(store_.Size(), entries).ok() ||
        !tree_->Append(entries).ok()) {
      std::abort();
    }
  }
  // Shows a checkpoint of the first `size` entries, of all by default.
  void Publish(Position size = -1) {
    if (size < 0) size = store_.Size();
    LogHead next = head_ == nullptr ? LogHead() : *head_;
    next.checkpoint = CheckpointAt(size);
    next.note = *SignCheckpoint(next.checkpoint, SharedLogSigner());
    head_ = std::make_shared<const LogHead>(std::move(next));
  }
  // The same for the checkpoint that a quorum has cosigned. Cosignatures are
  // for others to check.
  void Cosign(Position size) {
    LogHead next = *head_;
    next.cosigned_size = size;
    next.cosigned_note = *SignCheckpoint(CheckpointAt(size), SharedLogSigner());
    ++next.cosigned_number;
    head_ = std::make_shared<const LogHead>(std::move(next));
  }

  Checkpoint CheckpointAt(Position size) const {
    return {std::string(kLogOrigin), size, *tree_->Root(size)};
  }
  MemoryLogStore& store() { return store_; }
  ProofSource proofs() const {
    return {tree_.get(), [this] { return head_; }};
  }

 private:
  MemoryLogStore store_;
  const std::unique_ptr<LogTree> tree_;
  LogHeadPtr head_;
};

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SERVER_RELAY_PROVED_LOG_H_
