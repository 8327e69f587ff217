#include "verify/merkle.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "errors/errors.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

static_assert(sizeof(TreeHash) == kDigestSize);

absl::Status BadInclusion(std::int64_t index, std::int64_t size,
                          absl::string_view why) {
  return WithReason(absl::DataLossError(absl::StrCat("inclusion proof of leaf ",
                                                     index, " in the tree of ",
                                                     size, " leaves: ", why)),
                    "BAD_INCLUSION_PROOF");
}

absl::Status BadConsistency(std::int64_t old_size, std::int64_t new_size,
                            absl::string_view why) {
  return WithReason(
      absl::DataLossError(absl::StrCat("consistency proof from ", old_size,
                                       " to ", new_size, " leaves: ", why)),
      "BAD_CONSISTENCY_PROOF");
}

// A walk from a node of the tree up to the root (RFC 9162, sections 2.1.3.2 and
// 2.1.4.2): the node's number on its level, and that of the level's last node.
struct Climb {
  std::int64_t node;
  std::int64_t last;

  // Whether the next hash of the proof stands at the node's left.
  bool SiblingIsLeft() const { return node % 2 == 1 || node == last; }

  // To the parent. A node without a sibling is its own parent: its levels have
  // no hash in the proof.
  void Up() {
    if (node % 2 == 0 && node == last) {
      while (node % 2 == 0 && node != 0) Shift();
    }
    Shift();
  }

  void Shift() {
    node >>= 1;
    last >>= 1;
  }
};

bool IsPowerOfTwo(std::int64_t n) { return (n & (n - 1)) == 0; }

struct Roots {
  TreeHash old_root;
  TreeHash new_root;
};

// Where a consistency proof leads, for 0 < old_size < new_size. Where the old
// tree is one full subtree of the new one, the way begins at its root, which
// the proof leaves out. kInvalidArgument if it is too long or too short.
absl::StatusOr<Roots> Lead(std::int64_t old_size, const TreeHash& old_root,
                           std::int64_t new_size,
                           absl::Span<const TreeHash> proof) {
  Climb climb{old_size - 1, new_size - 1};
  while (climb.node % 2 == 1) climb.Shift();
  TreeHash old_hash = old_root;
  if (!IsPowerOfTwo(old_size)) {
    if (proof.empty()) return absl::InvalidArgumentError("too short");
    old_hash = proof.front();
    proof.remove_prefix(1);
  }
  TreeHash new_hash = old_hash;
  for (const TreeHash& sibling : proof) {
    if (climb.last == 0) return absl::InvalidArgumentError("too long");
    if (climb.SiblingIsLeft()) {
      old_hash = HashChildren(sibling, old_hash);
      new_hash = HashChildren(sibling, new_hash);
    } else {
      new_hash = HashChildren(new_hash, sibling);
    }
    climb.Up();
  }
  if (climb.last != 0) return absl::InvalidArgumentError("too short");
  return Roots{old_hash, new_hash};
}

}  // namespace

TreeHash HashLeaf(absl::string_view leaf) {
  TreeHash hash;
  WriteSha256({absl::string_view("\x00", 1), leaf}, hash.data());
  return hash;
}

TreeHash HashChildren(const TreeHash& left, const TreeHash& right) {
  TreeHash hash;
  WriteSha256({"\x01", View(left), View(right)}, hash.data());
  return hash;
}

TreeHash EmptyRoot() {
  TreeHash hash;
  WriteSha256({}, hash.data());
  return hash;
}

std::string JoinHashes(absl::Span<const TreeHash> hashes) {
  std::string bytes;
  bytes.reserve(hashes.size() * kDigestSize);
  for (const TreeHash& hash : hashes) bytes.append(hash.data(), hash.size());
  return bytes;
}

absl::StatusOr<std::vector<TreeHash>> SplitHashes(absl::string_view bytes) {
  if (bytes.size() % kDigestSize != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        bytes.size(), " bytes are no whole number of hashes of ", kDigestSize));
  }
  std::vector<TreeHash> hashes(bytes.size() / kDigestSize);
  for (TreeHash& hash : hashes) {
    bytes.copy(hash.data(), hash.size());
    bytes.remove_prefix(hash.size());
  }
  return hashes;
}

absl::Status VerifyInclusion(const TreeHash& leaf, std::int64_t index,
                             std::int64_t size,
                             absl::Span<const TreeHash> proof,
                             const TreeHash& root) {
  if (index < 0 || index >= size) {
    return BadInclusion(index, size, "the tree has no such leaf");
  }
  Climb climb{index, size - 1};
  TreeHash hash = leaf;
  for (const TreeHash& sibling : proof) {
    if (climb.last == 0) return BadInclusion(index, size, "too long");
    hash = climb.SiblingIsLeft() ? HashChildren(sibling, hash)
                                 : HashChildren(hash, sibling);
    climb.Up();
  }
  if (climb.last != 0) return BadInclusion(index, size, "too short");
  if (hash != root) {
    return BadInclusion(index, size, "it leads to another root");
  }
  return absl::OkStatus();
}

absl::Status VerifyConsistency(std::int64_t old_size, const TreeHash& old_root,
                               std::int64_t new_size, const TreeHash& new_root,
                               absl::Span<const TreeHash> proof) {
  const auto bad = [&](absl::string_view why) {
    return BadConsistency(old_size, new_size, why);
  };
  if (old_size < 0 || old_size > new_size) return bad("the tree has shrunk");
  if (old_size == 0 && old_root != EmptyRoot()) {
    return bad("the root of the empty tree is wrong");
  }
  if (old_size == new_size && old_root != new_root) {
    return bad("one size has two roots");
  }
  if (old_size == 0 || old_size == new_size) {
    return proof.empty() ? absl::OkStatus() : bad("too long");
  }

  auto roots = Lead(old_size, old_root, new_size, proof);
  if (!roots.ok()) return bad(roots.status().message());
  if (roots->old_root != old_root) return bad("it leads to another old root");
  if (roots->new_root != new_root) return bad("it leads to another new root");
  return absl::OkStatus();
}

absl::StatusOr<TreeHash> PrefixRoot(std::int64_t old_size,
                                    std::int64_t new_size,
                                    const TreeHash& new_root,
                                    absl::Span<const TreeHash> proof) {
  if (old_size > 0 && old_size < new_size && !IsPowerOfTwo(old_size)) {
    auto roots = Lead(old_size, {}, new_size, proof);
    if (roots.ok() && roots->new_root == new_root) return roots->old_root;
  }
  return absl::NotFoundError("the proof does not show that root");
}

}  // namespace gaceta
