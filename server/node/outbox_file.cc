#include "server/node/outbox_file.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "SQLiteCpp/SQLiteCpp.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/log/sqlite_file.h"

namespace gaceta {
namespace {

constexpr int kVersion = 1;
constexpr int kBusyMilliseconds = 2000;
// State 1 is STATE_PENDING, state 3 is STATE_REFUSED.
constexpr char kSchema[] =
    "CREATE TABLE submission ("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  submission_id TEXT NOT NULL UNIQUE,"
    "  agency TEXT NOT NULL,"
    "  state INTEGER NOT NULL,"
    "  sequence INTEGER NOT NULL,"
    "  header_digest BLOB NOT NULL,"
    "  statement BLOB NOT NULL,"
    "  content_digest BLOB NOT NULL,"
    "  documents TEXT NOT NULL,"
    "  instrument TEXT NOT NULL,"
    "  status INTEGER NOT NULL,"
    "  position INTEGER,"
    "  outcome BLOB NOT NULL,"
    "  create_micros INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX pending ON submission(sequence) WHERE state = 1;"
    "CREATE INDEX by_agency ON submission(agency, number);"
    "CREATE INDEX by_instrument ON submission(instrument, number)"
    "  WHERE state <> 3;"
    "CREATE TABLE chain ("
    "  accepted_sequence INTEGER NOT NULL,"
    "  accepted_digest BLOB NOT NULL"
    ") STRICT;"
    "INSERT INTO chain VALUES (0, x'');";

constexpr char kColumns[] =
    "number, submission_id, agency, state, sequence, header_digest, statement,"
    " content_digest, documents, instrument, status, position, outcome,"
    " create_micros";

std::string Blob(const SQLite::Column& column) {
  return {static_cast<const char*>(column.getBlob()),
          static_cast<std::size_t>(column.getBytes())};
}

void BindBlob(SQLite::Statement& statement, int index,
              const std::string& bytes) {
  statement.bind(index, static_cast<const void*>(bytes.data()),
                 static_cast<int>(bytes.size()));
}

OutboxRow ReadRow(SQLite::Statement& query) {
  OutboxRow row;
  row.number = query.getColumn(0).getInt64();
  row.submission_id = query.getColumn(1).getString();
  row.agency = query.getColumn(2).getString();
  row.state = static_cast<v1::Submission::State>(query.getColumn(3).getInt());
  row.place.sequence =
      static_cast<std::uint64_t>(query.getColumn(4).getInt64());
  row.place.header_digest = Blob(query.getColumn(5));
  row.statement.ParseFromString(Blob(query.getColumn(6)));
  row.content_digest = Blob(query.getColumn(7));
  row.documents =
      absl::StrSplit(query.getColumn(8).getString(), ' ', absl::SkipEmpty());
  row.instrument = query.getColumn(9).getString();
  row.status = static_cast<v1::VersionStatus>(query.getColumn(10).getInt());
  if (!query.getColumn(11).isNull()) {
    row.position = query.getColumn(11).getInt64();
  }
  row.outcome.ParseFromString(Blob(query.getColumn(12)));
  row.create_time = absl::FromUnixMicros(query.getColumn(13).getInt64());
  return row;
}

}  // namespace

v1::Submission OutboxRow::ToProto() const {
  v1::Submission submission = outcome;
  submission.set_submission_id(submission_id);
  submission.set_state(state);
  submission.set_sequence(place.sequence);
  submission.set_agency(agency);
  const std::int64_t micros = absl::ToUnixMicros(create_time);
  submission.mutable_create_time()->set_seconds(micros / 1'000'000);
  submission.mutable_create_time()->set_nanos(
      static_cast<std::int32_t>(micros % 1'000'000 * 1000));
  return submission;
}

OutboxFile::OutboxFile(std::unique_ptr<SQLite::Database> db)
    : db_(std::move(db)) {}

OutboxFile::~OutboxFile() = default;

absl::StatusOr<std::unique_ptr<OutboxFile>> OutboxFile::Open(
    const std::string& path) {
  SqliteFileOptions options;
  options.path = path;
  options.version = kVersion;
  options.schema = kSchema;
  auto db = OpenSqliteFile(options);
  if (!db.ok()) return db.status();
  return std::unique_ptr<OutboxFile>(new OutboxFile(*std::move(db)));
}

absl::StatusOr<std::unique_ptr<OutboxFile>> OutboxFile::OpenReader(
    const std::string& path) {
  std::unique_ptr<SQLite::Database> db;
  absl::Status status = RunSqlite(absl::StrCat("cannot open ", path), [&] {
    db = std::make_unique<SQLite::Database>(path, SQLite::OPEN_READONLY,
                                            kBusyMilliseconds);
  });
  if (!status.ok()) return status;
  return std::unique_ptr<OutboxFile>(new OutboxFile(std::move(db)));
}

SQLite::Statement& OutboxFile::Prepared(const std::string& sql) {
  std::unique_ptr<SQLite::Statement>& statement = prepared_[sql];
  if (statement == nullptr) {
    statement = std::make_unique<SQLite::Statement>(*db_, sql);
  }
  statement->reset();
  return *statement;
}

absl::Status OutboxFile::Transact(absl::string_view what,
                                  absl::FunctionRef<absl::Status()> work) {
  absl::Status result;
  absl::Status sqlite = RunSqlite(what, [&] {
    SQLite::Transaction transaction(*db_,
                                    SQLite::TransactionBehavior::IMMEDIATE);
    result = work();
    // A statement that is still stepping would keep the commit from ending.
    for (auto& [sql, statement] : prepared_) statement->tryReset();
    if (result.ok()) transaction.commit();
  });
  // A statement that failed may have to be prepared again.
  if (!sqlite.ok() || !result.ok()) prepared_.clear();
  return sqlite.ok() ? result : sqlite;
}

absl::Status OutboxFile::Insert(const OutboxRow& row) {
  return RunSqlite("cannot keep a submission", [&] {
    SQLite::Statement& insert = Prepared(
        "INSERT INTO submission (submission_id, agency, state, sequence,"
        " header_digest, statement, content_digest, documents, instrument,"
        " status, outcome, create_micros)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    insert.bind(1, row.submission_id);
    insert.bind(2, row.agency);
    insert.bind(3, static_cast<int>(row.state));
    insert.bind(4, static_cast<std::int64_t>(row.place.sequence));
    BindBlob(insert, 5, row.place.header_digest);
    BindBlob(insert, 6, row.statement.SerializeAsString());
    BindBlob(insert, 7, row.content_digest);
    insert.bind(8, absl::StrJoin(row.documents, " "));
    insert.bind(9, row.instrument);
    insert.bind(10, static_cast<int>(row.status));
    BindBlob(insert, 11, row.outcome.SerializeAsString());
    insert.bind(12, absl::ToUnixMicros(row.create_time));
    insert.exec();
    insert.reset();
  });
}

absl::Status OutboxFile::Update(const OutboxRow& row) {
  return RunSqlite("cannot change a submission", [&] {
    SQLite::Statement& update = Prepared(
        "UPDATE submission SET state = ?, sequence = ?, header_digest = ?,"
        " statement = ?, position = ?, outcome = ? WHERE number = ?");
    update.bind(1, static_cast<int>(row.state));
    update.bind(2, static_cast<std::int64_t>(row.place.sequence));
    BindBlob(update, 3, row.place.header_digest);
    BindBlob(update, 4, row.statement.SerializeAsString());
    if (row.position.has_value()) {
      update.bind(5, static_cast<std::int64_t>(*row.position));
    } else {
      update.bind(5);
    }
    BindBlob(update, 6, row.outcome.SerializeAsString());
    update.bind(7, row.number);
    update.exec();
    update.reset();
  });
}

absl::Status OutboxFile::ClearSubject(std::int64_t number) {
  return RunSqlite("cannot change a submission", [&] {
    SQLite::Statement& update = Prepared(
        "UPDATE submission SET documents = '', instrument = '', status = 0"
        " WHERE number = ?");
    update.bind(1, number);
    update.exec();
    update.reset();
  });
}

absl::Status OutboxFile::SetAcceptedHead(const ChainHead& head) {
  return RunSqlite("cannot move the accepted head", [&] {
    SQLite::Statement& update =
        Prepared("UPDATE chain SET accepted_sequence = ?, accepted_digest = ?");
    update.bind(1, static_cast<std::int64_t>(head.sequence));
    BindBlob(update, 2, head.header_digest);
    update.exec();
    update.reset();
  });
}

absl::Status OutboxFile::EmptyWal() { return gaceta::EmptyWal(db_.get()); }

absl::StatusOr<ChainHead> OutboxFile::AcceptedHead() {
  ChainHead head;
  absl::Status status = RunSqlite("cannot read the accepted head", [&] {
    SQLite::Statement& query =
        Prepared("SELECT accepted_sequence, accepted_digest FROM chain");
    if (query.executeStep()) {
      head.sequence = static_cast<std::uint64_t>(query.getColumn(0).getInt64());
      head.header_digest = Blob(query.getColumn(1));
    }
    query.reset();
  });
  if (!status.ok()) return status;
  return head;
}

absl::StatusOr<std::optional<ChainHead>> OutboxFile::LastPending() {
  std::optional<ChainHead> last;
  absl::Status status = RunSqlite("cannot read the end of the outbox", [&] {
    SQLite::Statement& query = Prepared(
        "SELECT sequence, header_digest FROM submission WHERE state = 1"
        " ORDER BY sequence DESC LIMIT 1");
    if (query.executeStep()) {
      last =
          ChainHead{static_cast<std::uint64_t>(query.getColumn(0).getInt64()),
                    Blob(query.getColumn(1))};
    }
    query.reset();
  });
  if (!status.ok()) return status;
  return last;
}

absl::StatusOr<std::vector<OutboxRow>> OutboxFile::Rows(
    const std::string& where,
    absl::FunctionRef<void(SQLite::Statement&)> bind) {
  std::vector<OutboxRow> rows;
  absl::Status status = RunSqlite("cannot read the outbox", [&] {
    SQLite::Statement& query =
        Prepared(absl::StrCat("SELECT ", kColumns, " FROM submission ", where));
    bind(query);
    while (query.executeStep()) rows.push_back(ReadRow(query));
    query.reset();
  });
  if (!status.ok()) return status;
  return rows;
}

absl::StatusOr<std::optional<OutboxRow>> OutboxFile::Find(
    absl::string_view submission_id) {
  auto rows = Rows("WHERE submission_id = ?1", [&](SQLite::Statement& query) {
    query.bind(1, std::string(submission_id));
  });
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

absl::StatusOr<std::optional<OutboxRow>> OutboxFile::FindNumber(
    std::int64_t number) {
  auto rows = Rows("WHERE number = ?1",
                   [&](SQLite::Statement& query) { query.bind(1, number); });
  if (!rows.ok()) return rows.status();
  if (rows->empty()) return std::nullopt;
  return std::move(rows->front());
}

absl::StatusOr<std::vector<OutboxRow>> OutboxFile::ListPending(
    std::uint64_t sequence, int max_count) {
  return Rows("WHERE state = 1 AND sequence > ?1 ORDER BY sequence LIMIT ?2",
              [&](SQLite::Statement& query) {
                query.bind(1, static_cast<std::int64_t>(sequence));
                query.bind(2, max_count);
              });
}

absl::StatusOr<std::vector<std::int64_t>> OutboxFile::PendingNumbers() {
  std::vector<std::int64_t> numbers;
  absl::Status status = RunSqlite("cannot read the outbox", [&] {
    SQLite::Statement& query = Prepared(
        "SELECT number FROM submission WHERE state = 1 ORDER BY sequence");
    while (query.executeStep()) {
      numbers.push_back(query.getColumn(0).getInt64());
    }
    query.reset();
  });
  if (!status.ok()) return status;
  return numbers;
}

absl::StatusOr<std::vector<OutboxRow>> OutboxFile::ListNewest(
    const std::optional<std::string>& agency, std::int64_t before,
    int max_count) {
  if (agency.has_value()) {
    return Rows(
        "WHERE agency = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3",
        [&](SQLite::Statement& query) {
          query.bind(1, *agency);
          query.bind(2, before);
          query.bind(3, max_count);
        });
  }
  return Rows("WHERE number < ?1 ORDER BY number DESC LIMIT ?2",
              [&](SQLite::Statement& query) {
                query.bind(1, before);
                query.bind(2, max_count);
              });
}

absl::StatusOr<bool> OutboxFile::IsKnownInstrument(absl::string_view uri) {
  bool known = false;
  absl::Status status = RunSqlite("cannot search the outbox", [&] {
    SQLite::Statement& query = Prepared(
        "SELECT 1 FROM submission WHERE instrument = ?1 AND state <> 3"
        " LIMIT 1");
    query.bind(1, std::string(uri));
    known = query.executeStep();
    query.reset();
  });
  if (!status.ok()) return status;
  return known;
}

absl::StatusOr<std::optional<v1::VersionStatus>> OutboxFile::LastStatus(
    absl::string_view uri, Position mirrored) {
  std::optional<v1::VersionStatus> last;
  absl::Status status = RunSqlite("cannot search the outbox", [&] {
    // What came later is later in the chain as well.
    SQLite::Statement& query = Prepared(
        "SELECT status FROM submission WHERE instrument = ?1 AND state <> 3"
        " AND status <> 0 AND (position IS NULL OR position >= ?2)"
        " ORDER BY number DESC LIMIT 1");
    query.bind(1, std::string(uri));
    query.bind(2, static_cast<std::int64_t>(mirrored));
    if (query.executeStep()) {
      last = static_cast<v1::VersionStatus>(query.getColumn(0).getInt());
    }
    query.reset();
  });
  if (!status.ok()) return status;
  return last;
}

}  // namespace gaceta
