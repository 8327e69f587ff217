// Entries in the form in which streams send them, shared by all streams.
#ifndef GACETA_SERVER_RELAY_ENTRY_CACHE_H_
#define GACETA_SERVER_RELAY_ENTRY_CACHE_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "server/log/log_store.h"
#include "server/relay/relayed_entry.h"

namespace gaceta {

// Keeps the end of the log in memory, and what catching-up streams have read
// lately. Reads never wait for the disk: what is not here is loaded by a thread
// of the cache, which then calls the listener. While nobody waits, it loads
// what readers will want next, so that loading and sending go on together.
//
// Thread safety: all methods may be called concurrently.
class EntryCache {
 public:
  struct Options {
    // Memory for the end of the log.
    std::size_t tail_bytes = 32 * 1024 * 1024;
    // Memory for blocks read from the store.
    std::size_t block_bytes = 32 * 1024 * 1024;
  };

  // `store` must outlive this object.
  EntryCache(const LogStore* store, Options options);
  ~EntryCache();
  EntryCache(const EntryCache&) = delete;
  EntryCache& operator=(const EntryCache&) = delete;

  // Called after new entries are in the store, by the thread that put them
  // there, in order of position. Readers see them once SetEnd() says so.
  void Append(Position begin, absl::Span<const StoredEntry> entries);

  // Called after the store has erased payloads, by the thread that appends: who
  // reads from now on gets the entries as they are in the store.
  absl::Status Forget(absl::Span<const Position> positions);

  // Readers may see what is below `end`, which is not beyond what was appended.
  // Once there are readers it never goes back.
  void SetEnd(Position end);

  // End of the log as readers may see it; at first, of all that the store has.
  Position Size() const;

  // Called (from any thread) after SetEnd() and after a load, so that who found
  // nothing looks again. Set before use.
  void SetListener(std::function<void()> on_change);

  // What is loaded before one stream asks for it: runs of blocks, each twice as
  // long as the one before, so that who goes on is served by few loads. Who is
  // so slow that its blocks are thrown away meanwhile begins anew, with one.
  class Reader {
    friend class EntryCache;
    // The last run.
    Position begin_ = 0;
    Position end_ = 0;
    // Of the next one.
    int blocks_ = 1;
  };

  // Entries from `begin` on, at most `max_count`, none if `begin` is Size().
  // nullopt: not in memory, a load has been started. kOutOfRange beyond Size();
  // the store's error if a load failed. `reader` is used by one thread at a
  // time.
  absl::StatusOr<std::optional<std::vector<RelayedEntryPtr>>> TryRead(
      Position begin, int max_count, Reader* reader);

  // The same, waiting for the disk. For unary reads. One entry alone is read
  // without its neighbours, and not kept.
  absl::StatusOr<std::vector<RelayedEntryPtr>> Read(Position begin,
                                                    int max_count);

 private:
  static constexpr int kBlockEntries = 64;
  static constexpr int kMaxRunBlocks = 8;
  // Those of more readers would be thrown away before they are read.
  static constexpr std::size_t kMaxRuns = 16;
  using Block = std::vector<RelayedEntryPtr>;

  // TryRead(), without a load.
  absl::StatusOr<std::optional<Block>> Lookup(Position begin, int max_count)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::StatusOr<Block> ReadAlone(Position position) const;
  // Keeps the block, unless its entries were erased while it was read.
  absl::Status LoadBlock(Position block);
  absl::StatusOr<std::shared_ptr<const Block>> ReadBlock(Position block) const;
  std::shared_ptr<const Block> FindBlock(Position block)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void KeepBlock(Position block, std::shared_ptr<const Block> entries)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void DropBlock(Position block) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `reader` has come to `block`: what follows is wanted soon.
  void ReadAhead(Position block, Reader* reader)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // `reader` waits for `block`.
  void Want(Position block, Reader* reader) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What to load next, once there is something or the cache ends.
  std::optional<Position> NextLoad() ABSL_LOCKS_EXCLUDED(mu_);
  bool ReadTail(Position begin, int max_count, Block* out)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void LoadLoop();
  void NotifyListener();

  const LogStore* const store_;
  const Options options_;

  mutable absl::Mutex mu_;
  Position end_ ABSL_GUARDED_BY(mu_) = 0;
  // How often Forget() was called: what was read before is not kept after.
  int forgotten_ ABSL_GUARDED_BY(mu_) = 0;
  // [tail_begin_, tail_begin_ + tail_.size()) is the end of the store.
  std::deque<RelayedEntryPtr> tail_ ABSL_GUARDED_BY(mu_);
  Position tail_begin_ ABSL_GUARDED_BY(mu_) = 0;
  std::size_t tail_bytes_ ABSL_GUARDED_BY(mu_) = 0;

  // Blocks of kBlockEntries, the least recently used first.
  struct CachedBlock {
    std::shared_ptr<const Block> entries;
    std::size_t bytes;
    std::list<Position>::iterator use;
  };
  absl::flat_hash_map<Position, CachedBlock> blocks_ ABSL_GUARDED_BY(mu_);
  std::list<Position> uses_ ABSL_GUARDED_BY(mu_);
  std::size_t block_bytes_ ABSL_GUARDED_BY(mu_) = 0;

  // Blocks that readers wait for, each once, and errors that a load met.
  std::deque<Position> wanted_ ABSL_GUARDED_BY(mu_);
  // What readers come to next. It waits behind those.
  struct Run {
    Position begin;
    Position end;
  };
  std::deque<Run> ahead_ ABSL_GUARDED_BY(mu_);
  // The one that is being loaded, and whether a reader waits for it.
  std::optional<Position> loading_ ABSL_GUARDED_BY(mu_);
  bool loading_wanted_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_map<Position, absl::Status> failed_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  absl::Mutex listener_mu_;
  std::function<void()> listener_ ABSL_GUARDED_BY(listener_mu_);

  std::thread loader_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_ENTRY_CACHE_H_
