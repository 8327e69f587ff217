// Reads the updates that `gaceta updates publish` sends: files of one update in
// JSON, or of one JSON object a line.
#ifndef GACETA_CLIENT_CLI_SUBMISSION_INPUT_H_
#define GACETA_CLIENT_CLI_SUBMISSION_INPUT_H_

#include <cstdint>
#include <istream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/line_source.h"
#include "gaceta/v1/submissions.pb.h"

namespace gaceta::cli {

// One update to publish.
struct SubmissionInput {
  // Where it was read, `updates.ndjson:12`, for messages.
  std::string place;
  // Empty if the file does not say.
  std::string state;
  // Complete: the id is the file's, or derived from the content, so that the
  // same update has the same id however often it is read.
  v1::SubmitUpdateRequest request;
  // Whether the id is derived.
  bool id_is_derived = false;
  // Documents that the file gives, by SHA-256 in hex.
  std::map<std::string, std::string> document_files;
};

// Parses one JSON object: a SubmissionLine, or a bare v1::Update. Paths of
// documents become relative to `folder`. kInvalidArgument says what is wrong.
absl::StatusOr<SubmissionInput> ParseSubmission(absl::string_view json,
                                                absl::string_view place,
                                                const std::string& folder);

// Gives the request an id derived from its content (a UUID of version 8), in
// place of the one it has.
void DeriveSubmissionId(absl::string_view state,
                        v1::SubmitUpdateRequest* request);

// Reads the updates of one file, one after the other.
//
// A file whose first line is a whole JSON object has one object a line; any
// other is one object, unless a later line is a whole submission: then what
// comes before that is wrong, and there is one object a line. Blank lines are
// skipped.
class SubmissionReader {
 public:
  // `-` reads `standard_input`, which must outlive the reader; if that is
  // std::cin, up to a signal that EndBySignal notices. What was read of an
  // update is then an error of Next(), kAborted.
  static absl::StatusOr<SubmissionReader> Open(const std::string& path,
                                               std::istream& standard_input);

  // Returns the next update, nothing at the end of the file. After an error
  // that names a line it goes on behind that line.
  absl::StatusOr<std::optional<SubmissionInput>> Next();

  // Whether Next() would wait for somebody to write.
  bool WouldWait() const { return !ahead_.has_value() && source_->WouldWait(); }

  // Whether the file has one object a line. Known after the first Next().
  bool one_a_line() const { return one_a_line_; }

 private:
  SubmissionReader() = default;

  // Reads what Next() parses: a line, or the whole. Returns false at the end.
  bool ReadObject(std::string* json);
  // The first line is no whole object: reads on.
  void ReadSeveralLines(std::string* json);
  // Whether `line`, after the lines in `before`, is a submission of its own.
  bool IsOwnSubmission(const std::string& line, absl::string_view before) const;
  std::string Place() const;

  std::string path_;
  std::string folder_;
  std::unique_ptr<std::istream> owned_;
  std::optional<LineSource> source_;
  // How many lines were read.
  std::int64_t read_ = 0;
  // Of the object read last; of its first line.
  std::int64_t line_ = 0;
  // A line that was read beyond what Next() has returned.
  std::optional<std::string> ahead_;
  bool started_ = false;
  bool one_a_line_ = false;
};

// Returns how many updates the files have, nothing if one of them cannot be
// read twice.
std::optional<std::int64_t> CountSubmissions(
    const std::vector<std::string>& paths);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_SUBMISSION_INPUT_H_
