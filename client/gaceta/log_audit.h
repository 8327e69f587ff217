// Reads a whole log and checks all of it.
#ifndef GACETA_CLIENT_GACETA_LOG_AUDIT_H_
#define GACETA_CLIENT_GACETA_LOG_AUDIT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gaceta/log_reader.h"
#include "gaceta/subscriber.h"
#include "gaceta/whole_log.h"

namespace gaceta::client {

// Only `source` is required. `on_progress` gets positions checked, and the
// log's size when the audit began.
struct LogAuditOptions : WholeLogOptions {
  // Optional. Asks the questions about checkpoints; must outlive the audit. One
  // is made if it is not given: to share one saves reading the registry again.
  LogReader* reader = nullptr;
  // Optional. A file that keeps how far the audit is, so that the next goes on
  // from there. It is a Subscriber's cursor file.
  std::string state_file;
  // Optional. Notes of checkpoints of this log that were verified before: the
  // log must extend each.
  std::vector<std::string> known;
  // How long a single question to the server may take, with all attempts.
  absl::Duration question_timeout = absl::Seconds(20);
};

// What was found: everything holds.
struct AuditReport {
  // Entries [begin, end) were checked now, those below `begin` by the audit
  // that wrote the state file.
  std::int64_t begin = 0;
  std::int64_t end = 0;
  // Of the log of `end` entries.
  LogCheckpoint checkpoint;
  // The newest that a quorum has cosigned; its note is empty if the policy asks
  // for none.
  LogCheckpoint cosigned;
  // How many witnesses the log policy knows.
  int witnesses = 0;
  // Each publisher's last sequence number.
  std::map<std::string, std::uint64_t> publishers;
};

// Follows the log from its beginning to its end and checks of each entry what a
// Subscriber checks: signature, chain, payload where it may be read, its place
// in the tree; and of the log that no statement of any publisher is missing,
// that each checkpoint extends the one before, and that a quorum has cosigned
// all that was there when its end was reached.
//
// Thread safety: none. All callbacks but `on_disconnect` are called by Run()'s
// thread.
class LogAudit {
 public:
  // Errors as of Subscriber::Create() and LogReader::Create().
  static absl::StatusOr<std::unique_ptr<LogAudit>> Create(
      LogAuditOptions options);

  // Returns at the end of the log. Errors as of Subscriber::Next() and
  // LogReader: kDataLoss if something does not verify; kFailedPrecondition,
  // reason `QUORUM_MISSING`, if witnesses do not cosign; kCancelled if
  // `stop_asked` says so. What was checked until then is in the state file.
  // Call once.
  absl::StatusOr<AuditReport> Run();

 private:
  LogAudit(LogAuditOptions options, std::unique_ptr<LogReader> own_reader,
           std::unique_ptr<Subscriber> subscriber, AuditReport begun);

  // Takes what came; returns whether that was all.
  absl::StatusOr<bool> Handle(const Delivery& delivery, std::int64_t total);
  void Note(const Delivery& delivery);
  absl::Status KeepState(bool now);
  // Sets the report's checkpoints, which must be of one log with `first`.
  absl::Status Conclude(const std::string& first);
  absl::Time QuestionDeadline() const;

  const LogAuditOptions options_;
  // Null if the options have one.
  const std::unique_ptr<LogReader> own_reader_;
  LogReader* const reader_;
  const std::unique_ptr<Subscriber> subscriber_;
  AuditReport report_;
  // Of the last delivery.
  std::string note_;
  std::string cosigned_note_;
  WholeLogEnd end_;
  std::int64_t kept_ = 0;
  absl::Time kept_time_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_LOG_AUDIT_H_
