#include "verify/tree_proofs.h"

#include <algorithm>
#include <bit>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace gaceta {
namespace {

// A node of the tree, as the leaves below it: [begin, end).
struct Range {
  std::int64_t begin;
  std::int64_t end;

  std::int64_t leaves() const { return end - begin; }
  // Where its left child ends: at the largest power of two below its size.
  std::int64_t middle() const {
    return begin + static_cast<std::int64_t>(std::bit_floor(
                       static_cast<std::uint64_t>(leaves() - 1)));
  }
  Range left() const { return {begin, middle()}; }
  Range right() const { return {middle(), end}; }
};

absl::StatusOr<TreeHash> ReadRange(const Range& range, SubtreeReader read) {
  auto hashes = ReadCover(range.begin, range.end, read);
  if (!hashes.ok()) return hashes.status();
  TreeHash hash = hashes->back();
  for (std::size_t i = hashes->size() - 1; i > 0; --i) {
    hash = HashChildren((*hashes)[i - 1], hash);
  }
  return hash;
}

// The nodes' hashes from the last one on: a way down becomes a way up.
absl::StatusOr<std::vector<TreeHash>> ReadUpwards(
    const std::vector<Range>& nodes, SubtreeReader read) {
  std::vector<TreeHash> hashes;
  hashes.reserve(nodes.size());
  for (auto node = nodes.rbegin(); node != nodes.rend(); ++node) {
    auto hash = ReadRange(*node, read);
    if (!hash.ok()) return hash.status();
    hashes.push_back(*hash);
  }
  return hashes;
}

}  // namespace

absl::StatusOr<std::vector<TreeHash>> ReadCover(std::int64_t begin,
                                                std::int64_t end,
                                                SubtreeReader read) {
  if (begin < 0 || begin > end) {
    return absl::OutOfRangeError(
        absl::StrCat("no leaves from ", begin, " to ", end));
  }
  std::vector<TreeHash> hashes;
  for (const Subtree& subtree : CoverOf(begin, end)) {
    auto hash = read(subtree);
    if (!hash.ok()) return hash.status();
    hashes.push_back(*hash);
  }
  return hashes;
}

absl::StatusOr<TreeHash> ReadRoot(std::int64_t size, SubtreeReader read) {
  if (size == 0) return EmptyRoot();
  return ReadRange({0, size}, read);
}

absl::StatusOr<std::vector<TreeHash>> InclusionProof(std::int64_t index,
                                                     std::int64_t size,
                                                     SubtreeReader read) {
  if (index < 0 || index >= size) {
    return absl::OutOfRangeError(
        absl::StrCat("no leaf ", index, " in a tree of ", size, " leaves"));
  }
  std::vector<Range> siblings;
  for (Range node{0, size}; node.leaves() > 1;) {
    const bool go_left = index < node.middle();
    siblings.push_back(go_left ? node.right() : node.left());
    node = go_left ? node.left() : node.right();
  }
  return ReadUpwards(siblings, read);
}

absl::StatusOr<std::vector<TreeHash>> ConsistencyProof(std::int64_t old_size,
                                                       std::int64_t new_size,
                                                       SubtreeReader read) {
  if (old_size < 0 || old_size > new_size) {
    return absl::OutOfRangeError(absl::StrCat(
        "no tree of ", old_size, " leaves in one of ", new_size, " leaves"));
  }
  if (old_size == 0) return std::vector<TreeHash>();
  std::vector<Range> nodes;
  Range node{0, new_size};
  while (node.end != old_size) {
    const bool go_left = old_size <= node.middle();
    nodes.push_back(go_left ? node.right() : node.left());
    node = go_left ? node.left() : node.right();
  }
  // The old tree itself is known to whoever checks.
  if (node.begin != 0) nodes.push_back(node);
  return ReadUpwards(nodes, read);
}

}  // namespace gaceta
