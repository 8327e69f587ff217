#include "server/projections/projected_log.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/log/sqlite_log_store.h"
#include "spdlog/spdlog.h"
#include "verify/entry_verifier.h"

namespace gaceta {
namespace {

// What this server published before it was opened.
absl::StatusOr<LogHeadPtr> ReadHead(const CheckpointStore& checkpoints) {
  auto published = checkpoints.Get(CheckpointKind::kPublished);
  if (!published.ok()) return published.status();
  if (!published->has_value()) return LogHeadPtr();
  auto cosigned = checkpoints.Get(CheckpointKind::kCosigned);
  if (!cosigned.ok()) return cosigned.status();
  auto head = std::make_shared<LogHead>();
  auto checkpoint = CheckpointOf(**published);
  if (!checkpoint.ok()) return checkpoint.status();
  head->checkpoint = *std::move(checkpoint);
  head->note = **std::move(published);
  if (cosigned->has_value()) {
    auto seen = CheckpointOf(**cosigned);
    if (!seen.ok()) return seen.status();
    head->cosigned_size = seen->size;
    head->cosigned_note = **std::move(cosigned);
    head->cosigned_number = 1;
  }
  return LogHeadPtr(std::move(head));
}

std::string LogIn(const std::string& folder) { return folder + "/log.db"; }
std::string CheckpointsIn(const std::string& folder) {
  return folder + "/checkpoints.db";
}

// None if the log is of a version that had no such file.
absl::StatusOr<std::optional<Position>> ReadShownSize(
    const std::string& folder) {
  const std::string path = ShownSizeFile::PathIn(folder);
  auto shown = ShownSizeFile::Read(path);
  if (!shown.ok() || shown->has_value()) return shown;
  if (!SqliteLogStore::HasSizeBeside(LogIn(folder))) return shown;
  return absl::DataLossError(absl::StrCat(
      path,
      " is missing, which log.db was made with: the folder is not whole, as "
      "a copy without log.size and the *.db-wal files is not"));
}

// `what` has `size` entries; `file` is where they are.
absl::Status CheckNotShorter(absl::string_view what, absl::string_view file,
                             Position size, Position shown) {
  if (size >= shown) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(what, " has ", size, " entries, but log.size says that ",
                   shown, " were shown: entries were lost, as in a copy of ",
                   file, " without its ", file, "-wal"));
}

bool IsRegistryChange(const StoredEntry& entry) {
  const auto header = HeaderOfLeaf(entry.leaf);
  return header.has_value() && EntryVerifier::IsRegistryChange(*header);
}

}  // namespace

ProjectedLog::ProjectedLog(Parts parts, Federation empty,
                           EntryCache::Options cache_options)
    : store_(std::move(parts.store)),
      checkpoints_(std::move(parts.checkpoints)),
      shown_size_(std::move(parts.shown_size)),
      tree_(std::move(parts.tree)),
      index_(std::move(parts.index)),
      registry_(std::move(empty)),
      cache_(store_.get(), cache_options),
      head_(std::move(parts.head)) {
  cache_.SetEnd(head_ == nullptr ? 0 : head_->checkpoint.size);
}

absl::Status ProjectedLog::Create(const std::string& folder) {
  // Each ends here, so that nothing of it stays in a WAL.
  auto checkpoints = CheckpointStore::Open(CheckpointsIn(folder));
  if (!checkpoints.ok()) return checkpoints.status();
  checkpoints->reset();
  if (absl::Status s = ShownSizeFile::Write(ShownSizeFile::PathIn(folder), 0);
      !s.ok()) {
    return s;
  }
  return SqliteLogStore::Open(LogIn(folder)).status();
}

absl::Status ProjectedLog::Inspect(const std::string& folder) {
  const std::string path = LogIn(folder);
  auto shown = ReadShownSize(folder);
  if (!shown.ok()) return shown.status();
  auto count = SqliteLogStore::CountWithoutWal(path);
  if (!count.ok()) return count.status();
  return count->has_value() && shown->has_value()
             ? CheckNotShorter("the log", "log.db", **count, **shown)
             : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ProjectedLog>> ProjectedLog::Open(
    const std::string& folder, Federation empty,
    EntryCache::Options cache_options) {
  auto store = SqliteLogStore::OpenExisting(LogIn(folder));
  if (!store.ok()) return store.status();
  auto checkpoints = CheckpointStore::OpenExisting(CheckpointsIn(folder));
  if (!checkpoints.ok()) return checkpoints.status();
  auto head = ReadHead(**checkpoints);
  if (!head.ok()) return head.status();
  auto shown = ReadShownSize(folder);
  if (!shown.ok()) return shown.status();

  const Position size = (*store)->Size();
  const Position signed_size = *head == nullptr ? 0 : (*head)->checkpoint.size;
  // All that is found here is found before anything is written. A log that is
  // longer than its checkpoint is no error: its server was ended between the
  // two.
  if (signed_size > size) {
    return absl::DataLossError(absl::StrCat(
        "the log has ", size, " entries, but its last checkpoint has ",
        signed_size, ": entries were lost"));
  }
  if (shown->has_value()) {
    if (absl::Status s = CheckNotShorter("the log", "log.db", size, **shown);
        !s.ok()) {
      return s;
    }
    if (absl::Status s = CheckNotShorter(
            "the last checkpoint", "checkpoints.db", signed_size, **shown);
        !s.ok()) {
      return s;
    }
  } else if (*head == nullptr && size > 0) {
    return absl::DataLossError(absl::StrCat(
        "the log has ", size,
        " entries, but checkpoints.db has no checkpoint, as a copy of it "
        "without its checkpoints.db-wal"));
  }

  const std::string size_path = ShownSizeFile::PathIn(folder);
  if (!shown->has_value()) {
    if (absl::Status s = ShownSizeFile::Write(size_path, signed_size);
        !s.ok()) {
      return s;
    }
  }
  // After the file, since from now on its absence is an error.
  if (!SqliteLogStore::HasSizeBeside(LogIn(folder))) {
    if (absl::Status s = (*store)->SetHasSizeBeside(); !s.ok()) return s;
  }
  Parts parts;
  parts.store = *std::move(store);
  parts.checkpoints = *std::move(checkpoints);
  parts.head = *std::move(head);
  parts.shown_size =
      std::make_unique<ShownSizeFile>(size_path, shown->value_or(signed_size));
  parts.shown_size->Show(signed_size);
  return OpenOver(std::move(parts), folder, std::move(empty), cache_options);
}

absl::StatusOr<std::unique_ptr<ProjectedLog>> ProjectedLog::OpenInMemory(
    std::unique_ptr<LogStore> store, Federation empty) {
  Parts parts;
  parts.store = std::move(store);
  auto checkpoints = CheckpointStore::Open(":memory:");
  if (!checkpoints.ok()) return checkpoints.status();
  parts.checkpoints = *std::move(checkpoints);
  return OpenOver(std::move(parts), "", std::move(empty), {});
}

absl::StatusOr<std::unique_ptr<ProjectedLog>> ProjectedLog::OpenOver(
    Parts parts, const std::string& folder, Federation empty,
    EntryCache::Options cache_options) {
  const auto path = [&folder](absl::string_view name) {
    return folder.empty() ? ":memory:" : absl::StrCat(folder, "/", name);
  };
  auto tree =
      LogTree::Open(path("tree.db"), *parts.store,
                    parts.head == nullptr ? nullptr : &parts.head->checkpoint);
  if (!tree.ok()) return tree.status();
  parts.tree = *std::move(tree);
  auto index = StatementIndex::Open(path("index.db"));
  if (!index.ok()) return index.status();
  parts.index = *std::move(index);
  std::unique_ptr<ProjectedLog> log(
      new ProjectedLog(std::move(parts), std::move(empty), cache_options));
  if (absl::Status s = log->CatchUp(); !s.ok()) return s;
  return log;
}

absl::Status ProjectedLog::CatchUp() {
  if (absl::Status s = index_->CatchUp(*store_); !s.ok()) return s;
  if (absl::Status s = registry_.CatchUp(*store_, *index_); !s.ok()) return s;
  return Erase();
}

absl::Status ProjectedLog::Erase() {
  const auto registry = registry_.Snapshot();
  if (registry->erasures().size() == erased_.size()) return absl::OkStatus();
  std::vector<Position> due;
  for (const auto& [position, in_force] : registry->erasures()) {
    if (erased_.contains(position) || in_force.position >= Size()) continue;
    auto entry = store_->Read(position, 1, 1);
    if (!entry.ok()) return entry.status();
    // Without its own statements there is no registry.
    if (IsRegistryChange(entry->front())) continue;
    // First, as it takes the payload to know what the index has of it.
    if (absl::Status s = index_->Forget(position, entry->front()); !s.ok()) {
      return s;
    }
    due.push_back(position);
  }
  // Out of memory in any case: the store may have erased them, and only have
  // failed to clean up after it.
  absl::Status status = store_->Erase(due);
  status.Update(cache_.Forget(due));
  if (!status.ok()) return status;
  for (const Position position : due) {
    spdlog::info("payload erased position={} ground=\"{}\"", position,
                 registry->erasures().at(position).erasure.ground());
  }
  erased_.insert(due.begin(), due.end());
  return absl::OkStatus();
}

void ProjectedLog::SetRegistryListener(RegistryListener listener) {
  registry_listener_ = std::move(listener);
  followed_ = registry_.Snapshot();
  registry_listener_(*followed_);
}

void ProjectedLog::FollowRegistry() {
  if (absl::Status s = Erase(); !s.ok()) {
    spdlog::error("cannot erase; tried again with the next entry error=\"{}\"",
                  std::string(s.message()));
  }
  const auto now = registry_.Snapshot();
  if (now == followed_ || registry_listener_ == nullptr) return;
  followed_ = now;
  registry_listener_(*now);
}

absl::Status ProjectedLog::Repair() {
  // Behind only if a projection failed after the last append.
  if (index_->NextPosition() == store_->Size()) return absl::OkStatus();
  const absl::Status status = CatchUp();
  if (status.ok()) return status;
  return absl::UnavailableError(absl::StrCat(
      "the index is behind the log and cannot follow: ", status.message()));
}

absl::Status ProjectedLog::Append(Position expected,
                                  absl::Span<const StoredEntry> entries) {
  if (absl::Status s = Repair(); !s.ok()) return s;
  if (absl::Status s = store_->Append(expected, entries); !s.ok()) return s;

  if (absl::Status s = tree_->Append(entries); !s.ok()) {
    spdlog::error("tiles are kept in memory position={} error=\"{}\"", expected,
                  std::string(s.message()));
  }
  absl::Status projected = index_->Apply(expected, entries);
  Position position = expected;
  for (const StoredEntry& entry : entries) {
    projected.Update(registry_.Apply(position++, entry));
  }
  if (!projected.ok()) {
    spdlog::error("projection failed position={} error=\"{}\"", expected,
                  std::string(projected.message()));
  }
  cache_.Append(expected, entries);
  return absl::OkStatus();
}

absl::Status ProjectedLog::Publish(const Checkpoint& checkpoint,
                                   std::string note) {
  if (absl::Status s = checkpoints_->Put(CheckpointKind::kPublished, note);
      !s.ok()) {
    return s;
  }
  ChangeHead([&](LogHead* head) {
    head->checkpoint = checkpoint;
    head->note = std::move(note);
  });
  // After the head, so that who sees an entry sees a checkpoint that has it.
  cache_.SetEnd(checkpoint.size);
  // Not before the checkpoint is durable, or a crash would leave a log that is
  // shorter than this file says.
  if (shown_size_ != nullptr) shown_size_->Show(checkpoint.size);
  FollowRegistry();
  return absl::OkStatus();
}

absl::Status ProjectedLog::PublishCosigned(const Checkpoint& checkpoint,
                                           std::string note) {
  if (absl::Status s = checkpoints_->Put(CheckpointKind::kCosigned, note);
      !s.ok()) {
    return s;
  }
  ChangeHead([&](LogHead* head) {
    head->cosigned_size = checkpoint.size;
    head->cosigned_note = std::move(note);
    ++head->cosigned_number;
  });
  return absl::OkStatus();
}

void ProjectedLog::ChangeHead(absl::FunctionRef<void(LogHead*)> change) {
  absl::MutexLock lock(&head_mu_);
  LogHead next = head_ == nullptr ? LogHead{} : *head_;
  change(&next);
  head_ = std::make_shared<const LogHead>(std::move(next));
}

LogHeadPtr ProjectedLog::head() const {
  absl::MutexLock lock(&head_mu_);
  return head_;
}

}  // namespace gaceta
