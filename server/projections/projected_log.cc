#include "server/projections/projected_log.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/log/sqlite_log_store.h"
#include "spdlog/spdlog.h"

namespace gaceta {

ProjectedLog::ProjectedLog(std::unique_ptr<LogStore> store,
                           std::unique_ptr<StatementIndex> index,
                           Federation empty, EntryCache::Options cache_options)
    : store_(std::move(store)),
      index_(std::move(index)),
      registry_(std::move(empty)),
      cache_(store_.get(), cache_options) {}

absl::StatusOr<std::unique_ptr<ProjectedLog>> ProjectedLog::Open(
    const std::string& folder, Federation empty,
    EntryCache::Options cache_options) {
  auto store = SqliteLogStore::Open(absl::StrCat(folder, "/log.db"));
  if (!store.ok()) return store.status();
  auto index = StatementIndex::Open(absl::StrCat(folder, "/index.db"));
  if (!index.ok()) return index.status();
  std::unique_ptr<ProjectedLog> log(new ProjectedLog(
      *std::move(store), *std::move(index), std::move(empty), cache_options));
  if (absl::Status s = log->CatchUp(); !s.ok()) return s;
  return log;
}

absl::StatusOr<std::unique_ptr<ProjectedLog>> ProjectedLog::OpenInMemory(
    std::unique_ptr<LogStore> store, Federation empty) {
  auto index = StatementIndex::Open(":memory:");
  if (!index.ok()) return index.status();
  std::unique_ptr<ProjectedLog> log(new ProjectedLog(
      std::move(store), *std::move(index), std::move(empty), {}));
  if (absl::Status s = log->CatchUp(); !s.ok()) return s;
  return log;
}

absl::Status ProjectedLog::CatchUp() {
  if (absl::Status s = index_->CatchUp(*store_); !s.ok()) return s;
  return registry_.CatchUp(*store_, *index_);
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

}  // namespace gaceta
