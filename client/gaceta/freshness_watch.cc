#include "gaceta/freshness_watch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "gaceta/evidence_folder.h"

namespace gaceta::client {
namespace {

// Witnesses vouch for a log that does not grow every 15 s: however short the
// policy's grace is, nobody is told before they have missed that twice.
constexpr absl::Duration kLeastStaleness = absl::Seconds(30);

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

void FreshnessWatch::Saw(const Delivery& delivery) {
  live_ = delivery.live;
  checkpoint_ = delivery.checkpoint;
  cosigned_checkpoint_ = delivery.cosigned_checkpoint;
  quorum_time_ = delivery.quorum_time;
}

std::optional<FreshnessWatch::Stale> FreshnessWatch::Check(
    const Federation* registry, absl::Time heard, const std::string& own) {
  if (!live_ || quorum_time_ == said_ || quorum_time_ == absl::InfinitePast() ||
      registry == nullptr) {
    return std::nullopt;
  }
  const LogPolicyInForce* in_force = registry->log_policy();
  if (in_force == nullptr || in_force->policy.IsQuorum({})) return std::nullopt;
  if (heard - quorum_time_ <=
      std::max(in_force->quorum_grace, kLeastStaleness)) {
    return std::nullopt;
  }
  said_ = quorum_time_;
  return Stale{quorum_time_, Keep(own, heard)};
}

std::string FreshnessWatch::Keep(const std::string& own,
                                 absl::Time heard) const {
  if (evidence_folder_.empty()) return "";
  v1::Evidence evidence;
  evidence.set_reason(std::string(kLogStale));
  evidence.set_description(absl::StrCat(
      "at ", TimeText(heard),
      " the server showed this as the end of the log, for which no quorum of "
      "witnesses had vouched since ",
      TimeText(quorum_time_)));
  evidence.add_checkpoints(cosigned_checkpoint_);
  evidence.add_checkpoints(checkpoint_);
  if (!own.empty()) evidence.add_checkpoints(own);
  auto folder = EvidenceFolder::Open(evidence_folder_);
  if (!folder.ok()) return "";
  auto path = (*folder)->Keep(evidence);
  return path.ok() ? *path : "";
}

}  // namespace gaceta::client
