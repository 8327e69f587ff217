#include "server/hub/hub_history.h"

#include <optional>
#include <string>
#include <utility>

namespace gaceta {

HubHistory::UnderWay::UnderWay(HubHistory* history,
                               const v1::StatementHeader& header,
                               std::string header_digest,
                               const v1::Update& update)
    : history_(history),
      statement_id_(header.statement_id()),
      instrument_(update.instrument().uri()) {
  absl::MutexLock lock(&history_->mu_);
  Sent& sent = history_->sent_[statement_id_];
  sent.publisher = header.publisher();
  sent.header_digest = std::move(header_digest);
  ++sent.count;
  std::list<v1::VersionStatus>& statuses = history_->statuses_[instrument_];
  status_ = statuses.insert(statuses.end(), update.version().status());
}

HubHistory::UnderWay::~UnderWay() {
  absl::MutexLock lock(&history_->mu_);
  auto sent = history_->sent_.find(statement_id_);
  if (--sent->second.count == 0) history_->sent_.erase(sent);
  // Its own, since a statement of another stream may end sooner.
  auto statuses = history_->statuses_.find(instrument_);
  statuses->second.erase(status_);
  if (statuses->second.empty()) history_->statuses_.erase(statuses);
}

bool HubHistory::IsUnderWay(absl::string_view statement_id,
                            absl::string_view header_digest) const {
  absl::MutexLock lock(&mu_);
  auto found = sent_.find(statement_id);
  return found != sent_.end() && found->second.header_digest == header_digest;
}

std::optional<std::string> HubHistory::PublisherOf(
    absl::string_view statement_id) const {
  {
    absl::MutexLock lock(&mu_);
    auto found = sent_.find(statement_id);
    if (found != sent_.end()) return found->second.publisher;
  }
  auto found = index_->FindById(statement_id);
  // What cannot be looked up is refused as unknown, which is safe.
  if (!found.ok() || !found->has_value()) return std::nullopt;
  return (*found)->publisher;
}

bool HubHistory::IsKnownInstrument(absl::string_view uri) const {
  {
    absl::MutexLock lock(&mu_);
    if (statuses_.contains(uri)) return true;
  }
  auto found = index_->FindInstrument(uri);
  return found.ok() && found->has_value();
}

v1::VersionStatus HubHistory::LastStatus(absl::string_view uri) const {
  {
    absl::MutexLock lock(&mu_);
    auto found = statuses_.find(uri);
    if (found != statuses_.end()) {
      for (auto status = found->second.rbegin(); status != found->second.rend();
           ++status) {
        if (*status != v1::VERSION_STATUS_UNSPECIFIED) return *status;
      }
    }
  }
  auto found = index_->FindInstrument(uri);
  if (!found.ok() || !found->has_value()) {
    return v1::VERSION_STATUS_UNSPECIFIED;
  }
  return (*found)->last_status;
}

}  // namespace gaceta
