#include "verify/stream_tree.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"

namespace gaceta {
namespace {

absl::Status Loss(absl::string_view reason, absl::string_view text) {
  return WithReason(absl::DataLossError(text), reason);
}

absl::StatusOr<std::vector<TreeHash>> Hashes(absl::string_view field,
                                             absl::string_view bytes) {
  auto hashes = SplitHashes(bytes);
  if (hashes.ok()) return hashes;
  return Loss("MALFORMED_STREAM",
              absl::StrCat("proof.", field, ": ", hashes.status().message()));
}

// Checks that `later` extends `earlier`; `reason` says what it means if not.
absl::Status CheckExtends(const Checkpoint& earlier, const Checkpoint& later,
                          absl::string_view field, absl::string_view proof,
                          absl::string_view reason) {
  auto hashes = Hashes(field, proof);
  if (!hashes.ok()) return hashes.status();
  const absl::Status status = VerifyConsistency(
      earlier.size, earlier.root, later.size, later.root, *hashes);
  if (status.ok()) return status;
  return Loss(reason, absl::StrCat("the log's checkpoint of ", later.size,
                                   " entries does not extend that of ",
                                   earlier.size, ": ", status.message()));
}

}  // namespace

absl::Status StreamTree::Begin(const v1::Opened& opened,
                               const v1::StreamProof& proof,
                               const std::optional<Checkpoint>& checkpoint) {
  edge_ = Frontier();
  checkpoint_.reset();
  const std::int64_t size = checkpoint.has_value() ? checkpoint->size : 0;
  if (known_.has_value() && size < known_->size) {
    return Loss("LOG_SHORTENED",
                absl::StrCat("the log has ", size, " entries, it had ",
                             known_->size, " before"));
  }
  if (!checkpoint.has_value()) {
    if (opened.log_size() == 0) return absl::OkStatus();
    return Loss("MALFORMED_STREAM", "the confirmation has no checkpoint");
  }
  if (known_.has_value()) {
    if (absl::Status s = CheckExtends(*known_, *checkpoint, "known_consistency",
                                      opened.known_consistency(), "LOG_FORKED");
        !s.ok()) {
      return s;
    }
  }
  checkpoint_ = checkpoint;
  auto skipped = Hashes("skipped", proof.skipped());
  if (!skipped.ok()) return skipped.status();
  absl::Span<const TreeHash> rest = *skipped;
  absl::Status status = edge_.AppendRange(opened.start_position(), &rest);
  if (!status.ok() || !rest.empty()) {
    return Loss("MALFORMED_STREAM",
                "the confirmation's proof does not have the hashes of what is "
                "before the start");
  }
  if (absl::Status s = CheckEdge(proof.consistency()); !s.ok()) return s;
  known_ = checkpoint_;
  return absl::OkStatus();
}

absl::Status StreamTree::Advance(absl::Span<const ShownLeaf> leaves,
                                 std::int64_t next_position,
                                 const v1::StreamProof& proof,
                                 const std::optional<Checkpoint>& checkpoint) {
  if (checkpoint.has_value()) {
    if (absl::Status s = Grow(*checkpoint, proof.growth_consistency());
        !s.ok()) {
      return s;
    }
  }
  if (!checkpoint_.has_value()) {
    if (next_position == 0 && leaves.empty()) return absl::OkStatus();
    return Loss("MALFORMED_STREAM", "entries come without a checkpoint");
  }
  auto skipped = Hashes("skipped", proof.skipped());
  if (!skipped.ok()) return skipped.status();
  absl::Span<const TreeHash> rest = *skipped;
  absl::Status status;
  for (const auto& [position, hash] : leaves) {
    status = edge_.AppendRange(position, &rest);
    if (!status.ok()) break;
    edge_.Append(hash);
  }
  if (status.ok()) status = edge_.AppendRange(next_position, &rest);
  if (!status.ok() || !rest.empty()) {
    return Loss("MALFORMED_STREAM",
                absl::StrCat("the proof up to position ", next_position,
                             " does not have the hashes of what is left out"));
  }
  if (absl::Status s = CheckEdge(proof.consistency()); !s.ok()) return s;
  known_ = checkpoint_;
  return absl::OkStatus();
}

absl::Status StreamTree::Grow(const Checkpoint& checkpoint,
                              absl::string_view growth_consistency) {
  if (checkpoint_.has_value()) {
    if (checkpoint.size < checkpoint_->size) {
      return Loss("LOG_SHORTENED",
                  absl::StrCat("the log has ", checkpoint.size,
                               " entries, it had ", checkpoint_->size));
    }
    // Where the edge is the whole of the one before, that this one extends the
    // edge says it.
    if (edge_.size() != checkpoint_->size) {
      if (absl::Status s =
              CheckExtends(*checkpoint_, checkpoint, "growth_consistency",
                           growth_consistency, "LOG_FORKED");
          !s.ok()) {
        return s;
      }
    }
  }
  checkpoint_ = checkpoint;
  return absl::OkStatus();
}

absl::Status StreamTree::CheckEdge(absl::string_view consistency) const {
  return CheckExtends({checkpoint_->origin, edge_.size(), edge_.Root()},
                      *checkpoint_, "consistency", consistency,
                      "BAD_CONSISTENCY_PROOF");
}

absl::Status StreamTree::CheckCosigned(const Checkpoint& cosigned,
                                       const v1::StreamProof& proof) const {
  if (!checkpoint_.has_value() || cosigned.size > checkpoint_->size) {
    return Loss("MALFORMED_STREAM",
                "the cosigned checkpoint is beyond the stream's");
  }
  return CheckExtends(cosigned, *checkpoint_, "cosigned_consistency",
                      proof.cosigned_consistency(), "LOG_FORKED");
}

}  // namespace gaceta
