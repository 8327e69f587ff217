// The server's live copy of the registry: a Federation that follows the log.
#ifndef GACETA_SERVER_REGISTRY_REGISTRY_H_
#define GACETA_SERVER_REGISTRY_REGISTRY_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "server/log/log_store.h"
#include "server/log/statement_index.h"
#include "verify/federation.h"

namespace gaceta {

// Readers take snapshots that never change; the one thread that appends to the
// log applies changes.
//
// Thread safety: all methods may be called concurrently; one thread at a time
// applies.
class Registry {
 public:
  // `empty` knows the root alone.
  explicit Registry(Federation empty);

  std::shared_ptr<const Federation> Snapshot() const;

  // Applies every registry statement of the log below its end.
  absl::Status CatchUp(const LogStore& log, const StatementIndex& index);

  // Applies the entry at `position` if it is a registry statement; does nothing
  // otherwise, or if it was applied before. The entry was verified before it
  // came into the log. Entries come in order.
  absl::Status Apply(Position position, const StoredEntry& entry);

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const Federation> federation_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_REGISTRY_REGISTRY_H_
