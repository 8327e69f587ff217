#include "server/log/log_tree.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/log/tile_store.h"
#include "verify/tile.h"
#include "verify/tree_proofs.h"

namespace gaceta {
namespace {

// Entries that are read and hashed at a time when a log is opened.
constexpr int kCatchUpEntries = 4096;

// The key of a tile among all levels.
std::int64_t KeyOf(int level, std::int64_t index) {
  return (static_cast<std::int64_t>(level) << 56) | index;
}

absl::StatusOr<std::vector<TreeHash>> HashLeaves(const LogStore& log,
                                                 Position begin, int count) {
  std::vector<TreeHash> hashes;
  hashes.reserve(static_cast<std::size_t>(count));
  while (static_cast<int>(hashes.size()) < count) {
    auto entries = log.Read(begin + static_cast<Position>(hashes.size()),
                            count - static_cast<int>(hashes.size()),
                            std::numeric_limits<std::size_t>::max());
    if (!entries.ok()) return entries.status();
    if (entries->empty()) {
      return absl::DataLossError(absl::StrCat(
          "the log has no entry ", begin + static_cast<Position>(hashes.size()),
          " any more"));
    }
    for (const StoredEntry& entry : *entries) {
      hashes.push_back(HashLeaf(entry.leaf));
    }
  }
  return hashes;
}

}  // namespace

// A tile's leaves and, above each two that are there, their parent: rows of
// 256, 128, … 1 hashes, one after the other.
struct TileNodes {
  explicit TileNodes(std::int64_t tile_index) : index(tile_index) {}

  static std::size_t Row(int height) {
    return static_cast<std::size_t>(2 * kTileWidth -
                                    ((2 * kTileWidth) >> height));
  }

  void Append(const TreeHash& leaf) {
    std::size_t i = static_cast<std::size_t>(width++);
    nodes[i] = leaf;
    for (int height = 0; height < kTileHeight && i % 2 == 1; ++height) {
      const std::size_t row = Row(height);
      const TreeHash parent = HashChildren(nodes[row + i - 1], nodes[row + i]);
      i /= 2;
      nodes[Row(height + 1) + i] = parent;
    }
  }

  const TreeHash& At(int height, std::int64_t i) const {
    return nodes[Row(height) + static_cast<std::size_t>(i)];
  }
  const TreeHash& root() const { return nodes[Row(kTileHeight)]; }

  std::int64_t index;
  int width = 0;
  std::array<TreeHash, kTileNodes> nodes;
};

LogTree::LogTree(std::unique_ptr<TileStore> tiles) : tiles_(std::move(tiles)) {}
LogTree::~LogTree() = default;

absl::StatusOr<std::unique_ptr<LogTree>> LogTree::Open(
    const std::string& path, const LogStore& log,
    const Checkpoint* checkpoint) {
  if (checkpoint != nullptr && checkpoint->size > log.Size()) {
    return absl::DataLossError(absl::StrCat(
        "the log has ", log.Size(), " entries, but its last checkpoint has ",
        checkpoint->size, ": entries were lost"));
  }
  bool damaged = false;
  auto tree = Make(TileStore::Open(path), log, &damaged);
  // Some damage shows only when a tile is compared.
  if (damaged) tree = Make(TileStore::OpenAnew(path), log, &damaged);
  if (!tree.ok() || checkpoint == nullptr) return tree;
  if (absl::Status s = (*tree)->CheckBeginning(*checkpoint); !s.ok()) return s;
  return tree;
}

absl::StatusOr<std::unique_ptr<LogTree>> LogTree::Make(
    absl::StatusOr<std::unique_ptr<TileStore>> tiles, const LogStore& log,
    bool* damaged) {
  *damaged = false;
  if (!tiles.ok()) return tiles.status();
  std::unique_ptr<LogTree> tree(new LogTree(*std::move(tiles)));
  if (absl::Status s = tree->CatchUp(log, damaged); !s.ok()) return s;
  return tree;
}

absl::Status LogTree::CatchUp(const LogStore& log, bool* damaged) {
  const auto result = [damaged](absl::Status status) {
    *damaged = absl::IsDataLoss(status);
    return status;
  };
  const Position end = log.Size();
  tiles_->BeginCheck();
  // One part for each processor: what costs is reading and hashing.
  const int parts =
      std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  for (Position begin = 0; begin < end;) {
    std::vector<std::future<absl::StatusOr<std::vector<TreeHash>>>> reads;
    for (int i = 0; i < parts && begin < end; ++i) {
      const int count =
          static_cast<int>(std::min<Position>(kCatchUpEntries, end - begin));
      reads.push_back(std::async(std::launch::async, [&log, begin, count] {
        return HashLeaves(log, begin, count);
      }));
      begin += count;
    }
    absl::MutexLock lock(&edge_mu_);
    for (auto& read : reads) {
      auto hashes = read.get();
      if (!hashes.ok()) return hashes.status();
      for (const TreeHash& hash : *hashes) AppendHash(hash);
    }
    if (absl::Status s = SaveTiles(); !s.ok()) return result(s);
  }
  return result(tiles_->EndCheck());
}

absl::Status LogTree::CheckBeginning(const Checkpoint& checkpoint) const {
  auto root = Root(checkpoint.size);
  if (!root.ok()) return root.status();
  if (*root == checkpoint.root) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(
      "the first ", checkpoint.size, " entries of the log have root ",
      absl::Base64Escape(View(*root)), ", but its last checkpoint says ",
      absl::Base64Escape(View(checkpoint.root)), ": entries were changed"));
}

absl::Status LogTree::Append(absl::Span<const StoredEntry> entries) {
  std::vector<TreeHash> hashes;
  hashes.reserve(entries.size());
  for (const StoredEntry& entry : entries) {
    hashes.push_back(HashLeaf(entry.leaf));
  }
  absl::MutexLock lock(&edge_mu_);
  for (const TreeHash& hash : hashes) AppendHash(hash);
  return SaveTiles();
}

void LogTree::AppendHash(const TreeHash& leaf) {
  TreeHash hash = leaf;
  for (std::size_t level = 0;; ++level) {
    if (level == edge_.size()) edge_.push_back(std::make_shared<TileNodes>(0));
    std::shared_ptr<TileNodes>& tile = edge_[level];
    tile->Append(hash);
    if (tile->width < kTileWidth) break;
    hash = tile->root();
    const std::int64_t index = tile->index;
    unsaved_[KeyOf(static_cast<int>(level), index)] = std::move(tile);
    tile = std::make_shared<TileNodes>(index + 1);
  }
  size_.fetch_add(1, std::memory_order_release);
}

absl::Status LogTree::SaveTiles() {
  for (auto tile = unsaved_.begin(); tile != unsaved_.end();) {
    if (absl::Status s = tiles_->Put(tile->first, tile->second->nodes);
        !s.ok()) {
      return s;
    }
    unsaved_.erase(tile++);
  }
  return absl::OkStatus();
}

absl::StatusOr<TreeHash> LogTree::Read(const Subtree& subtree) const {
  if (subtree.level < 0 || subtree.level > 55 || subtree.index < 0 ||
      subtree.index >= (Size() >> subtree.level)) {
    return absl::OutOfRangeError(
        absl::StrCat("the tree of ", Size(), " leaves has no subtree ",
                     subtree.index, " of level ", subtree.level));
  }
  const int level = subtree.level / kTileHeight;
  const int height = subtree.level % kTileHeight;
  const int row_bits = kTileHeight - height;
  const std::int64_t index = subtree.index >> row_bits;
  const std::int64_t i = subtree.index & ((std::int64_t{1} << row_bits) - 1);
  {
    absl::ReaderMutexLock lock(&edge_mu_);
    const TileNodes& edge = *edge_[static_cast<std::size_t>(level)];
    if (edge.index == index) return edge.At(height, i);
    auto unsaved = unsaved_.find(KeyOf(level, index));
    if (unsaved != unsaved_.end()) return unsaved->second->At(height, i);
  }
  auto tile = FindTile(level, index);
  if (!tile.ok()) return tile.status();
  return (*tile)->At(height, i);
}

absl::StatusOr<std::shared_ptr<const TileNodes>> LogTree::FindTile(
    int level, std::int64_t index) const {
  const std::int64_t key = KeyOf(level, index);
  {
    absl::MutexLock lock(&cache_mu_);
    if (auto found = cache_.find(key); found != cache_.end()) {
      uses_.splice(uses_.end(), uses_, found->second.use);
      return found->second.nodes;
    }
  }
  auto kept = tiles_->Get(key);
  if (!kept.ok()) return kept.status();
  auto nodes = std::make_shared<TileNodes>(index);
  nodes->width = kTileWidth;
  std::copy(kept->begin(), kept->end(), nodes->nodes.begin());

  absl::MutexLock lock(&cache_mu_);
  if (!cache_.contains(key)) {
    uses_.push_back(key);
    cache_[key] = {nodes, std::prev(uses_.end())};
  }
  while (cache_.size() > kMaxCachedTiles) {
    cache_.erase(uses_.front());
    uses_.pop_front();
  }
  return std::shared_ptr<const TileNodes>(std::move(nodes));
}

absl::StatusOr<TreeHash> LogTree::Root(Position size) const {
  return ReadRoot(size, [this](const Subtree& one) { return Read(one); });
}

absl::StatusOr<std::vector<TreeHash>> LogTree::Inclusion(Position index,
                                                         Position size) const {
  return InclusionProof(index, size,
                        [this](const Subtree& one) { return Read(one); });
}

absl::StatusOr<std::vector<TreeHash>> LogTree::Consistency(
    Position old_size, Position new_size) const {
  return ConsistencyProof(old_size, new_size,
                          [this](const Subtree& one) { return Read(one); });
}

absl::StatusOr<std::vector<TreeHash>> LogTree::Cover(Position begin,
                                                     Position end) const {
  return ReadCover(begin, end,
                   [this](const Subtree& one) { return Read(one); });
}

}  // namespace gaceta
