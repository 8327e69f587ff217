// Opens SQLite files as Gaceta uses them, and turns SQLite's exceptions into
// Status, so that none leaves an engine.
#ifndef GACETA_SERVER_LOG_SQLITE_FILE_H_
#define GACETA_SERVER_LOG_SQLITE_FILE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "SQLiteCpp/SQLiteCpp.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gaceta {

// How much a commit promises.
enum class SqliteDurability {
  // A commit survives loss of power (synchronous=FULL).
  kFull,
  // A commit survives a crash of the program; the last ones may be lost with
  // power, never the file (synchronous=NORMAL).
  kProgramCrash,
};

struct SqliteFileOptions {
  std::string path;
  // `user_version` of the file; another one is refused (kFailedPrecondition).
  int version = 1;
  SqliteDurability durability = SqliteDurability::kFull;
  // Whether the file must be there, with its tables: otherwise kDataLoss, and
  // nothing is made.
  bool must_exist = false;
  // `application_id` of a new file, in its first page.
  std::uint32_t mark = 0;
  // No other connection, of this process or another, opens the file while it is
  // open here: then no transaction has to lock it.
  bool exclusive = false;
  // Statements that make the tables of a new file.
  std::string schema;
};

// Opens or makes a file in WAL mode. What is deleted is overwritten.
absl::StatusOr<std::unique_ptr<SQLite::Database>> OpenSqliteFile(
    const SqliteFileOptions& options);

// The `application_id` of the file at `path`, as the file itself has it,
// without what its WAL has. 0 if there is none, or no file. Changes nothing.
std::uint32_t ReadMark(const std::string& path);

// Sets it, in the file itself. Errors as those of EmptyWal().
absl::Status WriteMark(std::uint32_t mark, SQLite::Database* db);

// Writes everything into the file itself, so that its WAL no longer has the
// bytes of what was deleted. kUnavailable while somebody reads what was there
// before.
absl::Status EmptyWal(SQLite::Database* db);

// Removes a file and what SQLite keeps beside it. Nothing may have it open.
void RemoveSqliteFile(const std::string& path);

// Runs `work`; an exception of SQLite becomes a Status that begins with `what`:
// kResourceExhausted (disk full), kUnavailable (busy), kDataLoss (damaged) or
// kInternal.
absl::Status RunSqlite(absl::string_view what,
                       const std::function<void()>& work);

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_SQLITE_FILE_H_
