#include "gaceta/log_audit.h"

#include <utility>

#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gaceta/cursor.h"
#include "verify/checkpoint.h"

namespace gaceta::client {
namespace {

// The state is kept after so many entries, or so long: each time waits for the
// disk, and a cursor file knows the chains only so far back.
constexpr std::int64_t kKeepEntries = HeadHistory::kMaxSteps / 4;
constexpr absl::Duration kKeepInterval = absl::Seconds(1);
// Messages that wait. A longer line lets server and audit work evenly.
constexpr int kReadAhead = 8;

SubscriberOptions StreamOptions(const LogAuditOptions& options) {
  SubscriberOptions stream = WholeLogStream(options, options.state_file);
  stream.read_ahead = kReadAhead;
  return stream;
}

// Null if the options have one.
absl::StatusOr<std::unique_ptr<LogReader>> MakeReader(
    const LogAuditOptions& options) {
  if (options.reader != nullptr) return std::unique_ptr<LogReader>();
  LogReaderOptions reading;
  reading.source = options.source;
  reading.backoff = options.backoff;
  reading.evidence_folder = options.evidence_folder;
  return LogReader::Create(std::move(reading));
}

// What the audit before has found.
absl::StatusOr<AuditReport> ReadState(const std::string& path) {
  AuditReport report;
  if (path.empty()) return report;
  auto cursor = ReadCursor(path);
  if (absl::IsNotFound(cursor.status())) return report;
  if (!cursor.ok()) return cursor.status();
  report.begin = cursor->next_position;
  report.end = report.begin;
  for (const auto& [publisher, head] : cursor->heads) {
    report.publishers[publisher] = head.sequence;
  }
  return report;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LogAudit>> LogAudit::Create(
    LogAuditOptions options) {
  auto opened = OpenSource(options.source);
  if (!opened.ok()) return opened.status();
  // One connection for all.
  options.source.channel = opened->channel;
  auto begun = ReadState(options.state_file);
  if (!begun.ok()) return begun.status();
  auto reader = MakeReader(options);
  if (!reader.ok()) return reader.status();
  auto subscriber = Subscriber::Create(StreamOptions(options));
  if (!subscriber.ok()) return subscriber.status();
  return std::unique_ptr<LogAudit>(
      new LogAudit(std::move(options), *std::move(reader),
                   *std::move(subscriber), *std::move(begun)));
}

LogAudit::LogAudit(LogAuditOptions options,
                   std::unique_ptr<LogReader> own_reader,
                   std::unique_ptr<Subscriber> subscriber, AuditReport begun)
    : options_(std::move(options)),
      own_reader_(std::move(own_reader)),
      reader_(own_reader_ == nullptr ? options_.reader : own_reader_.get()),
      subscriber_(std::move(subscriber)),
      report_(std::move(begun)),
      kept_(report_.begin),
      kept_time_(absl::Now()) {}

absl::Time LogAudit::QuestionDeadline() const {
  return absl::Now() + options_.question_timeout;
}

absl::StatusOr<AuditReport> LogAudit::Run() {
  auto first = reader_->Newest(options_.known, QuestionDeadline());
  if (!first.ok()) return first.status();
  const std::int64_t total = first->opened.checkpoint.size;
  const absl::Status read = ReadWholeLog(
      subscriber_.get(), options_.stop_asked,
      [&](const Delivery& delivery) { return Handle(delivery, total); });
  // Also what was checked before a failure need not be checked again.
  const absl::Status kept = KeepState(/*now=*/true);
  if (!read.ok()) return read;
  if (!kept.ok()) return kept;
  if (absl::Status s = Conclude(first->note); !s.ok()) return s;
  return report_;
}

absl::StatusOr<bool> LogAudit::Handle(const Delivery& delivery,
                                      std::int64_t total) {
  Note(delivery);
  if (absl::Status s = KeepState(/*now=*/false); !s.ok()) return s;
  if (options_.on_progress) options_.on_progress(report_.end, total);
  return end_.IsReached(delivery, SizeOfCheckpoint(note_) == report_.end,
                        *subscriber_->registry());
}

void LogAudit::Note(const Delivery& delivery) {
  for (const VerifiedEntry& entry : delivery.entries) {
    report_.publishers[entry.header.publisher()] = entry.header.sequence();
  }
  report_.end = delivery.next_position;
  note_ = delivery.checkpoint;
  cosigned_note_ = delivery.cosigned_checkpoint;
}

absl::Status LogAudit::KeepState(bool now) {
  if (options_.state_file.empty() || note_.empty()) return absl::OkStatus();
  const absl::Time time = absl::Now();
  if (!now && report_.end - kept_ < kKeepEntries &&
      time - kept_time_ < kKeepInterval) {
    return absl::OkStatus();
  }
  kept_ = report_.end;
  kept_time_ = time;
  return subscriber_->Acknowledge(report_.end);
}

absl::Status LogAudit::Conclude(const std::string& first) {
  auto opened = reader_->registry().OpenCheckpoint(note_, QuestionDeadline());
  if (!opened.ok()) return opened.status();
  report_.checkpoint = {note_, *std::move(opened)};
  // What the server told the reader, and showed as a stream, is one log.
  auto newest = reader_->Newest({first, note_}, QuestionDeadline());
  if (!newest.ok()) return newest.status();
  const auto registry = reader_->registry().Latest();
  report_.witnesses =
      static_cast<int>(registry->log_policy()->policy.witnesses().size());
  if (cosigned_note_.empty()) return absl::OkStatus();
  auto cosigned =
      reader_->registry().OpenCheckpoint(cosigned_note_, QuestionDeadline());
  if (!cosigned.ok()) return cosigned.status();
  report_.cosigned = {cosigned_note_, *std::move(cosigned)};
  return absl::OkStatus();
}

}  // namespace gaceta::client
