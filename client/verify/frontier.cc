#include "verify/frontier.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace gaceta {
namespace {

// Level of the largest full subtree that begins at leaf `begin` and has at most
// `max_leaves` leaves.
int LevelAt(std::int64_t begin, std::int64_t max_leaves) {
  const int fits = std::bit_width(static_cast<std::uint64_t>(max_leaves)) - 1;
  // At 0, which ends in 64 zeros, every subtree may begin.
  const int aligned = std::countr_zero(static_cast<std::uint64_t>(begin));
  return std::min(fits, aligned);
}

}  // namespace

std::vector<Subtree> CoverOf(std::int64_t begin, std::int64_t end) {
  std::vector<Subtree> cover;
  while (begin < end) {
    const int level = LevelAt(begin, end - begin);
    cover.push_back({level, begin >> level});
    begin += std::int64_t{1} << level;
  }
  return cover;
}

absl::StatusOr<Frontier> Frontier::Create(std::int64_t size,
                                          std::vector<TreeHash> hashes) {
  if (size < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a tree cannot have ", size, " leaves"));
  }
  const int count = std::popcount(static_cast<std::uint64_t>(size));
  if (hashes.size() != static_cast<std::size_t>(count)) {
    return absl::InvalidArgumentError(
        absl::StrCat("the right edge of a tree of ", size, " leaves has ",
                     count, " hashes, not ", hashes.size()));
  }
  Frontier frontier;
  frontier.size_ = size;
  frontier.hashes_ = std::move(hashes);
  return frontier;
}

void Frontier::Append(const TreeHash& leaf) { Add(0, leaf); }

absl::Status Frontier::AppendRange(std::int64_t end,
                                   absl::Span<const TreeHash>* hashes) {
  if (end < size_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a tree of ", size_, " leaves cannot grow to ", end, " leaves"));
  }
  const std::vector<Subtree> cover = CoverOf(size_, end);
  if (hashes->size() < cover.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the leaves from ", size_, " to ", end, " have ", cover.size(),
        " hashes; only ", hashes->size(), " are there"));
  }
  for (const Subtree& subtree : cover) {
    Add(subtree.level, hashes->front());
    hashes->remove_prefix(1);
  }
  return absl::OkStatus();
}

TreeHash Frontier::Root() const {
  if (hashes_.empty()) return EmptyRoot();
  TreeHash root = hashes_.back();
  for (std::size_t i = hashes_.size() - 1; i > 0; --i) {
    root = HashChildren(hashes_[i - 1], root);
  }
  return root;
}

void Frontier::Add(int level, TreeHash hash) {
  const std::int64_t grown = size_ + (std::int64_t{1} << level);
  // A full subtree at its left makes a larger one with it, and so on.
  for (; (size_ >> level) % 2 == 1; ++level) {
    hash = HashChildren(hashes_.back(), hash);
    hashes_.pop_back();
  }
  hashes_.push_back(hash);
  size_ = grown;
}

}  // namespace gaceta
