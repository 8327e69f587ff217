// How the command writes: tables and lines for people, proto JSON for programs.
#ifndef GACETA_CLIENT_CLI_OUTPUT_H_
#define GACETA_CLIENT_CLI_OUTPUT_H_

#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "google/protobuf/message.h"

namespace gaceta::cli {

// Returns a message in proto's own JSON, in one line.
std::string ToJson(const google::protobuf::Message& message);

// Returns `text` as a string of JSON, with its quotes.
std::string JsonString(absl::string_view text);

// Returns `text` fit for one line of a terminal: what would move the cursor,
// change the terminal or turn the direction of other text becomes a blank.
// Text of updates is written by strangers.
std::string OneLine(absl::string_view text);

// Returns a time in UTC to the second: `2026-11-28T08:00:00Z`.
std::string TimeText(absl::Time time);

// Returns `text` cut to `columns` characters, with an ellipsis if it was cut.
std::string Shorten(absl::string_view text, int columns);

// Rows under headings, in columns as wide as what they hold.
class Table {
 public:
  explicit Table(std::vector<std::string> headings);

  // As many cells as there are headings. Cells are made OneLine().
  void AddRow(std::vector<std::string> cells);

  // Writes the headings and the rows; nothing if there are no rows.
  void Print(std::ostream& out) const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Writes an error with its reason and, one a line, its violations.
void PrintError(const CliContext& context, const absl::Status& status);

// Writes the details of `status` below a line about it: every violation, or
// the text if there are none.
void PrintViolations(std::ostream& err, const absl::Status& status);

// Whether `err` is the standard error of a terminal.
bool IsTerminal(const std::ostream& err);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_OUTPUT_H_
