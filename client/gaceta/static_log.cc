#include "gaceta/static_log.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "verify/digest.h"
#include "verify/tile.h"
#include "verify/tree_proofs.h"

namespace gaceta::client {
namespace {

constexpr absl::string_view kCheckpoint = "checkpoint";
constexpr absl::string_view kPrivate = ".gaceta";
constexpr absl::string_view kBlobs = "blob/sha256";
constexpr absl::string_view kLock = "lock";

}  // namespace

absl::StatusOr<std::unique_ptr<StaticLog>> StaticLog::Open(std::string folder) {
  auto log = std::unique_ptr<StaticLog>(new StaticLog(std::move(folder)));
  if (absl::Status s = log->TakeLock(); !s.ok()) return s;
  auto checkpoint = log->ReadCheckpoint();
  if (!checkpoint.ok()) return checkpoint.status();
  const std::int64_t size = log->FindSize();
  if (absl::Status s = log->CheckRoot(*checkpoint, size); !s.ok()) return s;
  if (absl::Status s = log->ReadEdge(size); !s.ok()) return s;
  return log;
}

std::string StaticLog::PrivatePath(absl::string_view name) const {
  return absl::StrCat(folder_, "/", kPrivate, "/", name);
}

std::string StaticLog::BlobPath(absl::string_view sha256) const {
  return absl::StrCat(folder_, "/", kBlobs, "/", sha256);
}

std::int64_t StaticLog::durable_size() const {
  const auto pending = static_cast<std::int64_t>(tail_.size());
  return std::max(published_size_, size() - pending);
}

// --- Opening -----------------------------------------------------------------

absl::Status StaticLog::TakeLock() {
  // The folder itself and what is served from it are a result.
  for (const std::string& folder :
       {folder_, absl::StrCat(folder_, "/", kBlobs)}) {
    if (absl::Status s = MakeFolderDurably(folder, FileRights::kOutput);
        !s.ok()) {
      return s;
    }
  }
  if (absl::Status s = MakeFolderDurably(absl::StrCat(folder_, "/", kPrivate),
                                         FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  auto lock = File::OpenToWrite(PrivatePath(kLock), FileRights::kPrivate);
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  return Annotate(lock_.Lock(), folder_);
}

absl::StatusOr<Checkpoint> StaticLog::ReadCheckpoint() {
  const std::string path = absl::StrCat(folder_, "/", kCheckpoint);
  auto note = ReadFile(path);
  if (absl::IsNotFound(note.status())) return Checkpoint();
  if (!note.ok()) return note.status();
  auto checkpoint = CheckpointOf(*note);
  if (!checkpoint.ok()) {
    return absl::DataLossError(
        absl::StrCat(path, ": ", checkpoint.status().message()));
  }
  note_ = *std::move(note);
  published_size_ = checkpoint->size;
  previous_size_ = published_size_;
  older_size_ = published_size_;
  return checkpoint;
}

std::int64_t StaticLog::FindSize() const {
  // A bundle of entries is there before its tile of hashes.
  std::int64_t tile = published_size_ / kTileWidth;
  while (tiles_.Has({0, tile, kTileWidth})) ++tile;
  return std::max(published_size_, tile * kTileWidth);
}

absl::Status StaticLog::CheckRoot(const Checkpoint& checkpoint,
                                  std::int64_t size) const {
  auto root = ReadRoot(checkpoint.size, [this, size](const Subtree& subtree) {
    return tiles_.ReadSubtree(subtree, size);
  });
  if (!root.ok()) return root.status();
  if (*root == checkpoint.root) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(folder_, ": the tiles of the first ", checkpoint.size,
                   " entries do not have the root that the checkpoint says"));
}

absl::Status StaticLog::ReadEdge(std::int64_t size) {
  auto cover = ReadCover(0, size, [this, size](const Subtree& subtree) {
    return tiles_.ReadSubtree(subtree, size);
  });
  if (!cover.ok()) return cover.status();
  auto edge = Frontier::Create(size, *std::move(cover));
  if (!edge.ok()) return edge.status();
  edge_ = *std::move(edge);

  for (int level = 0; NodesAt(level, size) > 0; ++level) {
    auto nodes = tiles_.ReadLastNodes(level, size);
    if (!nodes.ok()) return nodes.status();
    nodes_.push_back(*std::move(nodes));
  }
  const auto width = static_cast<int>(size % kTileWidth);
  if (width == 0) return absl::OkStatus();
  const Tile bundle{Tile::kEntries, size / kTileWidth, width};
  auto leaves = tiles_.ReadBundle(bundle);
  if (!leaves.ok()) return leaves.status();
  for (std::size_t i = 0; i < leaves->size(); ++i) {
    if (HashLeaf((*leaves)[i]) == nodes_[0][i]) continue;
    return absl::DataLossError(absl::StrCat(tiles_.PathOf(bundle), ": entry ",
                                            i, " is not the one of the tree"));
  }
  tail_ = *std::move(leaves);
  return absl::OkStatus();
}

// --- Writing -----------------------------------------------------------------

absl::Status StaticLog::Append(const std::string& leaf) {
  const TreeHash hash = HashLeaf(leaf);
  if (nodes_.empty()) nodes_.emplace_back();
  edge_.Append(hash);
  tail_.push_back(leaf);
  nodes_[0].push_back(hash);
  if (tail_.size() < kTileWidth) return absl::OkStatus();

  auto bundle = FormatEntryBundle(tail_);
  if (!bundle.ok()) return bundle.status();
  const std::int64_t index = size() / kTileWidth - 1;
  if (absl::Status s =
          tiles_.Write({Tile::kEntries, index, kTileWidth}, *bundle);
      !s.ok()) {
    return s;
  }
  tail_.clear();
  return FinishTile(0);
}

absl::Status StaticLog::FinishTile(std::size_t level) {
  const auto number = static_cast<int>(level);
  Frontier tile;
  for (const TreeHash& node : nodes_[level]) tile.Append(node);
  const std::int64_t index = NodesAt(number, size()) / kTileWidth - 1;
  if (absl::Status s =
          tiles_.Write({number, index, kTileWidth}, JoinHashes(nodes_[level]));
      !s.ok()) {
    return s;
  }
  nodes_[level].clear();
  if (level + 1 == nodes_.size()) nodes_.emplace_back();
  nodes_[level + 1].push_back(tile.Root());
  return nodes_[level + 1].size() < kTileWidth ? absl::OkStatus()
                                               : FinishTile(level + 1);
}

absl::Status StaticLog::Publish(const Checkpoint& checkpoint,
                                const std::string& note) {
  if (checkpoint.size != size()) {
    return absl::InternalError(absl::StrCat("the folder has ", size(),
                                            " entries, the checkpoint ",
                                            checkpoint.size));
  }
  if (checkpoint.root != edge_.Root()) {
    return WithReason(
        absl::DataLossError(absl::StrCat(
            folder_, ": the ", size(),
            " entries that are here do not have the root that the log's "
            "checkpoint says; if no checkpoint is here yet, remove the folder "
            "and export again")),
        "LOG_FORKED");
  }
  if (note == note_) return absl::OkStatus();
  if (absl::Status s = WritePartialTiles(); !s.ok()) return s;
  if (absl::Status s = WriteFileDurably(absl::StrCat(folder_, "/", kCheckpoint),
                                        note, FileRights::kOutput);
      !s.ok()) {
    return s;
  }
  note_ = note;
  if (checkpoint.size == published_size_) return absl::OkStatus();
  older_size_ = previous_size_;
  previous_size_ = published_size_;
  published_size_ = checkpoint.size;
  RemoveOldPartialTiles();
  return absl::OkStatus();
}

absl::Status StaticLog::WritePartialTiles() {
  if (size() == published_size_) return absl::OkStatus();
  if (!tail_.empty()) {
    auto bundle = FormatEntryBundle(tail_);
    if (!bundle.ok()) return bundle.status();
    if (absl::Status s = tiles_.Write({Tile::kEntries, size() / kTileWidth,
                                       static_cast<int>(tail_.size())},
                                      *bundle);
        !s.ok()) {
      return s;
    }
  }
  for (std::size_t level = 0; level < nodes_.size(); ++level) {
    if (nodes_[level].empty()) continue;
    const auto number = static_cast<int>(level);
    const Tile tile{number, NodesAt(number, size()) / kTileWidth,
                    static_cast<int>(nodes_[level].size())};
    if (absl::Status s = tiles_.Write(tile, JoinHashes(nodes_[level]));
        !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

void StaticLog::RemoveOldPartialTiles() {
  const std::vector<std::int64_t> keep = {previous_size_, published_size_};
  const auto levels = static_cast<int>(nodes_.size());
  for (int level = Tile::kEntries; level < levels; ++level) {
    for (const std::int64_t old :
         {older_size_, previous_size_, published_size_}) {
      const std::int64_t last = NodesAt(std::max(level, 0), old) / kTileWidth;
      tiles_.RemovePartial(level, last, keep);
      // Where a run that ended left one.
      if (last > 0) tiles_.RemovePartial(level, last - 1, keep);
    }
  }
}

absl::Status StaticLog::PutBlobs(const std::vector<absl::string_view>& blobs) {
  std::map<std::string, absl::string_view> missing;
  std::error_code ignored;
  for (const absl::string_view bytes : blobs) {
    const std::string path = BlobPath(ToHex(Sha256(bytes)));
    if (!std::filesystem::exists(path, ignored)) missing[path] = bytes;
  }
  return WriteFilesDurably(missing, FileRights::kOutput);
}

absl::Status StaticLog::RemoveBlob(absl::string_view sha256) {
  for (const absl::string_view ending : {absl::string_view(), kPartEnding}) {
    if (absl::Status s =
            RemoveFileDurably(absl::StrCat(BlobPath(sha256), ending));
        !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> StaticLog::ReadLeaf(std::int64_t position) const {
  if (position < 0 || position >= size()) {
    return absl::OutOfRangeError(absl::StrCat(
        folder_, " has ", size(), " entries, none at position ", position));
  }
  const auto place = static_cast<std::size_t>(position % kTileWidth);
  const std::int64_t index = position / kTileWidth;
  if (index == size() / kTileWidth) return tail_[place];
  auto leaves = tiles_.ReadBundle({Tile::kEntries, index, kTileWidth});
  if (!leaves.ok()) return leaves.status();
  return std::move((*leaves)[place]);
}

}  // namespace gaceta::client
