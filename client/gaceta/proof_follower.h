// Checks the proofs of a subscription's streams. Used inside the client library
// alone.
#ifndef GACETA_CLIENT_GACETA_PROOF_FOLLOWER_H_
#define GACETA_CLIENT_GACETA_PROOF_FOLLOWER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gaceta/v1/relay.pb.h"
#include "verify/federation.h"
#include "verify/log_policy.h"
#include "verify/stream_tree.h"

namespace gaceta::client {

// From one connection to the next it remembers the newest checkpoint, and what
// a quorum has cosigned.
//
// Errors: as StreamTree and LogPolicy; kUnavailable if there is no log policy
// yet; those of the registry's source.
//
// Thread safety: none.
class ProofFollower {
 public:
  using Registry = std::shared_ptr<const Federation>;

  // `read_registry` reads the newest registry from the server. `known` is the
  // note of a checkpoint that was verified before, empty if there is none.
  ProofFollower(std::string log_origin, const std::string& known,
                std::function<absl::StatusOr<Registry>()> read_registry);

  // Size of the newest checkpoint that was verified; 0 if there is none.
  std::int64_t known_size() const;
  // Its note.
  const std::string& checkpoint() const { return checkpoint_; }
  // The note that the server sent last, whether it held or not.
  const std::string& offered() const { return offered_; }
  // The one that it must extend.
  const std::string& earlier() const {
    return doubted_.empty() ? checkpoint_ : doubted_;
  }
  // After `LOG_FORKED`; see StreamTree.
  const std::optional<ShownFork>& fork() const { return tree_.fork(); }
  // The newest that a quorum has cosigned, and when it last did.
  const std::string& cosigned_checkpoint() const { return cosigned_; }
  absl::Time quorum_time() const { return quorum_time_; }

  // That the leaf at `position`, of the last message, is in checkpoint()'s log;
  // see StreamTree.
  absl::StatusOr<ShownProof> Prove(std::int64_t position) const {
    return tree_.Prove(position);
  }

  absl::Status OnOpened(const v1::SubscribeResponse& message);

  // `registry` is that of the stream, with what the message brought.
  absl::Status OnProgress(absl::Span<const ShownLeaf> leaves,
                          const v1::SubscribeResponse& message,
                          const Registry& registry, absl::Time now);

 private:
  // Opens the checkpoint of a proof by the newest policy that is known; reads
  // the registry again if that does not fit.
  absl::StatusOr<std::optional<Checkpoint>> OpenNewest(
      const v1::StreamProof& proof);
  absl::StatusOr<LogPolicy::Opened> Open(const std::string& note);
  absl::Status TakeCosigned(const v1::StreamProof& proof);
  // Fails once a quorum has been missing for longer than the policy allows.
  absl::Status CheckQuorum(std::int64_t next_position, absl::Time now);

  const std::string log_origin_;
  const std::function<absl::StatusOr<Registry>()> read_registry_;
  StreamTree tree_;
  // With the newest log policy that is known; null before the first.
  Registry registry_;

  std::string checkpoint_;
  std::string offered_;
  // A cosigned one that is being checked, or has failed.
  std::string doubted_;
  std::string cosigned_;
  std::int64_t cosigned_size_ = 0;
  absl::Time quorum_time_ = absl::InfinitePast();

  // What was shown first of what no quorum has cosigned: its end, and when.
  struct Uncovered {
    std::int64_t end;
    absl::Time since;
  };
  std::optional<Uncovered> uncovered_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_PROOF_FOLLOWER_H_
