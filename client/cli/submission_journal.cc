#include "cli/submission_journal.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "verify/statement.h"

namespace gaceta::cli {

absl::StatusOr<SubmissionJournal> SubmissionJournal::Open(
    const std::string& path, const std::string& server_id) {
  SubmissionJournal journal;
  journal.path_ = path;
  journal.server_id_ = server_id;
  std::ifstream in(path, std::ios::binary);
  for (std::string line; std::getline(in, line);) {
    // Without its end it may be half a number.
    journal.cut_off_ = in.eof();
    if (journal.cut_off_) break;
    const std::vector<std::string> parts = absl::StrSplit(line, ' ');
    std::int64_t position = 0;
    if (parts.size() == 3 && parts[0] == server_id && IsStatementId(parts[1]) &&
        absl::SimpleAtoi(parts[2], &position)) {
      journal.accepted_[parts[1]] = position;
    }
  }
  return journal;
}

std::optional<std::int64_t> SubmissionJournal::Find(
    absl::string_view submission_id) const {
  auto found = accepted_.find(submission_id);
  if (found == accepted_.end()) return std::nullopt;
  return found->second;
}

std::string SubmissionJournal::AnyId() const {
  return accepted_.empty() ? "" : accepted_.begin()->first;
}

absl::Status SubmissionJournal::Record(absl::string_view submission_id,
                                       std::int64_t position) {
  if (path_.empty()) return absl::OkStatus();
  if (!out_.is_open()) {
    out_.open(path_, std::ios::binary | std::ios::app);
    if (cut_off_) out_ << '\n';
  }
  out_ << absl::StrCat(server_id_, " ", submission_id, " ", position, "\n");
  out_.flush();
  if (out_.good()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot write ", path_));
}

}  // namespace gaceta::cli
