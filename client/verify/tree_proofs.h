// Makes the proofs that merkle.h checks, from the hashes of full subtrees.
#ifndef GACETA_CLIENT_VERIFY_TREE_PROOFS_H_
#define GACETA_CLIENT_VERIFY_TREE_PROOFS_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "verify/frontier.h"
#include "verify/merkle.h"

namespace gaceta {

// Returns the hash of a full subtree; its errors are passed on.
using SubtreeReader =
    absl::FunctionRef<absl::StatusOr<TreeHash>(const Subtree&)>;

// The hashes of CoverOf(begin, end). kOutOfRange unless 0 <= begin <= end.
absl::StatusOr<std::vector<TreeHash>> ReadCover(std::int64_t begin,
                                                std::int64_t end,
                                                SubtreeReader read);

// Root of the first `size` leaves.
absl::StatusOr<TreeHash> ReadRoot(std::int64_t size, SubtreeReader read);

// Proof that leaf `index` is in the tree of `size` leaves, from the leaf's
// sibling up: at most one hash for each bit of `size`. kOutOfRange unless
// 0 <= index < size.
absl::StatusOr<std::vector<TreeHash>> InclusionProof(std::int64_t index,
                                                     std::int64_t size,
                                                     SubtreeReader read);

// Proof that the tree of `new_size` leaves begins with that of `old_size`;
// empty if they are equal or `old_size` is 0. kOutOfRange unless
// 0 <= old_size <= new_size.
absl::StatusOr<std::vector<TreeHash>> ConsistencyProof(std::int64_t old_size,
                                                       std::int64_t new_size,
                                                       SubtreeReader read);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_TREE_PROOFS_H_
