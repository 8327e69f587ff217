// The Merkle tree over a log's leaves, as tiles.
#ifndef GACETA_SERVER_LOG_LOG_TREE_H_
#define GACETA_SERVER_LOG_LOG_TREE_H_

#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "server/log/log_store.h"
#include "verify/checkpoint.h"
#include "verify/frontier.h"
#include "verify/merkle.h"

namespace gaceta {

class TileStore;
struct TileNodes;

// A projection of the log: it can be thrown away, and is made anew from the
// leaves whenever it is opened, which also shows whether they are still those
// that the last checkpoint was signed for.
//
// Whole tiles are in a SQLite file, the right edge in memory, so that memory
// does not grow with the log and a proof reads a few tiles, whatever its size.
//
// Thread safety: all methods may be called concurrently; one thread at a time
// appends.
class LogTree {
 public:
  // Opens or makes the SQLite file at `path`, `:memory:` for none, and brings
  // it in line with all of `log`, which is read from its beginning. A file that
  // is damaged is made anew.
  //
  // If `checkpoint` is not null, the log must begin with its tree: kDataLoss
  // says what differs if not.
  static absl::StatusOr<std::unique_ptr<LogTree>> Open(
      const std::string& path, const LogStore& log,
      const Checkpoint* checkpoint);
  ~LogTree();
  LogTree(const LogTree&) = delete;
  LogTree& operator=(const LogTree&) = delete;

  // Leaves so far.
  Position Size() const { return size_.load(std::memory_order_acquire); }

  // Appends leaves at the end. Not flushed to disk. An error means that whole
  // tiles could not be written: they stay in memory, and the next call tries
  // again.
  absl::Status Append(absl::Span<const StoredEntry> entries);

  // The hash of a full subtree. kOutOfRange beyond Size().
  absl::StatusOr<TreeHash> Read(const Subtree& subtree) const;

  // As in tree_proofs.h, for sizes up to Size().
  absl::StatusOr<TreeHash> Root(Position size) const;
  absl::StatusOr<std::vector<TreeHash>> Inclusion(Position index,
                                                  Position size) const;
  absl::StatusOr<std::vector<TreeHash>> Consistency(Position old_size,
                                                    Position new_size) const;
  absl::StatusOr<std::vector<TreeHash>> Cover(Position begin,
                                              Position end) const;

 private:
  // Tiles in memory beside the right edge, 16 KiB each.
  static constexpr std::size_t kMaxCachedTiles = 1024;

  explicit LogTree(std::unique_ptr<TileStore> tiles);

  // A tree of all of `log`. `*damaged` says whether it is the tiles that cannot
  // be read.
  static absl::StatusOr<std::unique_ptr<LogTree>> Make(
      absl::StatusOr<std::unique_ptr<TileStore>> tiles, const LogStore& log,
      bool* damaged);
  absl::Status CatchUp(const LogStore& log, bool* damaged);
  absl::Status CheckBeginning(const Checkpoint& checkpoint) const;
  // Appends one leaf's hash, and the roots of the tiles that it makes whole.
  void AppendHash(const TreeHash& leaf) ABSL_EXCLUSIVE_LOCKS_REQUIRED(edge_mu_);
  absl::Status SaveTiles() ABSL_EXCLUSIVE_LOCKS_REQUIRED(edge_mu_);
  absl::StatusOr<std::shared_ptr<const TileNodes>> FindTile(
      int level, std::int64_t index) const;

  const std::unique_ptr<TileStore> tiles_;
  std::atomic<Position> size_{0};

  // By level: the tile that is not whole yet.
  mutable absl::Mutex edge_mu_;
  std::vector<std::shared_ptr<TileNodes>> edge_ ABSL_GUARDED_BY(edge_mu_);
  // Whole, and not in the file yet.
  absl::flat_hash_map<std::int64_t, std::shared_ptr<const TileNodes>> unsaved_
      ABSL_GUARDED_BY(edge_mu_);

  // Whole tiles, the least recently used first.
  struct CachedTile {
    std::shared_ptr<const TileNodes> nodes;
    std::list<std::int64_t>::iterator use;
  };
  mutable absl::Mutex cache_mu_;
  mutable absl::flat_hash_map<std::int64_t, CachedTile> cache_
      ABSL_GUARDED_BY(cache_mu_);
  mutable std::list<std::int64_t> uses_ ABSL_GUARDED_BY(cache_mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_LOG_TREE_H_
