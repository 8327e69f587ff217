#include "server/node/node_history.h"

#include <optional>
#include <string>

namespace gaceta {

NodeHistory::NodeHistory(absl::string_view publisher,
                         const OutboxHistory* pending,
                         const StatementIndex* index)
    : publisher_(publisher),
      pending_(pending),
      index_(index),
      // Read first: what the mirror gets meanwhile is then seen twice, never
      // missed.
      mirrored_(index->NextPosition()) {}

std::optional<std::string> NodeHistory::PublisherOf(
    absl::string_view statement_id) const {
  if (ValueOr(pending_->Has(statement_id), false)) {
    return std::string(publisher_);
  }
  const auto found = ValueOr(index_->FindById(statement_id),
                             std::optional<IndexedStatement>());
  if (!found.has_value()) return std::nullopt;
  return found->publisher;
}

bool NodeHistory::IsKnownInstrument(absl::string_view uri) const {
  return ValueOr(pending_->IsKnownInstrument(uri), false) ||
         ValueOr(index_->FindInstrument(uri), std::optional<InstrumentState>())
             .has_value();
}

v1::VersionStatus NodeHistory::LastStatus(absl::string_view uri) const {
  const auto pending = ValueOr(pending_->LastStatus(uri, mirrored_),
                               std::optional<v1::VersionStatus>());
  if (pending.has_value()) return *pending;
  const auto found =
      ValueOr(index_->FindInstrument(uri), std::optional<InstrumentState>());
  return found.has_value() ? found->last_status
                           : v1::VERSION_STATUS_UNSPECIFIED;
}

}  // namespace gaceta
