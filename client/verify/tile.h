// Tiles: the pieces in which a log's hashes and leaves are stored and served
// (C2SP tlog-tiles v0.1.0).
#ifndef GACETA_CLIENT_VERIFY_TILE_H_
#define GACETA_CLIENT_VERIFY_TILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gaceta {

// Hashes, or leaves, of a whole tile; the tree's height that it spans is 8.
inline constexpr int kTileWidth = 256;
inline constexpr int kTileHeight = 8;

// Hashes [index * 256, index * 256 + width) of the nodes at height 8 * level.
struct Tile {
  // 0 to 7, or kEntries.
  int level = 0;
  std::int64_t index = 0;
  // 1 to 256.
  int width = kTileWidth;

  // Level of a bundle of leaves' data.
  static constexpr int kEntries = -1;

  friend bool operator==(const Tile&, const Tile&) = default;
};

// As `tile/0/x001/234.p/5` or `tile/entries/000`.
std::string TilePath(const Tile& tile);
// kInvalidArgument for anything but what TilePath() writes, and for a tile
// whose leaves would have no positions.
absl::StatusOr<Tile> ParseTilePath(absl::string_view path);

// The tiles, of hashes and of entries, that a log needs to hold at `new_size`
// beyond those that it had at `old_size`: whole ones and the partial ones of
// `new_size`. Entries come first, then level by level from 0.
std::vector<Tile> TilesBetween(std::int64_t old_size, std::int64_t new_size);

// A bundle of leaves: for each a length, 2 bytes big-endian, and its data.
// kInvalidArgument for a leaf beyond 65,535 bytes.
absl::StatusOr<std::string> FormatEntryBundle(
    const std::vector<std::string>& leaves);
absl::StatusOr<std::vector<std::string>> ParseEntryBundle(
    absl::string_view bytes);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_TILE_H_
