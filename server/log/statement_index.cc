#include "server/log/statement_index.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "SQLiteCpp/SQLiteCpp.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/v1/update.pb.h"
#include "server/log/sqlite_file.h"
#include "spdlog/spdlog.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

// Changed with the tables: another version is thrown away and made anew.
constexpr int kVersion = 2;
constexpr int kCatchUpEntries = 1000;
// What was applied is committed after so many entries: a page that many of them
// change is written once. A crash loses them, and the log has them.
constexpr Position kCommitEntries = 4096;
// Memory for pages, those that wait for the commit included.
constexpr int kCacheKib = 64 * 1024;
constexpr char kSchema[] =
    "CREATE TABLE statement ("
    "  position INTEGER PRIMARY KEY,"
    "  statement_id BLOB NOT NULL,"
    "  publisher TEXT NOT NULL,"
    "  sequence INTEGER NOT NULL,"
    "  header_digest BLOB NOT NULL,"
    "  recorded_micros INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX by_id ON statement(statement_id);"
    "CREATE UNIQUE INDEX by_sequence ON statement(publisher, sequence);"
    "CREATE INDEX by_time ON statement(recorded_micros);"
    // A row for each update, so that one that is erased leaves what the others
    // say of the instrument.
    "CREATE TABLE instrument ("
    "  uri TEXT NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  PRIMARY KEY (uri, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX by_status ON instrument(uri, position) WHERE status <> 0;"
    "CREATE TABLE document ("
    "  sha256 BLOB NOT NULL,"
    "  position INTEGER NOT NULL,"
    "  PRIMARY KEY (sha256, position)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE progress (next_position INTEGER NOT NULL) STRICT;"
    "INSERT INTO progress VALUES (0);";

std::string IdBytes(absl::string_view statement_id) {
  return absl::HexStringToBytes(absl::StrReplaceAll(statement_id, {{"-", ""}}));
}

std::string IdText(absl::string_view bytes) {
  const std::string hex = ToHex(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-",
                      hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

std::string Blob(const SQLite::Column& column) {
  return {static_cast<const char*>(column.getBlob()),
          static_cast<std::size_t>(column.getBytes())};
}

void BindBlob(SQLite::Statement* statement, int index,
              absl::string_view bytes) {
  statement->bind(index, static_cast<const void*>(bytes.data()),
                  static_cast<int>(bytes.size()));
}

// The update that a payload is, if it is kept and is one.
std::optional<v1::Update> UpdateOf(const StoredEntry& entry) {
  v1::Update update;
  if (entry.payload.empty() || !update.ParseFromString(entry.payload)) {
    return std::nullopt;
  }
  return update;
}

// What of a name is the work: no part, version or manifestation.
std::string WorkOf(const std::string& uri) {
  return uri.substr(0, uri.find_first_of("~@$"));
}

class SqliteStatementIndex : public StatementIndex {
 public:
  explicit SqliteStatementIndex(std::unique_ptr<SQLite::Database> db)
      : db_(std::move(db)) {}

  ~SqliteStatementIndex() override {
    absl::MutexLock lock(&mu_);
    // What is not committed is applied again.
    if (absl::Status s = Commit(); !s.ok()) {
      spdlog::warn("the statement index is behind error=\"{}\"",
                   std::string(s.message()));
    }
    statements_.clear();
  }

  absl::Status Start() {
    absl::MutexLock lock(&mu_);
    return RunSqlite("cannot read the statement index", [this] {
      mu_.AssertHeld();
      db_->exec(absl::StrCat("PRAGMA cache_size=-", kCacheKib));
      ReadProgress();
    });
  }

  Position NextPosition() const override {
    absl::MutexLock lock(&mu_);
    return next_;
  }

  absl::Status Apply(Position begin,
                     absl::Span<const StoredEntry> entries) override {
    absl::MutexLock lock(&mu_);
    if (begin != next_) {
      return absl::InternalError(absl::StrCat("index is at position ", next_,
                                              ", got entries from ", begin));
    }
    absl::Status status = RunSqlite("cannot index", [&] {
      mu_.AssertHeld();
      if (transaction_ == nullptr) {
        transaction_ = std::make_unique<SQLite::Transaction>(*db_);
      }
      for (const StoredEntry& entry : entries) ApplyOne(next_++, entry);
    });
    if (status.ok() && next_ - committed_ >= kCommitEntries) status = Commit();
    if (!status.ok()) RollBack();
    return status;
  }

  absl::StatusOr<std::optional<IndexedStatement>> FindById(
      absl::string_view statement_id) const override {
    if (!IsStatementId(statement_id)) {
      return std::optional<IndexedStatement>();
    }
    const std::string id = IdBytes(statement_id);
    return FindOne("WHERE statement_id = ?1", [&id](SQLite::Statement& query) {
      BindBlob(&query, 1, id);
    });
  }

  absl::StatusOr<std::optional<IndexedStatement>> FindBySequence(
      absl::string_view publisher, std::uint64_t sequence) const override {
    return FindOne("WHERE publisher = ?1 AND sequence = ?2",
                   [&](SQLite::Statement& query) {
                     query.bind(1, std::string(publisher));
                     query.bind(2, static_cast<std::int64_t>(sequence));
                   });
  }

  absl::StatusOr<ChainHead> Head(absl::string_view publisher) const override {
    auto last = FindOne("WHERE publisher = ?1 ORDER BY sequence DESC LIMIT 1",
                        [&](SQLite::Statement& query) {
                          query.bind(1, std::string(publisher));
                        });
    if (!last.ok()) return last.status();
    if (!last->has_value()) return ChainHead{};
    return ChainHead{(*last)->sequence, (*last)->header_digest};
  }

  absl::StatusOr<std::vector<IndexedStatement>> ListByPublisher(
      absl::string_view publisher, Position begin,
      int max_count) const override {
    return Find(
        "WHERE publisher = ?1 AND position >= ?2 ORDER BY sequence LIMIT ?3",
        [&](SQLite::Statement& query) {
          query.bind(1, std::string(publisher));
          query.bind(2, begin);
          query.bind(3, max_count);
        });
  }

  absl::StatusOr<Position> FindByTime(absl::Time time) const override {
    absl::MutexLock lock(&mu_);
    Position found = next_;
    absl::Status status = RunSqlite("cannot search the index", [&] {
      mu_.AssertHeld();
      // Times never fall along the log, so that the first by time is the first
      // by position; the index on times finds it in one step.
      SQLite::Statement& query = Prepared(
          "SELECT position FROM statement WHERE recorded_micros >= ?"
          " ORDER BY recorded_micros, position LIMIT 1");
      query.bind(1, absl::ToUnixMicros(time));
      if (query.executeStep()) {
        found = query.getColumn(0).getInt64();
      }
      query.reset();
    });
    if (!status.ok()) return status;
    return found;
  }

  absl::StatusOr<std::optional<InstrumentState>> FindInstrument(
      absl::string_view uri) const override {
    absl::MutexLock lock(&mu_);
    std::optional<InstrumentState> found;
    absl::Status status = RunSqlite("cannot search the index", [&] {
      mu_.AssertHeld();
      SQLite::Statement& query = Prepared(
          "SELECT position, (SELECT status FROM instrument"
          "  WHERE uri = ?1 AND status <> 0 ORDER BY position DESC LIMIT 1)"
          " FROM instrument WHERE uri = ?1 ORDER BY position LIMIT 1");
      query.bind(1, std::string(uri));
      if (query.executeStep()) {
        // Null, where no status was stated, is 0: unspecified.
        found = InstrumentState{
            query.getColumn(0).getInt64(),
            static_cast<v1::VersionStatus>(query.getColumn(1).getInt())};
      }
      query.reset();
    });
    if (!status.ok()) return status;
    return found;
  }

  absl::StatusOr<std::vector<Position>> ListByDocument(
      absl::string_view sha256, Position begin, int max_count) const override {
    absl::MutexLock lock(&mu_);
    std::vector<Position> found;
    absl::Status status = RunSqlite("cannot search the index", [&] {
      mu_.AssertHeld();
      SQLite::Statement& query = Prepared(
          "SELECT position FROM document WHERE sha256 = ?1 AND position >= ?2"
          " ORDER BY position LIMIT ?3");
      BindBlob(&query, 1, sha256);
      query.bind(2, begin);
      query.bind(3, max_count);
      while (query.executeStep()) {
        found.push_back(query.getColumn(0).getInt64());
      }
      query.reset();
    });
    if (!status.ok()) return status;
    return found;
  }

  absl::Status Forget(Position position, const StoredEntry& entry) override {
    const auto update = UpdateOf(entry);
    // It goes from here first, so what is erased is not here.
    if (!update.has_value()) return absl::OkStatus();
    absl::MutexLock lock(&mu_);
    // What is not committed would keep the WAL from being emptied.
    absl::Status status = Commit();
    if (!status.ok()) return status;
    status = RunSqlite("cannot take out of the index", [&] {
      mu_.AssertHeld();
      SQLite::Transaction transaction(*db_);
      SQLite::Statement& instrument =
          Prepared("DELETE FROM instrument WHERE uri = ? AND position = ?");
      instrument.bind(1, WorkOf(update->instrument().uri()));
      instrument.bind(2, position);
      instrument.exec();
      instrument.reset();
      SQLite::Statement& document =
          Prepared("DELETE FROM document WHERE sha256 = ? AND position = ?");
      for (const v1::Document& named : update->documents()) {
        BindBlob(&document, 1, absl::HexStringToBytes(named.sha256()));
        document.bind(2, position);
        document.exec();
        document.reset();
      }
      transaction.commit();
    });
    return status.ok() ? EmptyWal(db_.get()) : status;
  }

 protected:
  absl::StatusOr<std::string> LastDigest() const override {
    auto last =
        FindOne("ORDER BY position DESC LIMIT 1", [](SQLite::Statement&) {});
    if (!last.ok()) return last.status();
    return last->has_value() ? (*last)->header_digest : "";
  }

  absl::Status Clear() override {
    absl::MutexLock lock(&mu_);
    RollBack();
    return RunSqlite("cannot clear the index", [this] {
      mu_.AssertHeld();
      SQLite::Transaction transaction(*db_);
      db_->exec(
          "DELETE FROM statement; DELETE FROM instrument; DELETE FROM document;"
          "UPDATE progress SET next_position = 0");
      transaction.commit();
      ReadProgress();
    });
  }

 private:
  void ReadProgress() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    committed_ =
        db_->execAndGet("SELECT next_position FROM progress").getInt64();
    next_ = committed_;
  }

  absl::Status Commit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (transaction_ == nullptr) return absl::OkStatus();
    absl::Status status = RunSqlite("cannot commit the index", [this] {
      mu_.AssertHeld();
      SQLite::Statement& progress =
          Prepared("UPDATE progress SET next_position = ?");
      progress.bind(1, next_);
      progress.exec();
      progress.reset();
      transaction_->commit();
    });
    if (!status.ok()) return status;
    transaction_.reset();
    committed_ = next_;
    return status;
  }

  // Forgets what was not committed.
  void RollBack() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    // A statement that is still stepping would keep the transaction.
    for (auto& [sql, statement] : statements_) statement->tryReset();
    transaction_.reset();
    next_ = committed_;
  }

  // Statements are prepared once; the SQL text is the key.
  SQLite::Statement& Prepared(const std::string& sql) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    auto& statement = statements_[sql];
    if (statement == nullptr) {
      statement = std::make_unique<SQLite::Statement>(*db_, sql);
    }
    // reset() would throw the error of the step before once more.
    statement->tryReset();
    return *statement;
  }

  void ApplyOne(Position position, const StoredEntry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    v1::Leaf leaf;
    v1::StatementHeader header;
    // Entries were checked before they came into the log.
    if (!leaf.ParseFromString(entry.leaf) ||
        !header.ParseFromString(leaf.header())) {
      throw SQLite::Exception(
          absl::StrCat("entry ", position, " does not parse"), 11);
    }
    const std::string id = IdBytes(header.statement_id());
    const std::string digest = Sha256(leaf.header());
    SQLite::Statement& insert =
        Prepared("INSERT INTO statement VALUES (?, ?, ?, ?, ?, ?)");
    insert.bind(1, position);
    BindBlob(&insert, 2, id);
    insert.bind(3, header.publisher());
    insert.bind(4, static_cast<std::int64_t>(header.sequence()));
    BindBlob(&insert, 5, digest);
    insert.bind(6, leaf.recorded_time().seconds() * 1'000'000 +
                       leaf.recorded_time().nanos() / 1000);
    insert.exec();
    insert.reset();

    if (header.payload_type() != kUpdatePayloadType) return;
    const auto update = UpdateOf(entry);
    if (update.has_value()) ApplyUpdate(position, *update);
  }

  void ApplyUpdate(Position position, const v1::Update& update)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    SQLite::Statement& instrument =
        Prepared("INSERT INTO instrument VALUES (?, ?, ?)");
    instrument.bind(1, WorkOf(update.instrument().uri()));
    instrument.bind(2, position);
    instrument.bind(3, static_cast<int>(update.version().status()));
    instrument.exec();
    instrument.reset();
    // An update may name the same document twice, as in two languages.
    SQLite::Statement& document =
        Prepared("INSERT OR IGNORE INTO document VALUES (?, ?)");
    for (const v1::Document& named : update.documents()) {
      BindBlob(&document, 1, absl::HexStringToBytes(named.sha256()));
      document.bind(2, position);
      document.exec();
      document.reset();
    }
  }

  template <typename Bind>
  absl::StatusOr<std::vector<IndexedStatement>> Find(const std::string& where,
                                                     Bind bind) const {
    absl::MutexLock lock(&mu_);
    std::vector<IndexedStatement> found;
    absl::Status status = RunSqlite("cannot search the index", [&] {
      mu_.AssertHeld();
      SQLite::Statement& query = Prepared(absl::StrCat(
          "SELECT position, publisher, sequence, statement_id, header_digest"
          " FROM statement ",
          where));
      bind(query);
      while (query.executeStep()) {
        found.push_back(
            {query.getColumn(0).getInt64(), query.getColumn(1).getString(),
             static_cast<std::uint64_t>(query.getColumn(2).getInt64()),
             IdText(Blob(query.getColumn(3))), Blob(query.getColumn(4))});
      }
      query.reset();
    });
    if (!status.ok()) return status;
    return found;
  }

  template <typename Bind>
  absl::StatusOr<std::optional<IndexedStatement>> FindOne(
      const std::string& where, Bind bind) const {
    auto found = Find(where, bind);
    if (!found.ok()) return found.status();
    if (found->empty()) return std::optional<IndexedStatement>();
    return std::optional<IndexedStatement>(std::move((*found)[0]));
  }

  mutable absl::Mutex mu_;
  std::unique_ptr<SQLite::Database> db_ ABSL_PT_GUARDED_BY(mu_);
  mutable std::map<std::string, std::unique_ptr<SQLite::Statement>> statements_
      ABSL_GUARDED_BY(mu_);
  // Everything below has been applied, and below committed_ committed too. The
  // transaction with the rest is open; readers are in it.
  Position next_ ABSL_GUARDED_BY(mu_) = 0;
  Position committed_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<SQLite::Transaction> transaction_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<std::unique_ptr<StatementIndex>> OpenOnce(
    const std::string& path) {
  SqliteFileOptions options;
  options.path = path;
  options.version = kVersion;
  options.durability = SqliteDurability::kProgramCrash;
  options.exclusive = true;
  options.schema = kSchema;
  auto db = OpenSqliteFile(options);
  if (!db.ok()) return db.status();
  auto index = std::make_unique<SqliteStatementIndex>(*std::move(db));
  if (absl::Status s = index->Start(); !s.ok()) return s;
  return index;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StatementIndex>> StatementIndex::Open(
    const std::string& path) {
  auto index = OpenOnce(path);
  const bool unusable =
      index.status().code() == absl::StatusCode::kDataLoss ||
      index.status().code() == absl::StatusCode::kFailedPrecondition ||
      index.status().code() == absl::StatusCode::kInternal;
  if (index.ok() || !unusable || path == ":memory:") return index;
  // Nothing is lost: the log has it all.
  RemoveSqliteFile(path);
  return OpenOnce(path);
}

absl::StatusOr<bool> StatementIndex::Begins(const LogStore& log) const {
  const Position next = NextPosition();
  if (next == 0) return true;
  if (next > log.Size()) return false;
  auto digest = LastDigest();
  if (!digest.ok()) return digest.status();
  auto last = log.Read(next - 1, 1, 1);
  if (!last.ok()) return last.status();
  v1::Leaf leaf;
  return leaf.ParseFromString(last->front().leaf) &&
         Sha256(leaf.header()) == *digest;
}

absl::Status StatementIndex::CatchUp(const LogStore& log) {
  auto begins = Begins(log);
  if (!begins.ok()) return begins.status();
  if (!*begins) {
    if (absl::Status s = Clear(); !s.ok()) return s;
  }
  while (NextPosition() < log.Size()) {
    const Position begin = NextPosition();
    auto entries = log.Read(begin, kCatchUpEntries,
                            std::numeric_limits<std::size_t>::max());
    if (!entries.ok()) return entries.status();
    if (absl::Status s = Apply(begin, *entries); !s.ok()) return s;
  }
  return absl::OkStatus();
}

}  // namespace gaceta
