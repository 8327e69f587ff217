#include "testing/fake_log.h"

#include <algorithm>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace gaceta::client {
namespace {

std::string Joined(const absl::StatusOr<std::vector<TreeHash>>& hashes) {
  return hashes.ok() ? JoinHashes(*hashes) : "";
}

}  // namespace

void FakeTree::Append(absl::string_view leaf) { AppendHash(HashLeaf(leaf)); }

void FakeTree::AppendHash(const TreeHash& leaf) {
  TreeHash hash = leaf;
  for (std::size_t level = 0;; ++level) {
    if (level == levels_.size()) levels_.emplace_back();
    std::vector<TreeHash>& row = levels_[level];
    row.push_back(hash);
    if (row.size() % 2 == 1) return;
    hash = HashChildren(row[row.size() - 2], row.back());
  }
}

void FakeTree::Replace(std::int64_t position, absl::string_view leaf) {
  std::vector<TreeHash> leaves = std::move(levels_[0]);
  leaves[static_cast<std::size_t>(position)] = HashLeaf(leaf);
  levels_.assign(1, {});
  for (const TreeHash& hash : leaves) AppendHash(hash);
}

absl::StatusOr<TreeHash> FakeTree::Read(const Subtree& subtree) const {
  const auto level = static_cast<std::size_t>(subtree.level);
  const auto index = static_cast<std::size_t>(subtree.index);
  if (level >= levels_.size() || index >= levels_[level].size()) {
    return absl::OutOfRangeError("the tree has no such subtree");
  }
  return levels_[level][index];
}

TreeHash FakeTree::Root(std::int64_t size) const {
  auto root = ReadRoot(size, [this](const Subtree& one) { return Read(one); });
  return root.ok() ? *root : EmptyRoot();
}

std::string FakeTree::Inclusion(std::int64_t position,
                                std::int64_t size) const {
  return Joined(InclusionProof(
      position, size, [this](const Subtree& one) { return Read(one); }));
}

std::string FakeTree::Consistency(std::int64_t old_size,
                                  std::int64_t new_size) const {
  return Joined(ConsistencyProof(
      old_size, new_size, [this](const Subtree& one) { return Read(one); }));
}

std::string FakeTree::Cover(std::int64_t begin, std::int64_t end) const {
  return Joined(
      ReadCover(begin, end, [this](const Subtree& one) { return Read(one); }));
}

void FakeProver::Prove(const FakeTree& tree, const FakeHead& head,
                       std::int64_t known_size,
                       v1::SubscribeResponse* message) {
  const std::int64_t next = message->has_opened()
                                ? message->opened().start_position()
                                : message->progress().next_position();
  v1::StreamProof* proof = message->mutable_proof();
  for (const v1::Entry& entry : message->entries()) {
    absl::StrAppend(proof->mutable_skipped(),
                    tree.Cover(passed_, entry.position()));
    passed_ = std::max(passed_, entry.position() + 1);
  }
  absl::StrAppend(proof->mutable_skipped(), tree.Cover(passed_, next));
  passed_ = std::max(passed_, next);
  if (head.size == 0) return;

  proof->set_consistency(tree.Consistency(next, head.size));
  if (head.note != sent_note_) {
    proof->set_checkpoint(head.note);
    if (!sent_note_.empty() && proved_ != sent_size_) {
      proof->set_growth_consistency(tree.Consistency(sent_size_, head.size));
    }
  }
  if (HasNews(head)) {
    proof->set_cosigned_checkpoint(head.cosigned_note);
    proof->set_cosigned_consistency(
        tree.Consistency(head.cosigned_size, head.size));
  }
  if (message->has_opened()) {
    message->mutable_opened()->set_known_consistency(
        tree.Consistency(known_size, head.size));
  }
  proved_ = next;
  sent_note_ = head.note;
  sent_size_ = head.size;
  sent_cosigned_ = head.cosigned_number;
}

}  // namespace gaceta::client
