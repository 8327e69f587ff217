#include "cli/submission_input.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/submission_line.pb.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"
#include "verify/digest.h"
#include "verify/statement.h"

namespace gaceta::cli {
namespace {

// Whether `text` is a whole JSON object, and not the beginning of one.
bool IsWholeObject(absl::string_view text) {
  google::protobuf::Struct any;
  return google::protobuf::util::JsonStringToMessage(
             google::protobuf::StringPiece(text.data(), text.size()), &any)
      .ok();
}

absl::Status ParseJson(absl::string_view json,
                       google::protobuf::Message* message) {
  const auto status = google::protobuf::util::JsonStringToMessage(
      google::protobuf::StringPiece(json.data(), json.size()), message);
  if (status.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StripAsciiWhitespace(
      absl::string_view(status.message().data(), status.message().size())));
}

// Reads either form. A line of submission has a field that no update has.
absl::StatusOr<SubmissionLine> ParseEitherForm(absl::string_view json) {
  SubmissionLine line;
  const absl::Status as_line = ParseJson(json, &line);
  if (as_line.ok() && line.has_update()) return line;

  line.Clear();
  const absl::Status as_update = ParseJson(json, line.mutable_update());
  if (as_update.ok()) return line;
  // Says what is wrong with the form that was meant.
  return absl::StrContains(json, "\"update\"") ? as_line : as_update;
}

std::string FolderOf(const std::string& path) {
  return path == "-" ? "." : std::filesystem::path(path).parent_path().string();
}

}  // namespace

void DeriveSubmissionId(absl::string_view state,
                        v1::SubmitUpdateRequest* request) {
  request->clear_submission_id();
  std::string digest = Sha256(absl::StrCat(
      "gaceta submission\n", state, "\n", request->update().SerializeAsString(),
      "\n", request->audience().SerializeAsString()));
  // RFC 9562, version 8: bits of the maker's choice, beside version and
  // variant.
  digest[6] = static_cast<char>((digest[6] & 0x0F) | 0x80);
  digest[8] = static_cast<char>((digest[8] & 0x3F) | 0x80);
  const std::string hex = ToHex(digest.substr(0, 16));
  request->set_submission_id(absl::StrCat(
      hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-",
      hex.substr(16, 4), "-", hex.substr(20, 12)));
}

absl::StatusOr<SubmissionInput> ParseSubmission(absl::string_view json,
                                                absl::string_view place,
                                                const std::string& folder) {
  absl::StatusOr<SubmissionLine> line = ParseEitherForm(json);
  if (!line.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(place, ": ", line.status().message()));
  }
  SubmissionInput input;
  input.place = std::string(place);
  input.state = line->state();
  *input.request.mutable_update() = std::move(*line->mutable_update());
  // The node fills it in; a file that was exported may have one.
  input.request.mutable_update()->clear_nonce();
  if (line->has_audience()) {
    *input.request.mutable_audience() = std::move(*line->mutable_audience());
  }
  for (const auto& [sha256, path] : line->document_files()) {
    if (!IsDigestHex(sha256)) {
      return absl::InvalidArgumentError(
          absl::StrCat(place, ": documentFiles has \"", sha256,
                       "\", expected a SHA-256 in lower-case hex"));
    }
    input.document_files[sha256] =
        (std::filesystem::path(folder) / path).lexically_normal().string();
  }
  if (line->submission_id().empty()) {
    input.id_is_derived = true;
    DeriveSubmissionId(input.state, &input.request);
  } else if (!IsStatementId(line->submission_id())) {
    return absl::InvalidArgumentError(
        absl::StrCat(place, ": submissionId is \"", line->submission_id(),
                     "\", expected a UUID in lower case"));
  } else {
    input.request.set_submission_id(line->submission_id());
  }
  return input;
}

absl::StatusOr<SubmissionReader> SubmissionReader::Open(
    const std::string& path, std::istream& standard_input) {
  SubmissionReader reader;
  reader.path_ = path;
  reader.folder_ = FolderOf(path);
  if (path == "-" && &standard_input == &std::cin) {
    reader.source_.emplace(STDIN_FILENO);
    return reader;
  }
  if (path == "-") {
    reader.source_.emplace(&standard_input);
    return reader;
  }
  reader.owned_ = std::make_unique<std::ifstream>(path, std::ios::binary);
  reader.source_.emplace(reader.owned_.get());
  // A folder opens, and fails at the first read.
  if (!reader.owned_->good() || std::filesystem::is_directory(path)) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path));
  }
  return reader;
}

bool SubmissionReader::ReadObject(std::string* json) {
  do {
    if (ahead_.has_value()) {
      *json = *std::exchange(ahead_, std::nullopt);
    } else if (source_->Read(json)) {
      ++read_;
    } else {
      return false;
    }
  } while (absl::StripAsciiWhitespace(*json).empty());
  line_ = read_;
  if (!started_) one_a_line_ = IsWholeObject(*json);
  started_ = true;
  if (!one_a_line_) ReadSeveralLines(json);
  return true;
}

void SubmissionReader::ReadSeveralLines(std::string* json) {
  for (std::string line; source_->Read(&line);) {
    ++read_;
    if (IsOwnSubmission(line, *json)) {
      ahead_ = std::move(line);
      one_a_line_ = true;
      return;
    }
    absl::StrAppend(json, "\n", line);
  }
}

bool SubmissionReader::IsOwnSubmission(const std::string& line,
                                       absl::string_view before) const {
  // Parts of an object over several lines are mostly indented.
  if (line.empty() || line[0] != '{') return false;
  const auto parsed = ParseEitherForm(line);
  if (!parsed.ok() || !parsed->update().has_instrument()) return false;
  // An update alone may be the `update` of what comes before, which may have an
  // audience. A submission is part of nothing.
  return absl::StrContains(line, "\"update\"") ||
         !absl::StrContains(before, "update");
}

std::string SubmissionReader::Place() const {
  return absl::StrCat(path_, ":", line_);
}

absl::StatusOr<std::optional<SubmissionInput>> SubmissionReader::Next() {
  std::string json;
  const bool is_read = ReadObject(&json);
  if (const std::string cut_off = source_->TakeCutOff(); !cut_off.empty()) {
    if (!is_read || one_a_line_) line_ = read_ + 1;
    return absl::AbortedError(absl::StrCat(
        Place(), ": a signal came before the end of this update: not sent"));
  }
  if (!is_read) return std::optional<SubmissionInput>();
  absl::StatusOr<SubmissionInput> input =
      ParseSubmission(json, Place(), folder_);
  if (!input.ok()) return input.status();
  return std::optional<SubmissionInput>(*std::move(input));
}

std::optional<std::int64_t> CountSubmissions(
    const std::vector<std::string>& paths) {
  std::int64_t count = 0;
  for (const std::string& path : paths) {
    if (!std::filesystem::is_regular_file(path)) return std::nullopt;
    std::ifstream in(path, std::ios::binary);
    bool first = true;
    for (std::string line; std::getline(in, line);) {
      if (absl::StripAsciiWhitespace(line).empty()) continue;
      ++count;
      if (first && !IsWholeObject(line)) break;
      first = false;
    }
  }
  return count;
}

}  // namespace gaceta::cli
