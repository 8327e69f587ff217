// Follows a stream's proofs: whether what it shows is in the log, and the log
// still the one that was known.
#ifndef GACETA_CLIENT_VERIFY_STREAM_TREE_H_
#define GACETA_CLIENT_VERIFY_STREAM_TREE_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gaceta/v1/relay.pb.h"
#include "verify/checkpoint.h"
#include "verify/frontier.h"
#include "verify/merkle.h"

namespace gaceta {

// An entry of a message: its position and the hash of its leaf.
using ShownLeaf = std::pair<std::int64_t, TreeHash>;

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
                             const v1::StreamProof& proof) const;

 private:
  // Takes a newer checkpoint of this stream.
  absl::Status Grow(const Checkpoint& checkpoint,
                    absl::string_view growth_consistency);
  // Checks that the edge is a beginning of the stream's checkpoint.
  absl::Status CheckEdge(absl::string_view consistency) const;

  std::optional<Checkpoint> known_;
  // Of this stream.
  std::optional<Checkpoint> checkpoint_;
  Frontier edge_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_STREAM_TREE_H_
