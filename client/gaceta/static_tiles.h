// The tiles of a log in a folder, read and written one by one. Used inside the
// client library alone.
#ifndef GACETA_CLIENT_GACETA_STATIC_TILES_H_
#define GACETA_CLIENT_GACETA_STATIC_TILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verify/frontier.h"
#include "verify/merkle.h"
#include "verify/tile.h"

namespace gaceta::client {

// How many nodes a log of `size` leaves has at height 8 * `level`.
inline std::int64_t NodesAt(int level, std::int64_t size) {
  const int height = kTileHeight * level;
  return height >= 63 ? 0 : size >> height;
}

// Of the tiles of hashes it reads whole ones, and of the last that is not whole
// at level 0: of them the rest is made.
//
// Errors of reading: kDataLoss, which names the file.
//
// Thread safety: none.
class StaticTiles {
 public:
  explicit StaticTiles(std::string folder) : folder_(std::move(folder)) {}

  std::string PathOf(const Tile& tile) const;
  // Whether the file is there.
  bool Has(const Tile& tile) const;

  absl::StatusOr<std::vector<TreeHash>> ReadHashes(const Tile& tile) const;
  absl::StatusOr<std::vector<std::string>> ReadBundle(const Tile& tile) const;
  // Hash of a full subtree of a log that has `size` leaves here.
  absl::StatusOr<TreeHash> ReadSubtree(const Subtree& subtree,
                                       std::int64_t size) const;
  // Of the nodes of a level, those of the last tile, if it is not whole.
  absl::StatusOr<std::vector<TreeHash>> ReadLastNodes(int level,
                                                      std::int64_t size) const;

  // Durable when it returns.
  absl::Status Write(const Tile& tile, absl::string_view bytes);

  // Removes all tiles in place of the whole tile `index` of `level` that are
  // not whole, but for those of a log of one of the sizes in `keep`.
  void RemovePartial(int level, std::int64_t index,
                     const std::vector<std::int64_t>& keep);

 private:
  absl::StatusOr<std::string> ReadTile(const Tile& tile) const;
  absl::StatusOr<TreeHash> ReadTileRoot(int level, std::int64_t index) const;

  const std::string folder_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_STATIC_TILES_H_
