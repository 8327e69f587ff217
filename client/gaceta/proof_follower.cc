#include "gaceta/proof_follower.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gaceta/evidence_folder.h"
#include "gaceta/log_proofs.h"
#include "verify/checkpoint.h"

namespace gaceta::client {
namespace {

std::optional<Checkpoint> KnownCheckpoint(const std::string& note) {
  if (note.empty()) return std::nullopt;
  auto checkpoint = CheckpointOf(note);
  if (!checkpoint.ok()) return std::nullopt;
  return *std::move(checkpoint);
}

bool HasPolicy(const ProofFollower::Registry& registry) {
  return registry != nullptr && registry->log_policy() != nullptr;
}

}  // namespace

ProofFollower::ProofFollower(
    std::string log_origin, const std::string& known,
    std::function<absl::StatusOr<Registry>()> read_registry)
    : log_origin_(std::move(log_origin)),
      read_registry_(std::move(read_registry)),
      tree_(KnownCheckpoint(known)),
      checkpoint_(known) {}

std::int64_t ProofFollower::known_size() const {
  return tree_.known().has_value() ? tree_.known()->size : 0;
}

absl::Status ProofFollower::OnOpened(const v1::SubscribeResponse& message) {
  if (message.opened().log_size() > 0) {
    // By the newest policy: an older one may name keys that are no longer used.
    auto newest = read_registry_();
    if (!newest.ok()) return newest.status();
    registry_ = *std::move(newest);
  }
  auto checkpoint = OpenNewest(message.proof());
  if (!checkpoint.ok()) return checkpoint.status();
  if (absl::Status s =
          tree_.Begin(message.opened(), message.proof(), *checkpoint);
      !s.ok()) {
    return s;
  }
  if (checkpoint->has_value()) checkpoint_ = message.proof().checkpoint();
  return TakeCosigned(message.proof());
}

absl::Status ProofFollower::OnProgress(absl::Span<const ShownLeaf> leaves,
                                       const v1::SubscribeResponse& message,
                                       const Registry& registry,
                                       absl::Time now) {
  if (HasPolicy(registry) &&
      (!HasPolicy(registry_) ||
       registry->next_position() > registry_->next_position())) {
    registry_ = registry;
  }
  auto checkpoint = OpenNewest(message.proof());
  if (!checkpoint.ok()) return checkpoint.status();
  const std::int64_t next_position = message.progress().next_position();
  if (absl::Status s =
          tree_.Advance(leaves, next_position, message.proof(), *checkpoint);
      !s.ok()) {
    return s;
  }
  if (checkpoint->has_value()) checkpoint_ = message.proof().checkpoint();
  if (absl::Status s = TakeCosigned(message.proof()); !s.ok()) return s;
  return CheckQuorum(next_position, now);
}

absl::StatusOr<std::optional<Checkpoint>> ProofFollower::OpenNewest(
    const v1::StreamProof& proof) {
  if (proof.checkpoint().empty()) return std::nullopt;
  offered_ = proof.checkpoint();
  auto opened = Open(proof.checkpoint());
  if (!opened.ok()) return opened.status();
  return std::move(opened->checkpoint);
}

absl::StatusOr<LogPolicy::Opened> ProofFollower::Open(const std::string& note) {
  if (registry_ != nullptr) {
    auto opened = OpenByPolicy(*registry_, log_origin_, note);
    if (opened.ok() || Reason(opened.status()) == "WRONG_LOG") return opened;
  }
  auto newest = read_registry_();
  if (!newest.ok()) return newest.status();
  registry_ = *std::move(newest);
  return OpenByPolicy(*registry_, log_origin_, note);
}

absl::Status ProofFollower::TakeCosigned(const v1::StreamProof& proof) {
  if (proof.cosigned_checkpoint().empty()) return absl::OkStatus();
  auto opened = Open(proof.cosigned_checkpoint());
  if (!opened.ok()) return opened.status();
  doubted_ = proof.cosigned_checkpoint();
  if (absl::Status s = tree_.CheckCosigned(opened->checkpoint, proof);
      !s.ok()) {
    return s;
  }
  doubted_.clear();
  // What is none by this client's policy counts for nothing.
  if (!opened->has_quorum || opened->checkpoint.size < cosigned_size_) {
    return absl::OkStatus();
  }
  cosigned_ = proof.cosigned_checkpoint();
  cosigned_size_ = opened->checkpoint.size;
  quorum_time_ = opened->quorum_time;
  return absl::OkStatus();
}

absl::Status ProofFollower::CheckQuorum(std::int64_t next_position,
                                        absl::Time now) {
  const LogPolicyInForce* in_force =
      HasPolicy(registry_) ? registry_->log_policy() : nullptr;
  if (next_position <= cosigned_size_ || in_force == nullptr ||
      in_force->policy.IsQuorum({})) {
    uncovered_.reset();
    return absl::OkStatus();
  }
  if (!uncovered_.has_value() || cosigned_size_ >= uncovered_->end) {
    uncovered_ = Uncovered{next_position, now};
  }
  if (now - uncovered_->since <= in_force->quorum_grace) {
    return absl::OkStatus();
  }
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "no quorum of witnesses has cosigned the entries below position ",
          uncovered_->end, " for ",
          absl::FormatDuration(in_force->quorum_grace),
          "; the last that one has cosigned are below ", cosigned_size_)),
      kQuorumMissing);
}

}  // namespace gaceta::client
