// Whole tiles of a tree's hashes in a SQLite file.
#ifndef GACETA_SERVER_LOG_TILE_STORE_H_
#define GACETA_SERVER_LOG_TILE_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "verify/merkle.h"
#include "verify/tile.h"

namespace gaceta {

// Nodes of a whole tile: its 256 hashes, and above each two their parent.
inline constexpr std::size_t kTileNodes = 2 * kTileWidth - 1;

// What a crash loses, or a disk damages, is found and put right by the check
// that every start makes: tiles are then put again, from the leaves.
//
// Thread safety: all methods may be called concurrently.
class TileStore {
 public:
  // Opens or makes the file; `:memory:` keeps it in memory. A file that is
  // damaged or of another version is made anew.
  static absl::StatusOr<std::unique_ptr<TileStore>> Open(
      const std::string& path);
  // The same, and forgets what is there.
  static absl::StatusOr<std::unique_ptr<TileStore>> OpenAnew(
      const std::string& path);
  virtual ~TileStore() = default;

  // Until EndCheck(), Put() compares with what is there, and all of it is one
  // transaction.
  virtual void BeginCheck() = 0;
  virtual absl::Status EndCheck() = 0;

  // Keeps the nodes of a tile: who reads it has nothing to hash.
  virtual absl::Status Put(std::int64_t key,
                           absl::Span<const TreeHash> nodes) = 0;
  // kDataLoss if there is no such tile.
  virtual absl::StatusOr<std::vector<TreeHash>> Get(std::int64_t key) const = 0;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_TILE_STORE_H_
