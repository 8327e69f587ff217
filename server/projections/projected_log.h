// A server's copy of the log together with what is derived from it: its tree,
// where each statement is, the registry, and the entries as streams send them.
#ifndef GACETA_SERVER_PROJECTIONS_PROJECTED_LOG_H_
#define GACETA_SERVER_PROJECTIONS_PROJECTED_LOG_H_

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "server/log/checkpoint_store.h"
#include "server/log/log_head.h"
#include "server/log/log_store.h"
#include "server/log/log_tree.h"
#include "server/log/statement_index.h"
#include "server/registry/registry.h"
#include "server/relay/entry_cache.h"
#include "server/relay/stream_prover.h"
#include "server/storage/shown_size_file.h"
#include "verify/federation.h"

namespace gaceta {

// The hub's sequencer and a node's mirror append through it. Readers see an
// entry only when it is durable, every projection has it, and a checkpoint that
// has it is durable as well: then Publish() shows both.
//
// Projections can be thrown away: at opening, each is brought up to date from
// the log by the code that does so in daily work.
//
// Thread safety: one thread appends and publishes; all else may be called
// concurrently.
class ProjectedLog {
 public:
  // Makes an empty log in `folder`, which must not have any: checkpoints.db,
  // log.size and, as the last, log.db. So a folder that has log.db has them
  // all.
  static absl::Status Create(const std::string& folder);

  // What is wrong with `folder`/log.db, log.size and checkpoints.db, as far as
  // it shows without changing anything. Errors as those of Open().
  static absl::Status Inspect(const std::string& folder);

  // Opens the log in `folder`: log.db, checkpoints.db and log.size (the size
  // that was shown last), which must be there, and tree.db and index.db, which
  // are made anew if they are lost. Versions before had no log.size: then it is
  // written now. `empty` is a registry that knows the federation's root alone.
  //
  // kUnavailable: another server uses the folder. kDataLoss: stored bytes are
  // damaged or missing, or are not those that the last checkpoint was signed
  // for, or there are fewer than were shown.
  static absl::StatusOr<std::unique_ptr<ProjectedLog>> Open(
      const std::string& folder, Federation empty,
      EntryCache::Options cache_options = {});

  // The same over a store that the caller chose, with the index in memory.
  static absl::StatusOr<std::unique_ptr<ProjectedLog>> OpenInMemory(
      std::unique_ptr<LogStore> store, Federation empty);

  // Called after Publish(), by its thread, if the registry has changed, and by
  // this method itself for what it is now: for copies of payloads and documents
  // elsewhere, which an erasure concerns as well. Set before use.
  using RegistryListener = std::function<void(const Federation&)>;
  void SetRegistryListener(RegistryListener listener);

  // Appends as LogStore::Append() does; then the projections.
  //
  // An error of the store means that nothing is there. When the store has the
  // entries and a projection fails, the entries count: the projection is
  // repaired by the next call, which fails with kUnavailable until it is.
  absl::Status Append(Position expected, absl::Span<const StoredEntry> entries);

  // Repairs what failed after an append, for who has to ask the index before
  // the next. Called by the thread that appends. kUnavailable if it is still
  // behind.
  absl::Status Repair();

  // Shows readers a checkpoint and the entries that it has, once it is durable.
  // `note` is that of `checkpoint`, whose signature and root the caller has
  // made or checked; its size is not less than before, nor beyond the store's.
  // Then takes away the payloads that a registry statement in it erases: not
  // before, so that who misses a payload can be shown why.
  absl::Status Publish(const Checkpoint& checkpoint, std::string note);
  // The same for a checkpoint that a quorum has cosigned; its size is not less
  // than before, nor beyond that of head().
  absl::Status PublishCosigned(const Checkpoint& checkpoint, std::string note);

  // The newest checkpoint that was published; null if none was.
  LogHeadPtr head() const;
  // Entries that readers may see: those of head().
  Position Size() const { return cache_.Size(); }

  const LogStore& store() const { return *store_; }
  CheckpointStore& checkpoints() const { return *checkpoints_; }
  const LogTree& tree() const { return *tree_; }
  const StatementIndex& index() const { return *index_; }
  const Registry& registry() const { return registry_; }
  EntryCache& cache() { return cache_; }

  // What streams are proved with.
  ProofSource proof_source() const {
    return {tree_.get(), [this] { return head(); }};
  }

  // A snapshot source, for who follows the registry.
  std::function<std::shared_ptr<const Federation>()> federation_source() const {
    return [this] { return registry_.Snapshot(); };
  }

 private:
  // What can fail to open.
  struct Parts {
    std::unique_ptr<LogStore> store;
    std::unique_ptr<CheckpointStore> checkpoints;
    std::unique_ptr<LogTree> tree;
    std::unique_ptr<StatementIndex> index;
    LogHeadPtr head;
    // Null for what stays in memory.
    std::unique_ptr<ShownSizeFile> shown_size;
  };
  // Opens the rest over `parts`, which has store and checkpoints: `folder` is
  // empty for what stays in memory.
  static absl::StatusOr<std::unique_ptr<ProjectedLog>> OpenOver(
      Parts parts, const std::string& folder, Federation empty,
      EntryCache::Options cache_options);

  ProjectedLog(Parts parts, Federation empty,
               EntryCache::Options cache_options);

  absl::Status CatchUp();
  // Takes away what a published registry statement erases, and is still there.
  absl::Status Erase();
  // What follows from a registry that has changed.
  void FollowRegistry();
  void ChangeHead(absl::FunctionRef<void(LogHead*)> change);

  const std::unique_ptr<LogStore> store_;
  const std::unique_ptr<CheckpointStore> checkpoints_;
  // Ends before `store_`, which keeps other servers from the folder.
  const std::unique_ptr<ShownSizeFile> shown_size_;
  const std::unique_ptr<LogTree> tree_;
  const std::unique_ptr<StatementIndex> index_;
  Registry registry_;
  EntryCache cache_;

  // Touched only by the thread that appends.
  RegistryListener registry_listener_;
  std::shared_ptr<const Federation> followed_;
  // Erasures of the registry that were carried out.
  std::set<Position> erased_;

  mutable absl::Mutex head_mu_;
  LogHeadPtr head_ ABSL_GUARDED_BY(head_mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_PROJECTIONS_PROJECTED_LOG_H_
