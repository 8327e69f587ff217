#include "cli/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/substitute.h"
#include "cli/messages.h"
#include "errors/errors.h"
#include "google/protobuf/util/json_util.h"

namespace gaceta::cli {
namespace {

bool IsContinuation(char c) {
  return (static_cast<unsigned char>(c) >> 6) == 2;
}

// Characters of a UTF-8 text, near enough its columns.
int Columns(absl::string_view text) {
  return static_cast<int>(std::count_if(
      text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

// Whether the character of three bytes turns or hides text around it: the
// directional marks U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069, and the
// separators of lines U+2028, U+2029.
bool IsInvisible(absl::string_view character) {
  const auto at = [&](int i) {
    return static_cast<unsigned char>(character[i]);
  };
  const std::uint32_t code =
      (at(0) & 0x0Fu) << 12 | (at(1) & 0x3Fu) << 6 | (at(2) & 0x3Fu);
  return code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

// Bytes of the character that begins with `lead`.
std::size_t CharacterSize(unsigned char lead) {
  if (lead < 0xC0) return 1;
  if (lead < 0xE0) return 2;
  return lead < 0xF0 ? 3 : 4;
}

}  // namespace

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  // Fails only for an Any of an unknown type, which no message of ours has.
  const auto status =
      google::protobuf::util::MessageToJsonString(message, &json);
  return status.ok() ? json : "{}";
}

std::string JsonString(absl::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      absl::StrAppend(&json, "\\", absl::string_view(&c, 1));
    } else if (static_cast<unsigned char>(c) < 0x20) {
      absl::StrAppendFormat(&json, "\\u%04x", static_cast<unsigned>(c));
    } else {
      json.push_back(c);
    }
  }
  json.push_back('"');
  return json;
}

std::string OneLine(absl::string_view text) {
  std::string line;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t size = CharacterSize(lead);
    const absl::string_view character = text.substr(i, size);
    i += size;
    const bool ascii_control = lead < 0x20 || lead == 0x7F;
    // U+0080 to U+009F: some terminals obey them.
    const bool c1_control = lead == 0xC2 && character.size() == 2 &&
                            static_cast<unsigned char>(character[1]) < 0xA0;
    const bool invisible =
        size == 3 && character.size() == 3 && IsInvisible(character);
    if (ascii_control || c1_control || invisible) {
      line.push_back(' ');
    } else {
      line.append(character.data(), character.size());
    }
  }
  return line;
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::string Shorten(absl::string_view text, int columns) {
  if (Columns(text) <= columns) return std::string(text);
  int seen = 0;
  std::size_t end = 0;
  // Stops at the first byte of the character that no longer fits.
  for (; end < text.size(); ++end) {
    if (!IsContinuation(text[end]) && ++seen == columns) break;
  }
  return absl::StrCat(text.substr(0, end), "…");
}

Table::Table(std::vector<std::string> headings) {
  rows_.push_back(std::move(headings));
}

void Table::AddRow(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = OneLine(cell);
  cells.resize(rows_[0].size());
  rows_.push_back(std::move(cells));
}

void Table::Print(std::ostream& out) const {
  if (rows_.size() == 1) return;
  std::vector<int> widths(rows_[0].size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Columns(row[i]));
    }
  }
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      absl::StrAppend(&line, row[i]);
      if (i + 1 == row.size()) break;
      const int blanks = widths[i] - Columns(row[i]) + 2;
      line.append(static_cast<std::size_t>(blanks), ' ');
    }
    out << line << '\n';
  }
}

void PrintViolations(std::ostream& err, const absl::Status& status) {
  const std::vector<FieldViolation> violations = Violations(status);
  for (const FieldViolation& violation : violations) {
    err << "  " << OneLine(violation.field) << ": "
        << OneLine(violation.description) << '\n';
  }
  if (violations.empty()) {
    err << "  " << OneLine(status.message()) << '\n';
  }
}

void PrintError(const CliContext& context, const absl::Status& status) {
  const std::string reason = Reason(status);
  const bool usage = ExitCodeOf(status) == kExitUsage;
  const std::string text =
      absl::IsDataLoss(status)
          ? absl::Substitute(Say(context.language, Phrase::kVerificationFailed),
                             OneLine(status.message()))
          : OneLine(status.message());
  context.err << Say(context.language, Phrase::kError) << ": " << text;
  if (!usage) {
    context.err << " ("
                << (reason.empty() ? absl::StatusCodeToString(status.code())
                                   : reason)
                << ")";
  }
  context.err << '\n';
  // The text of one violation says it already.
  if (Violations(status).size() > 1) PrintViolations(context.err, status);
}

bool IsTerminal(const std::ostream& err) {
  return &err == &std::cerr && isatty(STDERR_FILENO) == 1;
}

}  // namespace gaceta::cli
