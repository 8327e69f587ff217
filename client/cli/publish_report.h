// Tells what became of each update that `updates publish` reads, and counts.
#ifndef GACETA_CLIENT_CLI_PUBLISH_REPORT_H_
#define GACETA_CLIENT_CLI_PUBLISH_REPORT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/submission_journal.h"
#include "gaceta/v1/submissions.pb.h"

namespace gaceta::cli {

// What a report says of an update beside what became of it.
struct ReportedUpdate {
  // Where it was read, `updates.ndjson:12`.
  std::string place;
  std::string submission_id;
  // Of its instrument.
  std::string uri;
  // Where to remember it once accepted; may be null. Not owned.
  SubmissionJournal* journal = nullptr;
};

// Results go to the context's `out`, one line each; words and the progress to
// its `err`.
//
// Thread safety: all methods may be called concurrently.
class PublishReport {
 public:
  struct Counts {
    std::int64_t published = 0;
    std::int64_t pending = 0;
    std::int64_t failed = 0;
    // The journal had them.
    std::int64_t done_before = 0;
    std::int64_t valid = 0;
  };

  // `context` must outlive this object.
  PublishReport(CliContext& context, std::optional<std::int64_t> total);

  // Exactly one of these for each update.
  void Accepted(const ReportedUpdate& update, const v1::Submission& submission);
  void Pending(const ReportedUpdate& update, const v1::Submission& submission);
  void Failed(const ReportedUpdate& update, Phrase what,
              const absl::Status& why);
  void DoneBefore(const ReportedUpdate& update, std::int64_t position);
  void Valid(const ReportedUpdate& update,
             const std::vector<v1::Warning>& warnings);

  // An update of another state; it counts for the progress alone.
  void LeftOut();

  // How many wait for a receipt, for the progress.
  void SetWaiting(std::int64_t waiting);

  // Writes a line on `err`.
  void Say(const std::string& line);

  // Takes the progress away and returns what was counted.
  Counts Finish();

 private:
  void PrintLine(Phrase what, const ReportedUpdate& update,
                 const std::string& detail) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PrintJson(const ReportedUpdate& update, const std::string& fields)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PrintWarnings(
      const ReportedUpdate& update,
      const google::protobuf::RepeatedPtrField<v1::Warning>& warnings)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ShowProgress() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  CliContext& context_;

  absl::Mutex mu_;
  Progress progress_ ABSL_GUARDED_BY(mu_);
  Counts counts_ ABSL_GUARDED_BY(mu_);
  std::int64_t left_out_ ABSL_GUARDED_BY(mu_) = 0;
  std::int64_t waiting_ ABSL_GUARDED_BY(mu_) = 0;
  // Whether a journal could not be written, which is said once.
  bool journal_failed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_PUBLISH_REPORT_H_
