// A tree that grows: of all that came, only what its root needs is kept.
#ifndef GACETA_CLIENT_VERIFY_FRONTIER_H_
#define GACETA_CLIENT_VERIFY_FRONTIER_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "verify/merkle.h"

namespace gaceta {

// A full subtree: the 2^level leaves from index * 2^level on.
struct Subtree {
  int level = 0;
  std::int64_t index = 0;

  friend bool operator==(const Subtree&, const Subtree&) = default;
};

// The fewest full subtrees whose leaves are [begin, end), in order: at most two
// for each bit of `end`. `begin` must not be beyond `end`.
std::vector<Subtree> CoverOf(std::int64_t begin, std::int64_t end);

// The right edge of a tree: the hashes of CoverOf(0, size()). It grows by
// leaves, or by whole ranges whose leaves nobody shows.
//
// A value. Thread safety: concurrent reads are safe, growing needs exclusion.
class Frontier {
 public:
  // The tree without leaves.
  Frontier() = default;
  // The tree with the given right edge. kInvalidArgument if `hashes` are not as
  // many as CoverOf(0, size) has.
  static absl::StatusOr<Frontier> Create(std::int64_t size,
                                         std::vector<TreeHash> hashes);

  std::int64_t size() const { return size_; }
  // Of CoverOf(0, size()).
  const std::vector<TreeHash>& hashes() const { return hashes_; }

  // One more leaf, by its hash.
  void Append(const TreeHash& leaf);
  // The leaves [size(), end), by the hashes of CoverOf(size(), end). Takes them
  // from the front of `*hashes`. kInvalidArgument if there are too few, or
  // `end` is below size(); then nothing has changed.
  absl::Status AppendRange(std::int64_t end,
                           absl::Span<const TreeHash>* hashes);

  TreeHash Root() const;

 private:
  void Add(int level, TreeHash hash);

  std::int64_t size_ = 0;
  std::vector<TreeHash> hashes_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_FRONTIER_H_
