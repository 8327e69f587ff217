// The Merkle tree of RFC 6962 section 2.1 (= RFC 9162): its hashes, and the
// checks of what a log says of it.
#ifndef GACETA_CLIENT_VERIFY_MERKLE_H_
#define GACETA_CLIENT_VERIFY_MERKLE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace gaceta {

// SHA-256 of a node of the tree.
using TreeHash = std::array<char, 32>;

inline absl::string_view View(const TreeHash& hash) {
  return {hash.data(), hash.size()};
}

// SHA-256(0x00 ‖ leaf).
TreeHash HashLeaf(absl::string_view leaf);
// SHA-256(0x01 ‖ left ‖ right).
TreeHash HashChildren(const TreeHash& left, const TreeHash& right);
// Root of the tree without leaves: SHA-256 of nothing.
TreeHash EmptyRoot();

// Hashes one after the other, 32 bytes each, as messages carry them.
std::string JoinHashes(absl::Span<const TreeHash> hashes);
// kInvalidArgument if `bytes` is not a whole number of hashes.
absl::StatusOr<std::vector<TreeHash>> SplitHashes(absl::string_view bytes);

// Checks that the leaf with hash `leaf` is number `index` of the tree with
// `size` leaves and root `root`. kDataLoss, reason `BAD_INCLUSION_PROOF`, if
// not.
absl::Status VerifyInclusion(const TreeHash& leaf, std::int64_t index,
                             std::int64_t size,
                             absl::Span<const TreeHash> proof,
                             const TreeHash& root);

// Checks that the tree of `new_size` leaves and root `new_root` begins with the
// tree of `old_size` leaves and root `old_root`. Equal sizes need equal roots
// and an empty proof; so does size 0, whose root is EmptyRoot(). kDataLoss,
// reason `BAD_CONSISTENCY_PROOF`, if not.
absl::Status VerifyConsistency(std::int64_t old_size, const TreeHash& old_root,
                               std::int64_t new_size, const TreeHash& new_root,
                               absl::Span<const TreeHash> proof);

// The root of the first `old_size` leaves of the tree of `new_size` leaves and
// root `new_root`, as a consistency proof shows it. kNotFound if it does not:
// it leads to another root, or `old_size` is a power of two, where proofs leave
// that root out.
absl::StatusOr<TreeHash> PrefixRoot(std::int64_t old_size,
                                    std::int64_t new_size,
                                    const TreeHash& new_root,
                                    absl::Span<const TreeHash> proof);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_MERKLE_H_
