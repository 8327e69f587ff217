#include "verify/tile.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "verify/text_lines.h"

namespace gaceta {
namespace {

constexpr absl::string_view kTile = "tile/";
constexpr absl::string_view kEntriesLevel = "entries";
constexpr int kMaxLevel = 7;
constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kMaxBundledBytes = 65'535;

// `x001/x234/067` for 1234067.
std::string IndexPath(std::int64_t index) {
  std::string path = absl::StrFormat("%03d", index % 1000);
  for (index /= 1000; index > 0; index /= 1000) {
    path = absl::StrFormat("x%03d/%s", index % 1000, path);
  }
  return path;
}

// Takes what is before the next slash, and the slash, away.
absl::string_view TakeElement(absl::string_view* path) {
  const absl::string_view element = path->substr(0, path->find('/'));
  path->remove_prefix(std::min(path->size(), element.size() + 1));
  return element;
}

// Nothing if `path` cannot be a tile's. What it returns may still be a tile
// whose path is written otherwise.
std::optional<Tile> ReadTilePath(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, kTile)) return std::nullopt;
  Tile tile;
  const absl::string_view level = TakeElement(&path);
  const auto number = ParseDecimal(level);
  if (level == kEntriesLevel) {
    tile.level = Tile::kEntries;
  } else if (number.has_value() && *number <= kMaxLevel) {
    tile.level = static_cast<int>(*number);
  } else {
    return std::nullopt;
  }
  // The last leaf that the tile could have must have a position.
  const int height = kTileHeight * (std::max(tile.level, 0) + 1);
  const std::int64_t max_index =
      height >= 63 ? 0 : std::numeric_limits<std::int64_t>::max() >> height;
  absl::string_view element;
  do {
    element = TakeElement(&path);
    absl::string_view digits = element;
    absl::ConsumePrefix(&digits, "x");
    absl::ConsumeSuffix(&digits, ".p");
    int group = 0;
    if (digits.size() != 3 || !absl::SimpleAtoi(digits, &group) || group < 0) {
      return std::nullopt;
    }
    if (tile.index > max_index / 1000) return std::nullopt;
    tile.index = tile.index * 1000 + group;
    if (tile.index > max_index) return std::nullopt;
  } while (element.front() == 'x');
  if (!path.empty()) {
    const auto width = ParseDecimal(path);
    if (!width.has_value() || *width < 1 || *width >= kTileWidth) {
      return std::nullopt;
    }
    tile.width = static_cast<int>(*width);
  }
  return tile;
}

// The tiles of a level that has grown from `old_count` nodes to `new_count`.
void AddTiles(int level, std::int64_t old_count, std::int64_t new_count,
              std::vector<Tile>* tiles) {
  if (old_count >= new_count) return;
  std::int64_t index = old_count / kTileWidth;
  for (; index < new_count / kTileWidth; ++index) {
    tiles->push_back({level, index, kTileWidth});
  }
  const auto width = static_cast<int>(new_count % kTileWidth);
  if (width != 0) tiles->push_back({level, index, width});
}

}  // namespace

std::string TilePath(const Tile& tile) {
  const std::string level = tile.level == Tile::kEntries
                                ? std::string(kEntriesLevel)
                                : absl::StrCat(tile.level);
  std::string path = absl::StrCat(kTile, level, "/", IndexPath(tile.index));
  if (tile.width < kTileWidth) absl::StrAppend(&path, ".p/", tile.width);
  return path;
}

absl::StatusOr<Tile> ParseTilePath(absl::string_view path) {
  const std::optional<Tile> tile = ReadTilePath(path);
  // One tile has one path: no zeros before an index.
  if (!tile.has_value() || TilePath(*tile) != path) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", absl::CHexEscape(path.substr(0, 100)),
                     "\" is no path of a tile, as tile/0/x001/234 or "
                     "tile/entries/000.p/17"));
  }
  return *tile;
}

std::vector<Tile> TilesBetween(std::int64_t old_size, std::int64_t new_size) {
  std::vector<Tile> tiles;
  AddTiles(Tile::kEntries, old_size, new_size, &tiles);
  for (int level = 0; new_size > 0; ++level) {
    AddTiles(level, old_size, new_size, &tiles);
    old_size >>= kTileHeight;
    new_size >>= kTileHeight;
  }
  return tiles;
}

absl::StatusOr<std::string> FormatEntryBundle(
    const std::vector<std::string>& leaves) {
  std::string bundle;
  for (const std::string& leaf : leaves) {
    if (leaf.size() > kMaxBundledBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("leaf of ", leaf.size(), " bytes, at most ",
                       kMaxBundledBytes, " fit in a bundle of entries"));
    }
    bundle.push_back(static_cast<char>(leaf.size() >> 8));
    bundle.push_back(static_cast<char>(leaf.size()));
    bundle += leaf;
  }
  return bundle;
}

absl::StatusOr<std::vector<std::string>> ParseEntryBundle(
    absl::string_view bytes) {
  std::vector<std::string> leaves;
  while (!bytes.empty()) {
    if (bytes.size() < kLengthBytes) {
      return absl::InvalidArgumentError("bundle of entries ends in a length");
    }
    const std::size_t size = static_cast<unsigned char>(bytes[0]) * 256U +
                             static_cast<unsigned char>(bytes[1]);
    bytes.remove_prefix(kLengthBytes);
    if (bytes.size() < size) {
      return absl::InvalidArgumentError(
          absl::StrCat("bundle of entries has ", bytes.size(),
                       " bytes of a last leaf of ", size));
    }
    leaves.emplace_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return leaves;
}

}  // namespace gaceta
