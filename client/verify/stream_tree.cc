#include "verify/stream_tree.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "verify/tree_proofs.h"

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

absl::Status StreamTree::CheckFork(const Checkpoint& earlier,
                                   const Checkpoint& later,
                                   absl::string_view field,
                                   absl::string_view proof) {
  const absl::Status status =
      CheckExtends(earlier, later, field, proof, "LOG_FORKED");
  if (Reason(status) != "LOG_FORKED") return status;
  auto hashes = Hashes(field, proof);
  auto root = PrefixRoot(earlier.size, later.size, later.root, *hashes);
  if (root.ok()) fork_ = ShownFork{earlier.size, *root, *std::move(hashes)};
  return status;
}

absl::Status StreamTree::Begin(const v1::Opened& opened,
                               const v1::StreamProof& proof,
                               const std::optional<Checkpoint>& checkpoint) {
  edge_ = Frontier();
  last_ = {};
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
    if (absl::Status s = CheckFork(*known_, *checkpoint, "known_consistency",
                                   opened.known_consistency());
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
  last_ = {edge_, {leaves.begin(), leaves.end()}, *skipped, {}, false};
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
  last_.consistency = *Hashes("consistency", proof.consistency());
  last_.holds = true;
  known_ = checkpoint_;
  return absl::OkStatus();
}

std::map<StreamTree::SubtreeKey, TreeHash> StreamTree::LastSubtrees() const {
  std::map<SubtreeKey, TreeHash> subtrees;
  const auto add = [&subtrees](std::int64_t begin, std::int64_t end,
                               absl::Span<const TreeHash>* hashes) {
    for (const Subtree& subtree : CoverOf(begin, end)) {
      subtrees[{subtree.level, subtree.index}] = hashes->front();
      hashes->remove_prefix(1);
    }
  };
  absl::Span<const TreeHash> before = last_.before.hashes();
  add(0, last_.before.size(), &before);
  absl::Span<const TreeHash> skipped = last_.skipped;
  std::int64_t next = last_.before.size();
  for (const auto& [position, hash] : last_.leaves) {
    add(next, position, &skipped);
    subtrees[{0, position}] = hash;
    next = position + 1;
  }
  add(next, edge_.size(), &skipped);
  return subtrees;
}

absl::StatusOr<ShownProof> StreamTree::Prove(std::int64_t position) const {
  const bool shown =
      std::any_of(last_.leaves.begin(), last_.leaves.end(),
                  [&](const auto& leaf) { return leaf.first == position; });
  if (!last_.holds || !shown) {
    return absl::NotFoundError(absl::StrCat(
        "the last message has not shown, or not proved, entry ", position));
  }
  const std::map<SubtreeKey, TreeHash> subtrees = LastSubtrees();
  const std::function<absl::StatusOr<TreeHash>(const Subtree&)> read =
      [&](const Subtree& subtree) -> absl::StatusOr<TreeHash> {
    const auto found = subtrees.find({subtree.level, subtree.index});
    if (found != subtrees.end()) return found->second;
    if (subtree.level == 0) {
      return absl::InternalError("a hash of the last message is not there");
    }
    auto left = read({subtree.level - 1, 2 * subtree.index});
    if (!left.ok()) return left;
    auto right = read({subtree.level - 1, 2 * subtree.index + 1});
    if (!right.ok()) return right;
    return HashChildren(*left, *right);
  };
  auto inclusion = InclusionProof(position, edge_.size(), read);
  if (!inclusion.ok()) return inclusion.status();
  return ShownProof{edge_.size(), edge_.Root(), *std::move(inclusion),
                    last_.consistency};
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
      if (absl::Status s = CheckFork(*checkpoint_, checkpoint,
                                     "growth_consistency", growth_consistency);
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
                                       const v1::StreamProof& proof) {
  if (!checkpoint_.has_value() || cosigned.size > checkpoint_->size) {
    return Loss("MALFORMED_STREAM",
                "the cosigned checkpoint is beyond the stream's");
  }
  return CheckFork(cosigned, *checkpoint_, "cosigned_consistency",
                   proof.cosigned_consistency());
}

}  // namespace gaceta
