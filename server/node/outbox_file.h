// The tables of the outbox: what is stored of a submission, row by row.
#ifndef GACETA_SERVER_NODE_OUTBOX_FILE_H_
#define GACETA_SERVER_NODE_OUTBOX_FILE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/statement.pb.h"
#include "gaceta/v1/submissions.pb.h"
#include "gaceta/v1/update.pb.h"
#include "server/log/log_store.h"
#include "verify/statement.h"

namespace SQLite {
class Database;
class Statement;
}  // namespace SQLite

namespace gaceta {

// One submission as stored.
struct OutboxRow {
  // Order of arrival, from 1.
  std::int64_t number = 0;
  std::string submission_id;
  std::string agency;
  v1::Submission::State state = v1::Submission::STATE_PENDING;
  ChainHead place;
  v1::Statement statement;
  // Digest of what the client sent, to know it again.
  std::string content_digest;
  std::vector<std::string> documents;
  std::string instrument;
  v1::VersionStatus status = v1::VERSION_STATUS_UNSPECIFIED;
  // In the log, once accepted.
  std::optional<Position> position;
  // Only `receipt`, `error` and `warnings` are set.
  v1::Submission outcome;
  absl::Time create_time;

  v1::Submission ToProto() const;
};

// A connection to the file. Decides nothing: the Outbox does.
//
// Thread safety: none. Errors as of RunSqlite().
class OutboxFile {
 public:
  // Opens or makes the file, in WAL mode with synchronous=FULL.
  static absl::StatusOr<std::unique_ptr<OutboxFile>> Open(
      const std::string& path);
  // One more connection to a file that is open, for reading.
  static absl::StatusOr<std::unique_ptr<OutboxFile>> OpenReader(
      const std::string& path);
  ~OutboxFile();

  // Runs `work` in one transaction: commits, durably, if it returns OK, and
  // leaves nothing of it otherwise.
  absl::Status Transact(absl::string_view what,
                        absl::FunctionRef<absl::Status()> work);

  absl::Status Insert(const OutboxRow& row);
  // Writes state, place, statement and outcome of a row that exists.
  absl::Status Update(const OutboxRow& row);
  // Forgets what the update of a row was about.
  absl::Status ClearSubject(std::int64_t number);
  absl::Status SetAcceptedHead(const ChainHead& head);

  // Leaves nothing of what was deleted; see EmptyWal().
  absl::Status EmptyWal();

  absl::StatusOr<ChainHead> AcceptedHead();
  // Place of the last pending statement; none if nothing is pending.
  absl::StatusOr<std::optional<ChainHead>> LastPending();
  absl::StatusOr<std::optional<OutboxRow>> Find(
      absl::string_view submission_id);
  // In order of sequence, those after `sequence`.
  absl::StatusOr<std::vector<OutboxRow>> ListPending(std::uint64_t sequence,
                                                     int max_count);
  // Numbers of all that is pending, in order of sequence.
  absl::StatusOr<std::vector<std::int64_t>> PendingNumbers();
  absl::StatusOr<std::optional<OutboxRow>> FindNumber(std::int64_t number);
  // Newest first, those with a lower number than `before`.
  absl::StatusOr<std::vector<OutboxRow>> ListNewest(
      const std::optional<std::string>& agency, std::int64_t before,
      int max_count);

  // See OutboxHistory.
  absl::StatusOr<bool> IsKnownInstrument(absl::string_view uri);
  absl::StatusOr<std::optional<v1::VersionStatus>> LastStatus(
      absl::string_view uri, Position mirrored);

 private:
  explicit OutboxFile(std::unique_ptr<SQLite::Database> db);

  SQLite::Statement& Prepared(const std::string& sql);
  // Runs a query whose columns are those of a row; `bind` sets its parameters.
  absl::StatusOr<std::vector<OutboxRow>> Rows(
      const std::string& where,
      absl::FunctionRef<void(SQLite::Statement&)> bind);

  const std::unique_ptr<SQLite::Database> db_;
  std::map<std::string, std::unique_ptr<SQLite::Statement>> prepared_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_OUTBOX_FILE_H_
