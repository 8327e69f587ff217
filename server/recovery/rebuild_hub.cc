#include "server/recovery/rebuild_hub.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file_rights.h"
#include "errors/errors.h"
#include "server/documents/document_store.h"
#include "server/log/checkpoint_store.h"
#include "server/log/log_tree.h"
#include "server/log/sqlite_file.h"
#include "server/log/sqlite_log_store.h"
#include "server/recovery/mirror_copy.h"
#include "server/storage/data_folder.h"
#include "server/storage/shown_size_file.h"
#include "spdlog/spdlog.h"

namespace gaceta {
namespace {

constexpr int kBlockEntries = 1024;
constexpr std::size_t kBlockBytes = 16 * 1024 * 1024;
constexpr std::size_t kChunkBytes = 256 * 1024;

using Mirrors = std::vector<std::unique_ptr<MirrorCopy>>;

bool HasPayload(const StoredEntry& entry) {
  return entry.omission == v1::Entry::OMISSION_UNSPECIFIED;
}

// Takes the payload from another mirror, if one has it.
absl::Status FillPayload(Position position, const Mirrors& mirrors,
                         StoredEntry* entry) {
  for (const auto& mirror : mirrors) {
    if (HasPayload(*entry)) return absl::OkStatus();
    if (position >= mirror->log().Size()) continue;
    auto other = mirror->log().Read(position, 1, 1);
    if (!other.ok()) return other.status();
    if (HasPayload(other->front()) && other->front().leaf == entry->leaf) {
      *entry = std::move(other->front());
    }
  }
  return absl::OkStatus();
}

absl::Status CopyMirrored(const MirrorCopy& base, const Mirrors& mirrors,
                          LogStore* log, Rebuilt* rebuilt) {
  while (log->Size() < base.log().Size()) {
    const Position begin = log->Size();
    auto entries = base.log().Read(begin, kBlockEntries, kBlockBytes);
    if (!entries.ok()) return entries.status();
    Position position = begin;
    for (StoredEntry& entry : *entries) {
      if (absl::Status s = FillPayload(position++, mirrors, &entry); !s.ok()) {
        return s;
      }
      rebuilt->without_payload += HasPayload(entry) ? 0 : 1;
    }
    if (absl::Status s = log->Append(begin, *entries); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// Compares with all that nodes have seen. Returns the newest.
absl::StatusOr<SignedCheckpoint> CheckAgainst(const Mirrors& mirrors,
                                              const LogTree& tree) {
  SignedCheckpoint newest;
  for (const auto& mirror : mirrors) {
    for (const SignedCheckpoint& seen : mirror->checkpoints()) {
      const Checkpoint& checkpoint = seen.checkpoint;
      if (checkpoint.size > tree.Size()) {
        return absl::FailedPreconditionError(
            absl::StrCat(mirror->folder(), " has seen a checkpoint of ",
                         checkpoint.size, " entries, but the mirrors end at ",
                         tree.Size(), "; name the data folders of more nodes"));
      }
      auto root = tree.Root(checkpoint.size);
      if (!root.ok()) return root.status();
      if (*root != checkpoint.root) {
        return absl::DataLossError(absl::StrCat(
            mirror->folder(), " has seen a checkpoint of ", checkpoint.size,
            " entries that is not one of the mirrored log"));
      }
      if (checkpoint.size >= newest.checkpoint.size) newest = seen;
    }
  }
  if (!newest.note.empty()) return newest;
  return absl::FailedPreconditionError(
      "the mirrors have seen no checkpoint of this log's key: is log.key the "
      "right one?");
}

absl::Status CopyDocument(const DocumentStore& from, const std::string& sha256,
                          DocumentStore* to) {
  auto found = from.Find(sha256);
  if (!found.ok()) return found.status();
  auto writer = to->StartWrite(sha256, found->size, 0);
  if (!writer.ok()) return writer.status();
  while ((*writer)->offset() < found->size) {
    auto chunk = from.Read(sha256, (*writer)->offset(), kChunkBytes);
    if (!chunk.ok()) return chunk.status();
    if (absl::Status s = (*writer)->Write(*chunk); !s.ok()) return s;
  }
  return (*writer)->Commit();
}

// Each is checked against its name on the way.
absl::Status CopyDocuments(const std::string& mirror, DocumentStore* to,
                           int* count) {
  const std::string folder = mirror + "/documents";
  std::error_code error;
  if (!std::filesystem::exists(folder + "/sha256", error)) {
    return absl::OkStatus();
  }
  auto from = DocumentStore::Open(folder);
  if (!from.ok()) return from.status();
  for (const auto& file : std::filesystem::recursive_directory_iterator(
           folder + "/sha256", error)) {
    if (!file.is_regular_file(error)) continue;
    const std::string sha256 = file.path().filename().native();
    const absl::Status copied = CopyDocument(**from, sha256, to);
    if (copied.ok()) ++*count;
    // Another mirror has it as well, or has it whole.
    if (!copied.ok() && !absl::IsAlreadyExists(copied)) {
      spdlog::warn("document not copied sha256={} from={} why=\"{}\"", sha256,
                   folder, std::string(copied.message()));
    }
  }
  return absl::OkStatus();
}

// A folder that is moved into place when it is whole.
absl::StatusOr<Rebuilt> Fill(const std::string& folder,
                             const Mirrors& mirrors) {
  Rebuilt rebuilt;
  auto log = SqliteLogStore::Open(folder + "/log.db");
  if (!log.ok()) return log.status();
  const auto& base = *std::max_element(
      mirrors.begin(), mirrors.end(), [](const auto& a, const auto& b) {
        return a->log().Size() < b->log().Size();
      });
  if (absl::Status s = CopyMirrored(*base, mirrors, log->get(), &rebuilt);
      !s.ok()) {
    return s;
  }
  auto tree = LogTree::Open(":memory:", **log, nullptr);
  if (!tree.ok()) return tree.status();
  auto newest = CheckAgainst(mirrors, **tree);
  if (!newest.ok()) return newest.status();
  auto checkpoints = CheckpointStore::Open(folder + "/checkpoints.db");
  if (!checkpoints.ok()) return checkpoints.status();
  if (absl::Status s =
          (*checkpoints)->Put(CheckpointKind::kPublished, newest->note);
      !s.ok()) {
    return s;
  }
  rebuilt.size = (*log)->Size();
  return rebuilt;
}

absl::Status MoveInto(const std::string& from, const std::string& to,
                      Position size) {
  // What SQLite left beside a file that was moved away belongs to that file
  // alone.
  RemoveSqliteFile(to + "/log.db");
  RemoveSqliteFile(to + "/checkpoints.db");
  if (absl::Status s = ShownSizeFile::Write(ShownSizeFile::PathIn(to), size);
      !s.ok()) {
    return s;
  }
  std::error_code error;
  // The log last, with what SQLite may have left beside it: without it the
  // rebuilding begins again.
  for (const char* name :
       {"checkpoints.db-wal", "checkpoints.db", "log.db-wal", "log.db"}) {
    const std::string path = absl::StrCat(from, "/", name);
    if (!std::filesystem::exists(path, error)) continue;
    std::filesystem::rename(path, absl::StrCat(to, "/", name), error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("cannot move ", path, ": ", error.message()));
    }
  }
  std::filesystem::remove_all(from, error);
  return absl::OkStatus();
}

// The hub that lost its log may have shown more than the mirrors have.
absl::Status CheckReaches(const std::string& folder, Position size) {
  const std::string path = ShownSizeFile::PathIn(folder);
  auto shown = ShownSizeFile::Read(path);
  if (!shown.ok()) return shown.status();
  if (shown->value_or(0) <= size) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("the hub has shown ", **shown, " entries (", path,
                   "), but the mirrors end at ", size,
                   "; name the data folders of more nodes. Only if no node has "
                   "the rest, move "
                   "log.size away"));
}

}  // namespace

absl::StatusOr<Rebuilt> RebuildHub(const RebuildOptions& options) {
  const std::string& folder = options.data_folder;
  std::error_code error;
  if (std::filesystem::exists(folder + "/log.db", error)) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, " has a log; move log.db away if it is to be rebuilt"));
  }
  Mirrors mirrors;
  for (const std::string& path : options.mirrors) {
    auto mirror = MirrorCopy::Open(path, options.log_key);
    if (!mirror.ok()) return Annotate(mirror.status(), path);
    mirrors.push_back(*std::move(mirror));
  }
  if (mirrors.empty()) {
    return absl::InvalidArgumentError("no node's data folder is named");
  }
  if (absl::Status s = OpenDataFolder(folder); !s.ok()) return s;
  const std::string work = folder + "/rebuilding";
  std::filesystem::remove_all(work, error);
  if (MakeFolder(work, FileRights::kPrivate) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("cannot make folder ", work));
  }
  auto rebuilt = Fill(work, mirrors);
  absl::Status status = rebuilt.status();
  if (status.ok()) status = CheckReaches(folder, rebuilt->size);
  if (!status.ok()) {
    std::filesystem::remove_all(work, error);
    return status;
  }
  auto documents = DocumentStore::Open(folder + "/documents");
  if (!documents.ok()) return documents.status();
  for (const auto& mirror : mirrors) {
    if (absl::Status s = CopyDocuments(mirror->folder(), documents->get(),
                                       &rebuilt->documents);
        !s.ok()) {
      return s;
    }
  }
  if (absl::Status s = MoveInto(work, folder, rebuilt->size); !s.ok()) return s;
  return rebuilt;
}

}  // namespace gaceta
