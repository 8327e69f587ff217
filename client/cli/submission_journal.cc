#include "cli/submission_journal.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "verify/digest.h"
#include "verify/statement.h"

namespace gaceta::cli {
namespace {

// Of a file's own name, in the name of its journal.
constexpr std::size_t kMaxNameBytes = 64;

// A part of a file's name that people recognise, and that every file system
// takes.
std::string PlainName(const std::string& name) {
  std::string plain = name.substr(0, kMaxNameBytes);
  std::replace_if(
      plain.begin(), plain.end(),
      [](char c) { return !absl::ascii_isalnum(c) && c != '.' && c != '-'; },
      '_');
  return plain;
}

}  // namespace

absl::StatusOr<std::string> DefaultJournalPath(const LogName& log,
                                               const std::string& server_id,
                                               const std::string& input) {
  auto state = OpenStateFolder(log);
  if (!state.ok()) return state.status();
  const std::string folder = absl::StrCat(state->path, "/submissions");
  if (absl::Status s = client::MakeFolderDurably(folder, FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  std::error_code error;
  const std::filesystem::path path =
      std::filesystem::weakly_canonical(input, error);
  if (error) {
    return absl::NotFoundError(
        absl::StrCat("cannot find ", input, ": ", error.message()));
  }
  const std::string digest =
      ToHex(Sha256(absl::StrCat(server_id, "\n", path.native())));
  return absl::StrCat(folder, "/", PlainName(path.filename().native()), "-",
                      digest.substr(0, 32));
}

absl::StatusOr<SubmissionJournal> SubmissionJournal::Open(
    const std::string& path, const std::string& server_id) {
  SubmissionJournal journal;
  journal.path_ = path;
  journal.server_id_ = server_id;
  auto text = client::ReadFile(path);
  if (absl::IsNotFound(text.status())) return journal;
  if (!text.ok()) return text.status();
  std::vector<absl::string_view> lines = absl::StrSplit(*text, '\n');
  // Without its end it may be half a number.
  journal.cut_off_ = !lines.back().empty();
  lines.pop_back();
  for (const absl::string_view line : lines) {
    const std::vector<absl::string_view> parts = absl::StrSplit(line, ' ');
    std::int64_t position = 0;
    if (parts.size() == 3 && parts[0] == server_id && IsStatementId(parts[1]) &&
        absl::SimpleAtoi(parts[2], &position)) {
      journal.accepted_[std::string(parts[1])] = position;
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
  if (!out_.has_value()) {
    auto file = client::File::OpenToAppend(path_, FileRights::kPrivate);
    if (!file.ok()) return file.status();
    out_ = *std::move(file);
  }
  // In one write, so that lines of several programs do not mix.
  absl::Status status = out_->Append(
      absl::StrCat(std::exchange(cut_off_, false) ? "\n" : "", server_id_, " ",
                   submission_id, " ", position, "\n"));
  if (status.ok()) return status;
  return absl::UnavailableError(
      absl::StrCat("cannot write ", path_, ": ", status.message()));
}

}  // namespace gaceta::cli
