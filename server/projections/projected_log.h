// A server's copy of the log together with what is derived from it: where each
// statement is, the registry, and the entries as streams send them.
#ifndef GACETA_SERVER_PROJECTIONS_PROJECTED_LOG_H_
#define GACETA_SERVER_PROJECTIONS_PROJECTED_LOG_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/log/log_store.h"
#include "server/log/statement_index.h"
#include "server/registry/registry.h"
#include "server/relay/entry_cache.h"
#include "verify/federation.h"

namespace gaceta {

// The hub's sequencer and a node's mirror append through it, so that readers
// see an entry only when it is durable and every projection has it.
//
// Projections can be thrown away: at opening, each is brought up to date from
// the log by the code that does so in daily work.
//
// Thread safety: one thread appends; all else may be called concurrently.
class ProjectedLog {
 public:
  // Opens or makes `folder`/log.db and `folder`/index.db. `empty` is a registry
  // that knows the federation's root alone.
  //
  // kUnavailable: another server uses the folder. kDataLoss: stored bytes are
  // damaged.
  static absl::StatusOr<std::unique_ptr<ProjectedLog>> Open(
      const std::string& folder, Federation empty,
      EntryCache::Options cache_options = {});

  // The same over a store that the caller chose, with the index in memory.
  static absl::StatusOr<std::unique_ptr<ProjectedLog>> OpenInMemory(
      std::unique_ptr<LogStore> store, Federation empty);

  // Appends as LogStore::Append() does; then the projections, then readers.
  //
  // An error of the store means that nothing is there. When the store has the
  // entries and a projection fails, the entries count: the projection is
  // repaired by the next call, which fails with kUnavailable until it is.
  absl::Status Append(Position expected, absl::Span<const StoredEntry> entries);

  // Repairs what failed after an append, for who has to ask the index before
  // the next. Called by the thread that appends. kUnavailable if it is still
  // behind.
  absl::Status Repair();

  // Entries that readers may see.
  Position Size() const { return cache_.Size(); }

  const LogStore& store() const { return *store_; }
  const StatementIndex& index() const { return *index_; }
  const Registry& registry() const { return registry_; }
  EntryCache& cache() { return cache_; }

  // A snapshot source, for who follows the registry.
  std::function<std::shared_ptr<const Federation>()> federation_source() const {
    return [this] { return registry_.Snapshot(); };
  }

 private:
  ProjectedLog(std::unique_ptr<LogStore> store,
               std::unique_ptr<StatementIndex> index, Federation empty,
               EntryCache::Options cache_options);

  absl::Status CatchUp();

  const std::unique_ptr<LogStore> store_;
  const std::unique_ptr<StatementIndex> index_;
  Registry registry_;
  EntryCache cache_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_PROJECTIONS_PROJECTED_LOG_H_
