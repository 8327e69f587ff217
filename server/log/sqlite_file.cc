#include "server/log/sqlite_file.h"

#include <sqlite3.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"

namespace gaceta {
namespace {

constexpr int kBusyMilliseconds = 2000;

absl::StatusCode CodeOf(int sqlite_code) {
  switch (sqlite_code & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    default:
      return absl::StatusCode::kInternal;
  }
}

}  // namespace

absl::Status RunSqlite(absl::string_view what,
                       const std::function<void()>& work) {
  try {
    work();
    return absl::OkStatus();
  } catch (const SQLite::Exception& error) {
    const bool busy = (error.getErrorCode() & 0xff) == SQLITE_BUSY;
    return absl::Status(
        CodeOf(error.getErrorCode()),
        absl::StrCat(what, ": ", error.what(),
                     busy ? "; is another server using this folder?" : ""));
  }
}

absl::Status EmptyWal(SQLite::Database* db) {
  bool busy = false;
  absl::Status status = RunSqlite("cannot empty the WAL", [&] {
    // The first column of its answer says whether somebody was in the way.
    busy = db->execAndGet("PRAGMA wal_checkpoint(TRUNCATE)").getInt() != 0;
  });
  if (!status.ok() || !busy) return status;
  return absl::UnavailableError("a reader keeps the WAL from being emptied");
}

std::uint32_t ReadMark(const std::string& path) {
  // Where it is, and that it is big-endian:
  // https://www.sqlite.org/fileformat.html
  constexpr std::streamoff kOffset = 68;
  std::ifstream file(path, std::ios::binary);
  file.seekg(kOffset);
  std::array<char, 4> bytes{};
  if (!file.read(bytes.data(), bytes.size())) return 0;
  std::uint32_t mark = 0;
  for (const char byte : bytes) {
    mark = mark << 8 | static_cast<unsigned char>(byte);
  }
  return mark;
}

absl::Status WriteMark(std::uint32_t mark, SQLite::Database* db) {
  if (absl::Status s = RunSqlite(
          "cannot mark a file",
          [&] { db->exec(absl::StrCat("PRAGMA application_id=", mark)); });
      !s.ok()) {
    return s;
  }
  return EmptyWal(db);
}

void RemoveSqliteFile(const std::string& path) {
  std::error_code ignored;  // What is not there need not be removed.
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(absl::StrCat(path, suffix), ignored);
  }
}

absl::StatusOr<std::unique_ptr<SQLite::Database>> OpenSqliteFile(
    const SqliteFileOptions& options) {
  std::error_code error;
  if (options.must_exist && !std::filesystem::exists(options.path, error)) {
    return absl::DataLossError(absl::StrCat(options.path, " is missing"));
  }
  const int create = options.must_exist ? 0 : SQLite::OPEN_CREATE;
  std::unique_ptr<SQLite::Database> db;
  int version = 0;
  bool empty = false;
  absl::Status status =
      RunSqlite(absl::StrCat("cannot open ", options.path), [&] {
        db = std::make_unique<SQLite::Database>(
            options.path, SQLite::OPEN_READWRITE | create, kBusyMilliseconds);
        // Before anything is written: a file that is not whole stays as it is.
        if (options.must_exist) {
          empty =
              !db->execAndGet("SELECT count(*) FROM sqlite_schema").getInt();
          if (empty) return;
        }
        // Before the first transaction: then SQLite shares no memory either.
        if (options.exclusive) db->exec("PRAGMA locking_mode=EXCLUSIVE");
        db->exec("PRAGMA journal_mode=WAL");
        db->exec("PRAGMA secure_delete=ON");
        db->exec(options.durability == SqliteDurability::kFull
                     ? "PRAGMA synchronous=FULL"
                     : "PRAGMA synchronous=NORMAL");
        version = db->execAndGet("PRAGMA user_version").getInt();
        empty =
            db->execAndGet("SELECT count(*) FROM sqlite_schema").getInt() == 0;
        if (empty && !options.must_exist) {
          SQLite::Transaction transaction(*db);
          db->exec(options.schema);
          if (options.mark != 0) {
            db->exec(absl::StrCat("PRAGMA application_id=", options.mark));
          }
          db->exec(absl::StrCat("PRAGMA user_version=", options.version));
          transaction.commit();
          version = options.version;
        }
      });
  if (!status.ok()) return status;
  if (empty && options.must_exist) {
    // Its version is none either.
    return absl::DataLossError(absl::StrCat(
        options.path,
        " has no tables: it is not whole, as a copy without its -wal file"));
  }
  if (version != options.version) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.path, " has version ", version, ", expected ",
                     options.version));
  }
  return db;
}

}  // namespace gaceta
