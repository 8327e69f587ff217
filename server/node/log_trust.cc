#include "server/node/log_trust.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "spdlog/spdlog.h"
#include "verify/log_policy.h"
#include "verify/merkle.h"

namespace gaceta {

LogTrust::LogTrust(ProjectedLog* log, EvidenceFolder* evidence)
    : log_(log), evidence_(evidence), status_(evidence->CheckTrusted()) {
  if (status_.ok()) return;
  spdlog::critical(
      "the hub's log is not trusted: nothing is mirrored, published or "
      "cosigned "
      "error=\"{}\"",
      std::string(status_.message()));
}

absl::Status LogTrust::status() const {
  absl::MutexLock lock(&mu_);
  return status_;
}

void LogTrust::Lose(const absl::Status& why) {
  absl::MutexLock lock(&mu_);
  if (!status_.ok()) return;
  status_ = why;
  spdlog::critical(
      "the hub's log is no longer trusted reason={} error=\"{}\" "
      "next_step=\"look at the evidence, and tell the hub's operator\"",
      Reason(why), std::string(why.message()));
}

absl::Status LogTrust::Remember(const CheckpointStore& store) {
  for (const CheckpointKind kind :
       {CheckpointKind::kBeforeLoss, CheckpointKind::kWitnessed}) {
    auto note = store.Get(kind);
    if (!note.ok()) return note.status();
    if (!note->has_value()) continue;
    auto checkpoint = CheckpointOf(**note);
    if (!checkpoint.ok()) return checkpoint.status();
    Saw(*checkpoint, **note);
  }
  return absl::OkStatus();
}

void LogTrust::Saw(const Checkpoint& checkpoint, const std::string& note) {
  const Seen seen{checkpoint, note};
  if (checkpoint.size <= log_->Size()) {
    if (absl::Status s = Compare(seen); !s.ok()) Lose(s);
    return;
  }
  {
    absl::MutexLock lock(&mu_);
    if (!seen_.empty() && seen_.back().checkpoint == checkpoint) return;
    seen_.push_back(seen);
    if (seen_.size() > kMaxSeen) seen_.erase(seen_.begin() + kMaxSeen / 2);
  }
  // The mirror may have come so far meanwhile, and have looked before.
  if (checkpoint.size <= log_->Size()) Check();
}

void LogTrust::Check() {
  const Position size = log_->Size();
  std::vector<Seen> due;
  {
    absl::MutexLock lock(&mu_);
    std::deque<Seen> later;
    for (Seen& seen : seen_) {
      if (seen.checkpoint.size <= size) {
        due.push_back(std::move(seen));
      } else {
        later.push_back(std::move(seen));
      }
    }
    seen_.swap(later);
  }
  for (const Seen& seen : due) {
    if (absl::Status s = Compare(seen); !s.ok()) Lose(s);
  }
}

absl::Status LogTrust::Compare(const Seen& seen) const {
  const Position size = seen.checkpoint.size;
  auto root = log_->tree().Root(size);
  if (!root.ok()) {
    // This disk's fault, not the hub's.
    spdlog::error("cannot compare a checkpoint size={} error=\"{}\"", size,
                  std::string(root.status().message()));
    return absl::OkStatus();
  }
  if (*root == seen.checkpoint.root) return absl::OkStatus();

  const LogHeadPtr head = log_->head();
  v1::Evidence evidence;
  evidence.set_reason("LOG_FORKED");
  evidence.set_description(absl::StrCat(
      "the log has signed two checkpoints of which the second, of ",
      head->checkpoint.size, " entries, does not begin with the first, of ",
      size));
  evidence.add_checkpoints(seen.note);
  evidence.add_checkpoints(head->note);
  evidence.set_prefix_size(size);
  evidence.set_prefix_root(std::string(View(*root)));
  if (auto proof = log_->tree().Consistency(size, head->checkpoint.size);
      proof.ok()) {
    evidence.set_prefix_consistency(JoinHashes(*proof));
  }
  return FailWithEvidence(evidence, evidence_);
}

absl::Status LogTrust::CheckReceipt(const v1::Receipt& receipt) {
  const auto registry = log_->registry().Snapshot();
  if (registry->log_policy() == nullptr) {
    return absl::UnavailableError(
        "the log policy is not mirrored yet, so the receipt cannot be checked");
  }
  auto opened = registry->log_policy()->policy.Open(receipt.checkpoint());
  if (!opened.ok()) return opened.status();
  auto proof = SplitHashes(receipt.inclusion_proof());
  if (!proof.ok()) return absl::DataLossError(proof.status().message());
  const Checkpoint& checkpoint = opened->checkpoint;
  if (absl::Status s =
          VerifyInclusion(HashLeaf(receipt.leaf()), receipt.position(),
                          checkpoint.size, *proof, checkpoint.root);
      !s.ok()) {
    return s;
  }
  Saw(checkpoint, receipt.checkpoint());
  return absl::OkStatus();
}

}  // namespace gaceta
