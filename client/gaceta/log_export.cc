#include "gaceta/log_export.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gaceta/static_log.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"
#include "verify/statement.h"

namespace gaceta::client {
namespace {

constexpr absl::string_view kCursor = "cursor";
// What was written is acknowledged no more often than this, unless a checkpoint
// was: each time waits for the disk.
constexpr absl::Duration kAcknowledgeInterval = absl::Seconds(1);
constexpr std::int64_t kAcknowledgeEntries = 8192;

}  // namespace

absl::StatusOr<std::unique_ptr<LogExport>> LogExport::Create(
    LogExportOptions options) {
  auto opened = OpenSource(options.source);
  if (!opened.ok()) return opened.status();
  // One connection for both.
  options.source.channel = opened->channel;
  auto log = StaticLog::Open(options.folder);
  if (!log.ok()) return log.status();
  auto subscriber =
      Subscriber::Create(WholeLogStream(options, (*log)->PrivatePath(kCursor)));
  if (!subscriber.ok()) return subscriber.status();
  DocumentOptions documents;
  documents.backoff = options.backoff;
  return std::unique_ptr<LogExport>(new LogExport(
      std::move(options), *std::move(log), *std::move(subscriber),
      DocumentClient::Create(opened->channel, std::move(documents))));
}

LogExport::LogExport(LogExportOptions options, std::unique_ptr<StaticLog> log,
                     std::unique_ptr<Subscriber> subscriber,
                     std::unique_ptr<DocumentClient> documents)
    : options_(std::move(options)),
      log_(std::move(log)),
      subscriber_(std::move(subscriber)),
      documents_(std::move(documents)),
      begin_(log_->size()),
      acknowledged_time_(absl::Now()) {}

LogExport::~LogExport() = default;

absl::StatusOr<ExportReport> LogExport::Run() {
  const absl::Status read = ReadWholeLog(
      subscriber_.get(), options_.stop_asked,
      [this](const Delivery& delivery) { return Handle(delivery); });
  const bool stopped = absl::IsCancelled(read);
  if (read.ok() || (stopped && options_.follow)) return Report();
  if (!stopped) return read;
  return absl::CancelledError(
      absl::StrCat("the export was stopped after ", log_->size(), " entries"));
}

absl::StatusOr<bool> LogExport::Handle(const Delivery& delivery) {
  if (absl::Status s = Write(delivery); !s.ok()) return s;
  return !options_.follow &&
         end_.IsReached(delivery,
                        log_->published_size() == delivery.next_position,
                        *subscriber_->registry());
}

absl::Status LogExport::Write(const Delivery& delivery) {
  std::vector<const VerifiedEntry*> added;
  for (const VerifiedEntry& entry : delivery.entries) {
    // What was written, and not acknowledged before the end of a run.
    if (entry.position >= log_->size()) added.push_back(&entry);
  }
  // Before the leaves: what is there once is not looked for again.
  if (absl::Status s = AddBlobs(added); !s.ok()) return s;
  for (const VerifiedEntry* entry : added) {
    if (absl::Status s = AddLeaf(*entry); !s.ok()) return s;
  }
  if (absl::Status s = Erase(); !s.ok()) return s;
  for (const std::string* note :
       {&delivery.checkpoint, &delivery.cosigned_checkpoint}) {
    if (absl::Status s = PublishIfComplete(*note); !s.ok()) return s;
  }
  if (options_.on_progress) {
    options_.on_progress(log_->size(), SizeOfCheckpoint(delivery.checkpoint));
  }
  return Acknowledge(delivery.next_position);
}

absl::Status LogExport::AddBlobs(
    const std::vector<const VerifiedEntry*>& entries) {
  // It may be ahead of these entries.
  const auto registry = subscriber_->registry();
  std::vector<absl::string_view> payloads;
  for (const VerifiedEntry* entry : entries) {
    if (!IsPublic(entry->header) ||
        registry->erasures().contains(entry->position) ||
        entry->entry.omission() != v1::Entry::OMISSION_UNSPECIFIED) {
      continue;
    }
    payloads.push_back(entry->entry.payload());
    if (entry->update == nullptr) continue;
    for (const v1::Document& document : entry->update->documents()) {
      if (absl::Status s = AddDocument(document); !s.ok()) return s;
    }
  }
  return log_->PutBlobs(payloads);
}

absl::Status LogExport::AddLeaf(const VerifiedEntry& entry) {
  if (entry.position == log_->size()) return log_->Append(entry.entry.leaf());
  return absl::DataLossError(
      absl::StrCat(log_->folder(), " ends at entry ", log_->size(),
                   ", expected ", entry.position,
                   ": files were removed; remove the folder and export again"));
}

absl::Status LogExport::AddDocument(const v1::Document& document) {
  if (subscriber_->registry()->document_erasures().contains(
          document.sha256())) {
    return absl::OkStatus();
  }
  const absl::Status status =
      documents_->Download(document.sha256(), log_->BlobPath(document.sha256()),
                           absl::Now() + options_.document_timeout);
  // By a statement that is still to come.
  if (Reason(status) == "DOCUMENT_ERASED") return absl::OkStatus();
  if (!absl::IsNotFound(status) || document.uri().empty()) return status;
  ++documents_elsewhere_;
  return absl::OkStatus();
}

absl::Status LogExport::Erase() {
  const auto registry = subscriber_->registry();
  if (registry->next_position() == erased_by_) return absl::OkStatus();
  for (const auto& [position, erasure] : registry->erasures()) {
    // One that is not here yet comes without its payload.
    if (position >= log_->size()) continue;
    auto leaf = log_->ReadLeaf(position);
    if (!leaf.ok()) return leaf.status();
    const auto header = HeaderOfLeaf(*leaf);
    if (!header.has_value()) {
      return absl::DataLossError(absl::StrCat(log_->folder(), ": entry ",
                                              position, " does not parse"));
    }
    if (absl::Status s = log_->RemoveBlob(ToHex(header->payload_digest()));
        !s.ok()) {
      return s;
    }
  }
  for (const auto& [sha256, erasure] : registry->document_erasures()) {
    if (absl::Status s = log_->RemoveBlob(sha256); !s.ok()) return s;
  }
  erased_by_ = registry->next_position();
  return absl::OkStatus();
}

absl::Status LogExport::PublishIfComplete(const std::string& note) {
  if (note.empty()) return absl::OkStatus();
  auto checkpoint = CheckpointOf(note);
  if (!checkpoint.ok()) return checkpoint.status();
  if (checkpoint->size != log_->size()) return absl::OkStatus();
  // The same without its cosignatures says less.
  const bool is_older = log_->published_size() == checkpoint->size &&
                        log_->note().size() >= note.size();
  return is_older ? absl::OkStatus() : log_->Publish(*checkpoint, note);
}

absl::Status LogExport::Acknowledge(std::int64_t delivered) {
  const std::int64_t durable = std::min(delivered, log_->durable_size());
  if (durable <= acknowledged_) return absl::OkStatus();
  const absl::Time now = absl::Now();
  if (durable != log_->published_size() &&
      durable - acknowledged_ < kAcknowledgeEntries &&
      now - acknowledged_time_ < kAcknowledgeInterval) {
    return absl::OkStatus();
  }
  acknowledged_ = durable;
  acknowledged_time_ = now;
  return subscriber_->Acknowledge(durable);
}

ExportReport LogExport::Report() const {
  return {log_->note(), log_->published_size(), log_->size() - begin_,
          documents_elsewhere_};
}

}  // namespace gaceta::client
