// Checks a stream's proofs, without signatures.
#ifndef GACETA_TESTS_SERVER_RELAY_PROOF_READER_H_
#define GACETA_TESTS_SERVER_RELAY_PROOF_READER_H_

#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "gaceta/v1/relay.pb.h"
#include "verify/checkpoint.h"
#include "verify/stream_tree.h"

namespace gaceta::testing {

// Reads the messages of one stream after the other, as clients do.
class ProofReader {
 public:
  explicit ProofReader(std::optional<Checkpoint> known = std::nullopt)
      : tree_(std::move(known)) {}

  absl::Status Read(const v1::SubscribeResponse& message) {
    const v1::StreamProof& proof = message.proof();
    std::optional<Checkpoint> checkpoint;
    if (!proof.checkpoint().empty()) {
      auto read = CheckpointOf(proof.checkpoint());
      if (!read.ok()) return read.status();
      checkpoint = *std::move(read);
    }
    if (message.has_opened()) {
      if (absl::Status s = tree_.Begin(message.opened(), proof, checkpoint);
          !s.ok()) {
        return s;
      }
      return ReadCosigned(proof);
    }
    std::vector<ShownLeaf> leaves;
    for (const v1::Entry& entry : message.entries()) {
      leaves.emplace_back(entry.position(), HashLeaf(entry.leaf()));
    }
    if (absl::Status s = tree_.Advance(
            leaves, message.progress().next_position(), proof, checkpoint);
        !s.ok()) {
      return s;
    }
    return ReadCosigned(proof);
  }

  const std::optional<Checkpoint>& known() const { return tree_.known(); }
  // The newest that came.
  const std::optional<Checkpoint>& cosigned() const { return cosigned_; }

 private:
  absl::Status ReadCosigned(const v1::StreamProof& proof) {
    if (proof.cosigned_checkpoint().empty()) return absl::OkStatus();
    auto cosigned = CheckpointOf(proof.cosigned_checkpoint());
    if (!cosigned.ok()) return cosigned.status();
    cosigned_ = *std::move(cosigned);
    return tree_.CheckCosigned(*cosigned_, proof);
  }

  StreamTree tree_;
  std::optional<Checkpoint> cosigned_;
};

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SERVER_RELAY_PROOF_READER_H_
