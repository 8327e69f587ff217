#include "server/log/sqlite_log_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>
// Its functions become part of this file: there is no library to link.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "SQLiteCpp/SQLiteCpp.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file_rights.h"
#include "server/log/memory_log_store.h"
#include "server/log/sqlite_file.h"

namespace gaceta {
namespace {

constexpr int kVersion = 2;
constexpr std::size_t kMaxIdleReaders = 8;
// `GacL`.
constexpr std::uint32_t kSizeBesideMark = 0x4761634c;
constexpr char kSchema[] =
    "CREATE TABLE entry ("
    "  position INTEGER PRIMARY KEY,"
    "  leaf BLOB NOT NULL,"
    "  payload BLOB NOT NULL,"
    "  omission INTEGER NOT NULL,"
    "  checksum INTEGER NOT NULL"
    ") STRICT;";

// Positions are dense from 0, so the last one says how many there are.
constexpr char kSelectEnd[] =
    "SELECT coalesce(max(position), -1) + 1 FROM entry";

// XXH3 over all that is stored of an entry, its place included: whole entries
// that changed places are damage as well. It guards against a disk that fails;
// against people who lie there are signatures and the tree.
std::int64_t Checksum(Position position, const EntryView& entry) {
  const std::uint64_t facts[] = {static_cast<std::uint64_t>(position),
                                 entry.leaf.size(), entry.payload.size(),
                                 static_cast<std::uint64_t>(entry.omission)};
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, facts, sizeof facts);
  XXH3_64bits_update(&state, entry.leaf.data(), entry.leaf.size());
  XXH3_64bits_update(&state, entry.payload.data(), entry.payload.size());
  return static_cast<std::int64_t>(XXH3_64bits_digest(&state));
}

absl::string_view Blob(const SQLite::Column& column) {
  return {static_cast<const char*>(column.getBlob()),
          static_cast<std::size_t>(column.getBytes())};
}

// Reads the row that `select` is at, which keeps the bytes until its next step;
// false if it is not the one that was written at `position`.
bool ReadRow(SQLite::Statement& select, Position position, EntryView* entry) {
  entry->leaf = Blob(select.getColumn(1));
  entry->payload = Blob(select.getColumn(2));
  entry->omission =
      static_cast<v1::Entry::Omission>(select.getColumn(3).getInt());
  return select.getColumn(0).getInt64() == position &&
         select.getColumn(4).getInt64() == Checksum(position, *entry);
}

}  // namespace

// A connection with its statements, prepared once.
struct SqliteLogStore::Connection {
  explicit Connection(std::unique_ptr<SQLite::Database> database)
      : db(std::move(database)) {}

  SQLite::Statement& Insert() {
    if (insert == nullptr) {
      insert = std::make_unique<SQLite::Statement>(
          *db, "INSERT INTO entry VALUES (?, ?, ?, ?, ?)");
    }
    return *insert;
  }

  SQLite::Statement& Select() {
    if (select == nullptr) {
      select = std::make_unique<SQLite::Statement>(
          *db,
          "SELECT position, leaf, payload, omission, checksum FROM entry"
          " WHERE position >= ? ORDER BY position LIMIT ?");
    }
    return *select;
  }

  std::unique_ptr<SQLite::Database> db;
  std::unique_ptr<SQLite::Statement> insert;
  std::unique_ptr<SQLite::Statement> select;
};

SqliteLogStore::SqliteLogStore(std::string path) : path_(std::move(path)) {}

SqliteLogStore::~SqliteLogStore() {
  // Connections end before the lock does: the next server has the file alone.
  // The writer last, which brings the WAL back into the file.
  {
    absl::MutexLock lock(&readers_mu_);
    readers_.clear();
  }
  {
    absl::MutexLock lock(&writer_mu_);
    writer_.reset();
  }
  if (lock_file_ >= 0) close(lock_file_);
}

absl::StatusOr<std::unique_ptr<SqliteLogStore>> SqliteLogStore::Open(
    const std::string& path) {
  return OpenFile(path, false);
}

absl::StatusOr<std::unique_ptr<SqliteLogStore>> SqliteLogStore::OpenExisting(
    const std::string& path) {
  return OpenFile(path, true);
}

bool SqliteLogStore::HasSizeBeside(const std::string& path) {
  return ReadMark(path) == kSizeBesideMark;
}

absl::Status SqliteLogStore::SetHasSizeBeside() {
  absl::MutexLock lock(&writer_mu_);
  return WriteMark(kSizeBesideMark, writer_->db.get());
}

absl::StatusOr<std::optional<Position>> SqliteLogStore::CountWithoutWal(
    const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path + "-wal", error)) return std::nullopt;
  Position count = 0;
  bool empty = true;
  absl::Status status = RunSqlite(absl::StrCat("cannot read ", path), [&] {
    // Without locks, and without files beside it: nobody changes it meanwhile.
    // A path becomes a URI when what has a meaning there is escaped.
    SQLite::Database db(
        absl::StrCat("file:",
                     absl::StrReplaceAll(
                         path, {{"%", "%25"}, {"?", "%3f"}, {"#", "%23"}}),
                     "?immutable=1"),
        SQLite::OPEN_READONLY | SQLite::OPEN_URI);
    empty = !db.tableExists("entry");
    if (!empty) count = db.execAndGet(kSelectEnd).getInt64();
  });
  if (!status.ok()) return status;
  if (empty) {
    return absl::DataLossError(absl::StrCat(
        path,
        " has no tables: it is not whole, as a copy without its -wal file"));
  }
  return count;
}

absl::StatusOr<std::unique_ptr<SqliteLogStore>> SqliteLogStore::OpenFile(
    const std::string& path, bool must_exist) {
  if (std::error_code error;
      must_exist && !std::filesystem::exists(path, error)) {
    return absl::DataLossError(absl::StrCat(path, " is missing"));
  }
  std::unique_ptr<SqliteLogStore> store(new SqliteLogStore(path));

  // A lock beside the file, which ends with the process however it ends.
  // SQLite's own locks last for one transaction only.
  const std::string lock_path = absl::StrCat(path, ".lock");
  store->lock_file_ = OpenOrMakeFile(lock_path, O_RDWR, FileRights::kPrivate);
  if (store->lock_file_ < 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot open ", lock_path, ": ", std::strerror(errno)));
  }
  if (flock(store->lock_file_, LOCK_EX | LOCK_NB) != 0) {
    return absl::UnavailableError(absl::StrCat(
        "cannot lock ", lock_path, ": another server is using this folder"));
  }

  SqliteFileOptions options;
  options.path = path;
  options.version = kVersion;
  options.schema = kSchema;
  options.must_exist = must_exist;
  options.mark = kSizeBesideMark;
  auto db = OpenSqliteFile(options);
  if (!db.ok()) return db.status();
  absl::Status status = RunSqlite(absl::StrCat("cannot read ", path), [&] {
    store->size_.store((*db)->execAndGet(kSelectEnd).getInt64(),
                       std::memory_order_release);
  });
  if (!status.ok()) return status;
  absl::MutexLock lock(&store->writer_mu_);
  store->writer_ = std::make_unique<Connection>(*std::move(db));
  return store;
}

absl::Status SqliteLogStore::Append(Position expected,
                                    absl::Span<const StoredEntry> entries) {
  absl::MutexLock lock(&writer_mu_);
  const Position size = Size();
  if (expected != size) return WrongPosition(expected, size);
  absl::Status status = RunSqlite(
      absl::StrCat("cannot append ", entries.size(), " entries at position ",
                   expected),
      [&] {
        SQLite::Transaction transaction(*writer_->db,
                                        SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement& insert = writer_->Insert();
        Position position = expected;
        for (const StoredEntry& entry : entries) {
          insert.reset();
          insert.bind(1, position);
          insert.bindNoCopy(2, static_cast<const void*>(entry.leaf.data()),
                            static_cast<int>(entry.leaf.size()));
          insert.bindNoCopy(3, static_cast<const void*>(entry.payload.data()),
                            static_cast<int>(entry.payload.size()));
          insert.bind(4, static_cast<int>(entry.omission));
          insert.bind(5, Checksum(position, entry));
          insert.exec();
          ++position;
        }
        insert.reset();
        transaction.commit();
      });
  if (!status.ok()) {
    // A commit that failed may have landed or not: what others can read counts.
    writer_->insert.reset();
    auto end = ReadEnd();
    if (!end.ok()) {
      return absl::UnknownError(
          absl::StrCat(status.message(), "; ", end.status().message()));
    }
    if (*end == size) return status;
  }
  size_.store(size + static_cast<Position>(entries.size()),
              std::memory_order_release);
  return absl::OkStatus();
}

absl::Status SqliteLogStore::Erase(absl::Span<const Position> positions) {
  std::vector<std::pair<Position, StoredEntry>> erased;
  for (const Position position : positions) {
    auto found = Read(position, 1, 1);
    if (!found.ok()) return found.status();
    if (found->empty()) return BeyondEnd(position, Size());
    StoredEntry& entry = found->front();
    entry.payload.clear();
    entry.omission = v1::Entry::OMISSION_ERASED;
    erased.emplace_back(position, std::move(entry));
  }
  absl::MutexLock lock(&writer_mu_);
  absl::Status status = RunSqlite(
      absl::StrCat("cannot erase ", positions.size(), " payloads"), [&] {
        SQLite::Transaction transaction(*writer_->db,
                                        SQLite::TransactionBehavior::IMMEDIATE);
        SQLite::Statement update(
            *writer_->db,
            "UPDATE entry SET payload = x'', omission = ?, checksum = ?"
            " WHERE position = ?");
        for (const auto& [position, entry] : erased) {
          update.reset();
          update.bind(1, static_cast<int>(entry.omission));
          update.bind(2, Checksum(position, entry));
          update.bind(3, position);
          update.exec();
        }
        update.reset();
        transaction.commit();
      });
  return status.ok() ? EmptyWal(writer_->db.get()) : status;
}

absl::StatusOr<Position> SqliteLogStore::ReadEnd() const {
  // Not by the writer's connection, which would see its own open transaction.
  auto reader = TakeReader();
  if (!reader.ok()) return reader.status();
  Position end = 0;
  absl::Status status = RunSqlite("cannot read back", [&] {
    end = (*reader)->db->execAndGet(kSelectEnd).getInt64();
  });
  if (!status.ok()) return status;
  ReturnReader(*std::move(reader));
  return end;
}

absl::StatusOr<std::unique_ptr<SqliteLogStore::Connection>>
SqliteLogStore::TakeReader() const {
  {
    absl::MutexLock lock(&readers_mu_);
    if (!readers_.empty()) {
      std::unique_ptr<Connection> reader = std::move(readers_.back());
      readers_.pop_back();
      return reader;
    }
  }
  std::unique_ptr<Connection> reader;
  absl::Status status = RunSqlite(absl::StrCat("cannot open ", path_), [&] {
    // Without locks: one thread at a time has it.
    auto db = std::make_unique<SQLite::Database>(
        path_, SQLite::OPEN_READONLY | SQLite::OPEN_NOMUTEX, 2000);
    db->exec("PRAGMA mmap_size=1073741824");
    reader = std::make_unique<Connection>(std::move(db));
  });
  if (!status.ok()) return status;
  return reader;
}

void SqliteLogStore::ReturnReader(std::unique_ptr<Connection> reader) const {
  absl::MutexLock lock(&readers_mu_);
  if (readers_.size() < kMaxIdleReaders) readers_.push_back(std::move(reader));
}

absl::Status SqliteLogStore::Scan(Position begin, int max_count,
                                  std::size_t max_bytes, Show show) const {
  const Position size = Size();
  if (begin < 0 || begin > size) return BeyondEnd(begin, size);
  auto reader = TakeReader();
  if (!reader.ok()) return reader.status();

  Position damaged = -1;
  absl::Status status =
      RunSqlite(absl::StrCat("cannot read from position ", begin), [&] {
        SQLite::Statement& select = (*reader)->Select();
        select.reset();
        select.bind(1, begin);
        select.bind(2, std::max(0, max_count));
        std::size_t bytes = 0;
        // Not beyond Size(): what is committed, but not yet announced, is not
        // for readers.
        const Position end = std::min<Position>(size, begin + max_count);
        for (Position position = begin;
             position < end && (position == begin || bytes < max_bytes);
             ++position) {
          EntryView entry;
          if (!select.executeStep() || !ReadRow(select, position, &entry)) {
            damaged = position;
            break;
          }
          bytes += entry.leaf.size() + entry.payload.size();
          show(entry);
        }
        select.reset();
      });
  if (!status.ok()) return status;
  ReturnReader(*std::move(reader));
  if (damaged >= 0) {
    return absl::DataLossError(
        absl::StrCat("entry ", damaged, " of ", path_,
                     " is missing or does not match its checksum; restore it "
                     "from a backup or a node's mirror"));
  }
  return absl::OkStatus();
}

}  // namespace gaceta
