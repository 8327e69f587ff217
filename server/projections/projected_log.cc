#include "server/projections/projected_log.h"

#include <memory>
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

bool IsRegistryChange(const StoredEntry& entry) {
  const auto header = HeaderOfLeaf(entry.leaf);
  return header.has_value() && EntryVerifier::IsRegistryChange(*header);
}

}  // namespace

ProjectedLog::ProjectedLog(Parts parts, Federation empty,
                           EntryCache::Options cache_options)
    : store_(std::move(parts.store)),
      checkpoints_(std::move(parts.checkpoints)),
      tree_(std::move(parts.tree)),
      index_(std::move(parts.index)),
      registry_(std::move(empty)),
      cache_(store_.get(), cache_options),
      head_(std::move(parts.head)) {
  cache_.SetEnd(head_ == nullptr ? 0 : head_->checkpoint.size);
}

absl::StatusOr<std::unique_ptr<ProjectedLog>> ProjectedLog::Open(
    const std::string& folder, Federation empty,
    EntryCache::Options cache_options) {
  auto store = SqliteLogStore::Open(absl::StrCat(folder, "/log.db"));
  if (!store.ok()) return store.status();
  return OpenOver(*std::move(store), folder, std::move(empty), cache_options);
}

absl::StatusOr<std::unique_ptr<ProjectedLog>> ProjectedLog::OpenInMemory(
    std::unique_ptr<LogStore> store, Federation empty) {
  return OpenOver(std::move(store), "", std::move(empty), {});
}

absl::StatusOr<std::unique_ptr<ProjectedLog>> ProjectedLog::OpenOver(
    std::unique_ptr<LogStore> store, const std::string& folder,
    Federation empty, EntryCache::Options cache_options) {
  const auto path = [&folder](absl::string_view name) {
    return folder.empty() ? ":memory:" : absl::StrCat(folder, "/", name);
  };
  Parts parts;
  parts.store = std::move(store);
  auto checkpoints = CheckpointStore::Open(path("checkpoints.db"));
  if (!checkpoints.ok()) return checkpoints.status();
  parts.checkpoints = *std::move(checkpoints);
  auto head = ReadHead(*parts.checkpoints);
  if (!head.ok()) return head.status();
  parts.head = *std::move(head);
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
