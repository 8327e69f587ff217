#include "server/log/checkpoint_store.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "SQLiteCpp/SQLiteCpp.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "server/log/sqlite_file.h"

namespace gaceta {
namespace {

constexpr int kVersion = 1;
constexpr char kSchema[] =
    "CREATE TABLE checkpoint (kind INTEGER PRIMARY KEY, note BLOB NOT NULL)"
    " STRICT;";

class SqliteCheckpointStore : public CheckpointStore {
 public:
  explicit SqliteCheckpointStore(std::unique_ptr<SQLite::Database> db)
      : db_(std::move(db)),
        select_(*db_, "SELECT note FROM checkpoint WHERE kind = ?"),
        put_(*db_, "INSERT OR REPLACE INTO checkpoint VALUES (?, ?)") {}

  absl::Status Put(CheckpointKind kind, absl::string_view note) override {
    absl::MutexLock lock(&mu_);
    return RunSqlite("cannot keep a checkpoint", [&] {
      mu_.AssertHeld();
      put_.tryReset();
      put_.bind(1, static_cast<int>(kind));
      put_.bindNoCopy(2, static_cast<const void*>(note.data()),
                      static_cast<int>(note.size()));
      put_.exec();
      put_.reset();
    });
  }

  absl::Status Remove(CheckpointKind kind) override {
    absl::MutexLock lock(&mu_);
    return RunSqlite("cannot remove a checkpoint", [&] {
      mu_.AssertHeld();
      SQLite::Statement remove(*db_, "DELETE FROM checkpoint WHERE kind = ?");
      remove.bind(1, static_cast<int>(kind));
      remove.exec();
    });
  }

  absl::StatusOr<std::optional<std::string>> Get(
      CheckpointKind kind) const override {
    absl::MutexLock lock(&mu_);
    std::optional<std::string> note;
    absl::Status status = RunSqlite("cannot read a checkpoint", [&] {
      mu_.AssertHeld();
      select_.tryReset();
      select_.bind(1, static_cast<int>(kind));
      if (select_.executeStep()) note = select_.getColumn(0).getString();
      select_.reset();
    });
    if (!status.ok()) return status;
    return note;
  }

 private:
  mutable absl::Mutex mu_;
  const std::unique_ptr<SQLite::Database> db_;
  mutable SQLite::Statement select_ ABSL_GUARDED_BY(mu_);
  SQLite::Statement put_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<std::unique_ptr<CheckpointStore>> OpenFile(
    const std::string& path, bool must_exist) {
  SqliteFileOptions options;
  options.must_exist = must_exist;
  options.path = path;
  options.version = kVersion;
  options.schema = kSchema;
  auto db = OpenSqliteFile(options);
  if (!db.ok()) return db.status();
  std::unique_ptr<CheckpointStore> store;
  absl::Status status = RunSqlite(absl::StrCat("cannot read ", path), [&] {
    store = std::make_unique<SqliteCheckpointStore>(*std::move(db));
  });
  if (!status.ok()) return status;
  return store;
}

}  // namespace

absl::StatusOr<std::unique_ptr<CheckpointStore>> CheckpointStore::Open(
    const std::string& path) {
  return OpenFile(path, false);
}

absl::StatusOr<std::unique_ptr<CheckpointStore>> CheckpointStore::OpenExisting(
    const std::string& path) {
  return OpenFile(path, true);
}

}  // namespace gaceta
