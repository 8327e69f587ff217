// Keeps a folder of static files at a log's end.
#ifndef GACETA_CLIENT_GACETA_LOG_EXPORT_H_
#define GACETA_CLIENT_GACETA_LOG_EXPORT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gaceta/documents.h"
#include "gaceta/subscriber.h"
#include "gaceta/whole_log.h"

namespace gaceta::client {

class StaticLog;

// `source` and `folder` are required. `on_progress` gets entries exported, and
// those of the newest checkpoint.
struct LogExportOptions : WholeLogOptions {
  // Where the files go; it goes on from what is there.
  std::string folder;
  // Goes on with what comes, instead of ending at the end of the log.
  bool follow = false;
  // How long the transfer of one document may take, with all attempts.
  absl::Duration document_timeout = absl::Minutes(30);
};

// What is there in the end.
struct ExportReport {
  // The note of the folder's checkpoint, and its size; empty and 0 if there is
  // none.
  std::string note;
  std::int64_t size = 0;
  // Entries that this run added.
  std::int64_t added = 0;
  // Documents that updates name by an address too, and the server has not.
  std::int64_t documents_elsewhere = 0;
};

// Verifies all that a Subscriber does and writes a StaticLog: every leaf, and
// of statements whose audience is public the payload and the documents. What
// the secretariat has erased is removed, also if it was written before.
//
// Thread safety: none. All callbacks but `on_disconnect` are called by Run()'s
// thread.
class LogExport {
 public:
  // Errors as of Subscriber::Create() and StaticLog::Open().
  static absl::StatusOr<std::unique_ptr<LogExport>> Create(
      LogExportOptions options);
  ~LogExport();

  // Returns at the end of the log, or, with `follow`, when it is asked to stop.
  // Errors as of Subscriber::Next(), StaticLog and DocumentClient; kCancelled
  // if it is asked to stop before the end. Another run goes on from there. Call
  // once.
  absl::StatusOr<ExportReport> Run();

 private:
  LogExport(LogExportOptions options, std::unique_ptr<StaticLog> log,
            std::unique_ptr<Subscriber> subscriber,
            std::unique_ptr<DocumentClient> documents);

  // Takes what came; returns whether that was all.
  absl::StatusOr<bool> Handle(const Delivery& delivery);
  absl::Status Write(const Delivery& delivery);
  // What entries have besides their leaves.
  absl::Status AddBlobs(const std::vector<const VerifiedEntry*>& entries);
  absl::Status AddDocument(const v1::Document& document);
  absl::Status AddLeaf(const VerifiedEntry& entry);
  // Removes what the registry says is erased.
  absl::Status Erase();
  // Publishes a note if it is the checkpoint of exactly what is there.
  absl::Status PublishIfComplete(const std::string& note);
  absl::Status Acknowledge(std::int64_t delivered);
  ExportReport Report() const;

  const LogExportOptions options_;
  const std::unique_ptr<StaticLog> log_;
  const std::unique_ptr<Subscriber> subscriber_;
  const std::unique_ptr<DocumentClient> documents_;
  const std::int64_t begin_;
  std::int64_t documents_elsewhere_ = 0;
  // The registry's position that Erase() has seen last; -1 before the first.
  std::int64_t erased_by_ = -1;
  std::int64_t acknowledged_ = 0;
  absl::Time acknowledged_time_;
  WholeLogEnd end_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_LOG_EXPORT_H_
