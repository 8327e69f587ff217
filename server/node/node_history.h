// Earlier updates as a node knows them.
#ifndef GACETA_SERVER_NODE_NODE_HISTORY_H_
#define GACETA_SERVER_NODE_NODE_HISTORY_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/law/update_rules.h"
#include "server/log/statement_index.h"
#include "server/node/outbox.h"

namespace gaceta {

// The log as mirrored, and after it what the outbox has beyond that.
//
// Thread safety: none; lives for one check.
class NodeHistory : public UpdateHistory {
 public:
  // All must outlive this object.
  NodeHistory(absl::string_view publisher, const OutboxHistory* pending,
              const StatementIndex* index);

  std::optional<std::string> PublisherOf(
      absl::string_view statement_id) const override;
  bool IsKnownInstrument(absl::string_view uri) const override;
  v1::VersionStatus LastStatus(absl::string_view uri) const override;

  // The first error met: then the answers above count for nothing.
  const absl::Status& status() const { return status_; }

 private:
  // Returns the value, or `fallback` after keeping the error.
  template <typename T>
  T ValueOr(absl::StatusOr<T> value, T fallback) const {
    if (value.ok()) return *std::move(value);
    status_.Update(value.status());
    return fallback;
  }

  const absl::string_view publisher_;
  const OutboxHistory* const pending_;
  const StatementIndex* const index_;
  // What the index has is below this.
  const Position mirrored_;
  mutable absl::Status status_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_NODE_HISTORY_H_
