#include "cli/publish_report.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/output.h"
#include "errors/errors.h"

namespace gaceta::cli {

PublishReport::PublishReport(CliContext& context,
                             std::optional<std::int64_t> total)
    : context_(context),
      progress_(context.err, IsTerminal(context.err), total) {}

void PublishReport::Accepted(const ReportedUpdate& update,
                             const v1::Submission& submission) {
  absl::MutexLock lock(&mu_);
  ++counts_.published;
  const std::int64_t position = submission.receipt().position();
  if (update.journal != nullptr) {
    absl::Status status =
        update.journal->Record(update.submission_id, position);
    if (!status.ok() && !std::exchange(journal_failed_, true)) {
      progress_.Clear();
      context_.err << cli::Say(context_.language, Phrase::kWarning) << ": "
                   << OneLine(status.message()) << '\n';
    }
  }
  if (context_.output == OutputFormat::kJson) {
    PrintJson(update, absl::StrCat("\"submission\":", ToJson(submission)));
  } else {
    PrintLine(Phrase::kPublished, update, absl::StrCat(position));
    PrintWarnings(update, submission.warnings().empty()
                              ? submission.receipt().warnings()
                              : submission.warnings());
  }
  ShowProgress();
}

void PublishReport::Pending(const ReportedUpdate& update,
                            const v1::Submission& submission) {
  absl::MutexLock lock(&mu_);
  ++counts_.pending;
  if (context_.output == OutputFormat::kJson) {
    PrintJson(update, absl::StrCat("\"submission\":", ToJson(submission)));
  } else {
    PrintLine(Phrase::kPending, update, submission.submission_id());
    PrintWarnings(update, submission.warnings());
  }
  ShowProgress();
}

void PublishReport::Failed(const ReportedUpdate& update, Phrase what,
                           const absl::Status& why) {
  absl::MutexLock lock(&mu_);
  ++counts_.failed;
  if (context_.output == OutputFormat::kJson) {
    PrintJson(update, absl::StrCat(
                          "\"submissionId\":", JsonString(update.submission_id),
                          ",\"error\":", ToJson(ToRpcStatus(why))));
  }
  // For people the result is an error, and in their words.
  progress_.Clear();
  const std::string reason = Reason(why);
  context_.err << cli::Say(context_.language, Phrase::kError) << ": "
               << OneLine(update.place) << ": "
               << cli::Say(context_.language, what) << " ("
               << (reason.empty() ? absl::StatusCodeToString(why.code())
                                  : reason)
               << ")\n";
  PrintViolations(context_.err, why);
  ShowProgress();
}

void PublishReport::DoneBefore(const ReportedUpdate& update,
                               std::int64_t position) {
  absl::MutexLock lock(&mu_);
  ++counts_.done_before;
  if (context_.output == OutputFormat::kJson) {
    v1::Submission submission;
    submission.set_submission_id(update.submission_id);
    submission.set_state(v1::Submission::STATE_ACCEPTED);
    submission.mutable_receipt()->set_position(position);
    PrintJson(update, absl::StrCat("\"submission\":", ToJson(submission),
                                   ",\"doneBefore\":true"));
  }
  ShowProgress();
}

void PublishReport::Valid(const ReportedUpdate& update,
                          const std::vector<v1::Warning>& warnings) {
  absl::MutexLock lock(&mu_);
  ++counts_.valid;
  v1::Submission submission;
  for (const v1::Warning& warning : warnings) {
    *submission.add_warnings() = warning;
  }
  if (context_.output == OutputFormat::kJson) {
    PrintJson(update, absl::StrCat("\"valid\":true,\"submission\":",
                                   ToJson(submission)));
  } else {
    PrintLine(Phrase::kValid, update, "");
    PrintWarnings(update, submission.warnings());
  }
  ShowProgress();
}

void PublishReport::LeftOut() {
  absl::MutexLock lock(&mu_);
  ++left_out_;
  ShowProgress();
}

void PublishReport::SetWaiting(std::int64_t waiting) {
  absl::MutexLock lock(&mu_);
  waiting_ = waiting;
  ShowProgress();
}

void PublishReport::Say(const std::string& line) {
  absl::MutexLock lock(&mu_);
  progress_.Clear();
  context_.err << line << std::endl;
}

PublishReport::Counts PublishReport::Finish() {
  absl::MutexLock lock(&mu_);
  progress_.Clear();
  context_.out.flush();
  return counts_;
}

// Each line at once: whoever feeds a pipe may wait for it.
void PublishReport::PrintLine(Phrase what, const ReportedUpdate& update,
                              const std::string& detail) {
  progress_.Clear();
  context_.out << cli::Say(context_.language, what) << "  " << detail
               << (detail.empty() ? "" : "  ") << OneLine(update.uri) << "  "
               << OneLine(update.place) << std::endl;
}

void PublishReport::PrintJson(const ReportedUpdate& update,
                              const std::string& fields) {
  progress_.Clear();
  context_.out << "{\"place\":" << JsonString(update.place) << "," << fields
               << "}" << std::endl;
}

void PublishReport::PrintWarnings(
    const ReportedUpdate& update,
    const google::protobuf::RepeatedPtrField<v1::Warning>& warnings) {
  for (const v1::Warning& warning : warnings) {
    context_.err << cli::Say(context_.language, Phrase::kWarning) << ": "
                 << OneLine(update.place) << ": " << OneLine(warning.field())
                 << ": " << OneLine(warning.description()) << " ("
                 << warning.reason() << ")\n";
  }
}

void PublishReport::ShowProgress() {
  const std::int64_t done = counts_.published + counts_.pending +
                            counts_.failed + counts_.done_before +
                            counts_.valid + left_out_;
  std::string words = absl::StrCat(
      counts_.published, " ", cli::Say(context_.language, Phrase::kPublished),
      ", ", waiting_, " ", cli::Say(context_.language, Phrase::kPending));
  if (counts_.failed > 0) {
    absl::StrAppend(&words, ", ", counts_.failed, " ",
                    cli::Say(context_.language, Phrase::kError));
  }
  progress_.Show(done, words);
}

}  // namespace gaceta::cli
