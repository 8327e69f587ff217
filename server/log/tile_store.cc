#include "server/log/tile_store.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "SQLiteCpp/SQLiteCpp.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "server/log/sqlite_file.h"
#include "spdlog/spdlog.h"

namespace gaceta {
namespace {

constexpr int kVersion = 2;
constexpr char kSchema[] =
    "CREATE TABLE tile (key INTEGER PRIMARY KEY, nodes BLOB NOT NULL) STRICT;";

class SqliteTileStore : public TileStore {
 public:
  explicit SqliteTileStore(std::unique_ptr<SQLite::Database> db)
      : db_(std::move(db)),
        select_(*db_, "SELECT nodes FROM tile WHERE key = ?"),
        insert_(*db_, "INSERT OR REPLACE INTO tile VALUES (?, ?)") {}

  void BeginCheck() override {
    absl::MutexLock lock(&mu_);
    status_ = RunSqlite("cannot write tiles", [this] {
      mu_.AssertHeld();
      transaction_.emplace(*db_);
    });
  }

  absl::Status EndCheck() override {
    absl::MutexLock lock(&mu_);
    if (!status_.ok()) return status_;
    absl::Status status = RunSqlite("cannot write tiles", [this] {
      mu_.AssertHeld();
      transaction_->commit();
    });
    transaction_.reset();
    return status;
  }

  absl::Status Put(std::int64_t key,
                   absl::Span<const TreeHash> nodes) override {
    absl::MutexLock lock(&mu_);
    const std::string bytes = JoinHashes(nodes);
    return RunSqlite("cannot write a tile", [&] {
      mu_.AssertHeld();
      if (transaction_.has_value() && Find(key) == bytes) return;
      insert_.tryReset();
      insert_.bind(1, key);
      insert_.bindNoCopy(2, static_cast<const void*>(bytes.data()),
                         static_cast<int>(bytes.size()));
      insert_.exec();
      insert_.reset();
    });
  }

  absl::StatusOr<std::vector<TreeHash>> Get(std::int64_t key) const override {
    absl::MutexLock lock(&mu_);
    std::optional<std::string> bytes;
    absl::Status status = RunSqlite("cannot read a tile", [&] {
      mu_.AssertHeld();
      bytes = Find(key);
    });
    if (!status.ok()) return status;
    if (!bytes.has_value() || bytes->size() != kTileNodes * sizeof(TreeHash)) {
      return absl::DataLossError(
          absl::StrCat("tile ", key,
                       " is missing or damaged; a restart makes "
                       "it anew"));
    }
    return SplitHashes(*bytes);
  }

 private:
  std::optional<std::string> Find(std::int64_t key) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    select_.tryReset();
    select_.bind(1, key);
    std::optional<std::string> bytes;
    if (select_.executeStep()) bytes = select_.getColumn(0).getString();
    select_.reset();
    return bytes;
  }

  mutable absl::Mutex mu_;
  const std::unique_ptr<SQLite::Database> db_;
  mutable SQLite::Statement select_ ABSL_GUARDED_BY(mu_);
  SQLite::Statement insert_ ABSL_GUARDED_BY(mu_);
  std::optional<SQLite::Transaction> transaction_ ABSL_GUARDED_BY(mu_);
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<std::unique_ptr<TileStore>> TryOpen(const std::string& path) {
  SqliteFileOptions options;
  options.path = path;
  options.version = kVersion;
  options.durability = SqliteDurability::kProgramCrash;
  options.schema = kSchema;
  auto db = OpenSqliteFile(options);
  if (!db.ok()) return db.status();
  std::unique_ptr<TileStore> store;
  absl::Status status = RunSqlite(absl::StrCat("cannot read ", path), [&] {
    store = std::make_unique<SqliteTileStore>(*std::move(db));
  });
  if (!status.ok()) return status;
  return store;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TileStore>> TileStore::Open(
    const std::string& path) {
  auto store = TryOpen(path);
  if (store.ok() || (!absl::IsDataLoss(store.status()) &&
                     !absl::IsFailedPrecondition(store.status()))) {
    return store;
  }
  spdlog::warn("tiles cannot be read file={} error=\"{}\"", path,
               std::string(store.status().message()));
  return OpenAnew(path);
}

absl::StatusOr<std::unique_ptr<TileStore>> TileStore::OpenAnew(
    const std::string& path) {
  spdlog::warn("tiles are made anew file={}", path);
  if (path != ":memory:") RemoveSqliteFile(path);
  return TryOpen(path);
}

}  // namespace gaceta
