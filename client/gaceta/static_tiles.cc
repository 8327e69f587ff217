#include "gaceta/static_tiles.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gaceta/file_io.h"

namespace gaceta::client {
namespace {

TreeHash RootOf(absl::Span<const TreeHash> nodes) {
  Frontier tree;
  for (const TreeHash& node : nodes) tree.Append(node);
  return tree.Root();
}

}  // namespace

std::string StaticTiles::PathOf(const Tile& tile) const {
  return absl::StrCat(folder_, "/", TilePath(tile));
}

bool StaticTiles::Has(const Tile& tile) const {
  std::error_code ignored;
  return std::filesystem::exists(PathOf(tile), ignored);
}

absl::StatusOr<std::string> StaticTiles::ReadTile(const Tile& tile) const {
  auto bytes = ReadFile(PathOf(tile));
  if (absl::IsNotFound(bytes.status())) {
    return absl::DataLossError(
        absl::StrCat("tile is missing: ", bytes.status().message()));
  }
  return bytes;
}

absl::StatusOr<std::vector<TreeHash>> StaticTiles::ReadHashes(
    const Tile& tile) const {
  auto bytes = ReadTile(tile);
  if (!bytes.ok()) return bytes.status();
  auto hashes = SplitHashes(*bytes);
  if (hashes.ok() && hashes->size() == static_cast<std::size_t>(tile.width)) {
    return hashes;
  }
  return absl::DataLossError(absl::StrCat(PathOf(tile), " has ", bytes->size(),
                                          " bytes, expected ", tile.width,
                                          " hashes"));
}

absl::StatusOr<std::vector<std::string>> StaticTiles::ReadBundle(
    const Tile& tile) const {
  auto bytes = ReadTile(tile);
  if (!bytes.ok()) return bytes.status();
  auto leaves = ParseEntryBundle(*bytes);
  if (leaves.ok() && leaves->size() == static_cast<std::size_t>(tile.width)) {
    return leaves;
  }
  return absl::DataLossError(
      absl::StrCat(PathOf(tile), " is no bundle of ", tile.width, " entries"));
}

absl::StatusOr<TreeHash> StaticTiles::ReadTileRoot(int level,
                                                   std::int64_t index) const {
  auto nodes = ReadHashes({level, index, kTileWidth});
  if (!nodes.ok()) return nodes.status();
  return RootOf(*nodes);
}

absl::StatusOr<TreeHash> StaticTiles::ReadSubtree(const Subtree& subtree,
                                                  std::int64_t size) const {
  const int level = subtree.level / kTileHeight;
  const std::int64_t count = std::int64_t{1} << (subtree.level % kTileHeight);
  const std::int64_t first = subtree.index * count;
  const std::int64_t tile = first / kTileWidth;
  std::vector<TreeHash> nodes;
  std::int64_t begin = tile * kTileWidth;
  if (begin + kTileWidth <= NodesAt(level, size)) {
    auto all = ReadHashes({level, tile, kTileWidth});
    if (!all.ok()) return all.status();
    nodes = *std::move(all);
  } else {
    auto last = ReadLastNodes(level, size);
    if (!last.ok()) return last.status();
    nodes = *std::move(last);
  }
  return RootOf(absl::MakeConstSpan(nodes).subspan(
      static_cast<std::size_t>(first - begin),
      static_cast<std::size_t>(count)));
}

absl::StatusOr<std::vector<TreeHash>> StaticTiles::ReadLastNodes(
    int level, std::int64_t size) const {
  const std::int64_t end = NodesAt(level, size);
  const std::int64_t begin = end - end % kTileWidth;
  if (begin == end) return std::vector<TreeHash>();
  if (level == 0) {
    return ReadHashes({0, begin / kTileWidth, static_cast<int>(end - begin)});
  }
  std::vector<TreeHash> nodes;
  for (std::int64_t index = begin; index < end; ++index) {
    auto node = ReadTileRoot(level - 1, index);
    if (!node.ok()) return node.status();
    nodes.push_back(*node);
  }
  return nodes;
}

absl::Status StaticTiles::Write(const Tile& tile, absl::string_view bytes) {
  const std::string path = PathOf(tile);
  if (absl::Status s =
          MakeFolderDurably(std::filesystem::path(path).parent_path().native(),
                            FileRights::kOutput);
      !s.ok()) {
    return s;
  }
  return WriteFileDurably(path, bytes, FileRights::kOutput);
}

void StaticTiles::RemovePartial(int level, std::int64_t index,
                                const std::vector<std::int64_t>& keep) {
  std::set<std::string> kept;
  for (const std::int64_t size : keep) {
    const std::int64_t nodes = NodesAt(std::max(level, 0), size);
    if (nodes / kTileWidth == index) {
      kept.insert(absl::StrCat(nodes % kTileWidth));
    }
  }
  // As `tile/0/000.p`. What cannot be removed is in nobody's way.
  const std::filesystem::path folder =
      std::filesystem::path(PathOf({level, index, 1})).parent_path();
  std::error_code ignored;
  std::vector<std::filesystem::path> old;
  for (const auto& file :
       std::filesystem::directory_iterator(folder, ignored)) {
    if (!kept.contains(file.path().filename().native())) {
      old.push_back(file.path());
    }
  }
  for (const auto& path : old) std::filesystem::remove(path, ignored);
  // Unless it is empty, this does nothing.
  std::filesystem::remove(folder, ignored);
}

}  // namespace gaceta::client
