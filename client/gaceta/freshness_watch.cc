#include "gaceta/freshness_watch.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/steady_time.h"
#include "gaceta/evidence_folder.h"
#include "verify/checkpoint.h"

namespace gaceta::client {
namespace {

// Witnesses vouch for a log that does not grow every 15 s: however short the
// policy's grace is, nobody is told before they have missed that twice.
constexpr absl::Duration kLeastStaleness = absl::Seconds(30);

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

}  // namespace

FreshnessWatch::FreshnessWatch(std::string evidence_folder,
                               std::function<absl::Time()> steady_now)
    : evidence_folder_(std::move(evidence_folder)),
      steady_now_(steady_now != nullptr ? std::move(steady_now) : SteadyNow) {}

void FreshnessWatch::Saw(const Delivery& delivery) {
  // While a stream catches up, nothing says how the end of the log is.
  if (delivery.live && !live_) WaitSince(steady_now_());
  if (delivery.quorum_time != quorum_time_) {
    waiting_since_ = steady_now_();
    own_clock_ = absl::InfinitePast();
  }
  live_ = delivery.live;
  checkpoint_ = delivery.checkpoint;
  cosigned_checkpoint_ = delivery.cosigned_checkpoint;
  quorum_time_ = delivery.quorum_time;
}

void FreshnessWatch::WaitSince(absl::Time since) {
  waiting_since_ = since;
  may_have_alarms_ = true;
  closed_for_.clear();
}

std::optional<FreshnessWatch::Finding> FreshnessWatch::Check(
    const Federation* registry, const Heard& heard, const std::string& own) {
  const absl::Time before = heard_;
  heard_ = steady_now_() - heard.ago;
  // A reader that was not connected cannot have heard of witnesses.
  if (heard_ - before > kLeastStaleness) WaitSince(heard_);
  if (quorum_time_ == absl::InfinitePast()) return std::nullopt;
  if (own_clock_ == absl::InfinitePast()) own_clock_ = heard.time;
  if (!live_ || registry == nullptr) return std::nullopt;
  const LogPolicyInForce* in_force = registry->log_policy();
  if (in_force == nullptr || in_force->policy.IsQuorum({})) return std::nullopt;
  return Judge(std::max(in_force->quorum_grace, kLeastStaleness), heard.time,
               own);
}

std::optional<FreshnessWatch::Finding> FreshnessWatch::Judge(
    absl::Duration limit, absl::Time heard, const std::string& own) {
  using Kind = Finding::Kind;
  if (heard_ - waiting_since_ > limit) {
    if (said_since_ == quorum_time_) return std::nullopt;
    said_ = Kind::kStale;
    said_since_ = quorum_time_;
    return Finding{Kind::kStale, quorum_time_, own_clock_, Keep(own, heard)};
  }
  // A quorum may vouch again and the clocks differ still.
  if (absl::AbsDuration(own_clock_ - quorum_time_) > limit) {
    if (said_ == Kind::kClocksDiffer) return std::nullopt;
    said_ = Kind::kClocksDiffer;
    return Finding{Kind::kClocksDiffer, quorum_time_, own_clock_, ""};
  }
  CloseAlarms();
  if (!said_.has_value()) return std::nullopt;
  said_.reset();
  return Finding{Kind::kOver, quorum_time_, own_clock_, ""};
}

std::string FreshnessWatch::Keep(const std::string& own, absl::Time heard) {
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
  may_have_alarms_ = true;
  auto path = (*folder)->Keep(evidence);
  return path.ok() ? *path : "";
}

void FreshnessWatch::CloseAlarms() {
  std::error_code error;
  if (!may_have_alarms_ || cosigned_checkpoint_ == closed_for_ ||
      !std::filesystem::exists(evidence_folder_, error)) {
    return;
  }
  const auto cosigned = CheckpointOf(cosigned_checkpoint_);
  auto folder = EvidenceFolder::Open(evidence_folder_);
  if (!cosigned.ok() || !folder.ok()) return;
  closed_for_ = cosigned_checkpoint_;
  const auto left = (*folder)->CloseAlarms(cosigned->size);
  may_have_alarms_ = !left.ok() || *left > 0;
}

}  // namespace gaceta::client
