// Follows a stream's proofs: whether what it shows is in the log, and the log
// still the one that was known.
#ifndef GACETA_CLIENT_VERIFY_STREAM_TREE_H_
#define GACETA_CLIENT_VERIFY_STREAM_TREE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gaceta/v1/relay.pb.h"
#include "verify/checkpoint.h"
#include "verify/frontier.h"
#include "verify/merkle.h"

namespace gaceta {

// An entry of a message: its position and the hash of its leaf.
using ShownLeaf = std::pair<std::int64_t, TreeHash>;

// Shows that a leaf is in a checkpoint's log, by way of a beginning of it.
struct ShownProof {
  // Entries of that beginning, and its root.
  std::int64_t size = 0;
  TreeHash root;
  // From the leaf to that root, and from there to the checkpoint's.
  std::vector<TreeHash> inclusion;
  std::vector<TreeHash> consistency;
};

// Shows that a checkpoint's log does not begin as an earlier one says.
struct ShownFork {
  // Entries of the earlier one, and the root that the later one's log has
  // there.
  std::int64_t size = 0;
  TreeHash root;
  // From that root to the later one's.
  std::vector<TreeHash> consistency;
};

// Keeps the right edge of the tree up to where the stream is; v1::StreamProof
// says how. Signatures of checkpoints are its caller's to check, before.
//
// Errors are kDataLoss: reason `LOG_FORKED` if two checkpoints do not extend
// one another, `LOG_SHORTENED`, `BAD_CONSISTENCY_PROOF`, or `MALFORMED_STREAM`.
// After one, only Begin() may be called.
//
// Thread safety: none.
class StreamTree {
 public:
  // `known`, if there is one, was verified before.
  explicit StreamTree(std::optional<Checkpoint> known)
      : known_(std::move(known)) {}

  // The newest checkpoint that was verified.
  const std::optional<Checkpoint>& known() const { return known_; }

  // A stream opens at `opened`. `checkpoint` is that of `proof`, none if it has
  // none: the log is empty then.
  absl::Status Begin(const v1::Opened& opened, const v1::StreamProof& proof,
                     const std::optional<Checkpoint>& checkpoint);

  // A message shows `leaves`, in order, and goes on to `next_position`.
  // `checkpoint` is as above; none if it is the one before.
  absl::Status Advance(absl::Span<const ShownLeaf> leaves,
                       std::int64_t next_position, const v1::StreamProof& proof,
                       const std::optional<Checkpoint>& checkpoint);

  // Checks that `cosigned` is a beginning of the stream's checkpoint.
  absl::Status CheckCosigned(const Checkpoint& cosigned,
                             const v1::StreamProof& proof);

  // After `LOG_FORKED`: what the server's own proof shows. None if it shows
  // nothing, or the sizes are the same.
  const std::optional<ShownFork>& fork() const { return fork_; }

  // Proves that the leaf at `position`, which the last message that Advance()
  // took has shown, is in the log of known(). kNotFound if it showed none
  // there, or its proof did not hold.
  absl::StatusOr<ShownProof> Prove(std::int64_t position) const;

 private:
  // Level and index of a full subtree.
  using SubtreeKey = std::pair<int, std::int64_t>;

  // Checks that `later` extends `earlier`: `LOG_FORKED`.
  absl::Status CheckFork(const Checkpoint& earlier, const Checkpoint& later,
                         absl::string_view field, absl::string_view proof);
  // Takes a newer checkpoint of this stream.
  absl::Status Grow(const Checkpoint& checkpoint,
                    absl::string_view growth_consistency);
  // Checks that the edge is a beginning of the stream's checkpoint.
  absl::Status CheckEdge(absl::string_view consistency) const;
  // Full subtrees that the last message's hashes are of.
  std::map<SubtreeKey, TreeHash> LastSubtrees() const;

  std::optional<Checkpoint> known_;
  // Of this stream.
  std::optional<Checkpoint> checkpoint_;
  Frontier edge_;
  std::optional<ShownFork> fork_;
  // What the last message brought, from the edge before it on.
  struct Message {
    Frontier before;
    std::vector<ShownLeaf> leaves;
    std::vector<TreeHash> skipped;
    std::vector<TreeHash> consistency;
    // Whether its proof has held.
    bool holds = false;
  } last_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_STREAM_TREE_H_
