// Remembers which submissions of a file a node has published, so that a second
// run goes on where the first ended.
#ifndef GACETA_CLIENT_CLI_SUBMISSION_JOURNAL_H_
#define GACETA_CLIENT_CLI_SUBMISSION_JOURNAL_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/state_folder.h"
#include "gaceta/file_io.h"

namespace gaceta::cli {

// Returns where the journal of the file `input` is by default: in the folder
// `submissions` of OpenStateFolder(), under a name of the file's own and a
// digest of its path and of the node's SPIFFE ID. So the same file resumes from
// whichever folder it is named, and every node has its own journal. Nothing is
// written beside the file. Makes the folder; errors as of OpenStateFolder().
absl::StatusOr<std::string> DefaultJournalPath(const LogName& log,
                                               const std::string& server_id,
                                               const std::string& input);

// A private text file with one line for each accepted submission: the node's
// SPIFFE ID, the submission's id, its position. Several nodes and programs may
// share a file, and a last line that was cut off by a crash is passed over.
// Nothing depends on it: what it has not is sent again, and the node answers as
// before.
//
// Thread safety: needs exclusion.
class SubmissionJournal {
 public:
  // Reads `path`, which need not exist. `server_id` is the node's SPIFFE ID.
  static absl::StatusOr<SubmissionJournal> Open(const std::string& path,
                                                const std::string& server_id);

  // A journal that keeps nothing.
  SubmissionJournal() = default;

  // Where a submission is in the log, if this node has published it.
  std::optional<std::int64_t> Find(absl::string_view submission_id) const;

  // An id that the journal has, to ask the node about; empty if it has none.
  std::string AnyId() const;

  // Passes over all that was read: the node does not know it.
  void Forget() { accepted_.clear(); }

  // Appends a submission. The file is made at the first one.
  absl::Status Record(absl::string_view submission_id, std::int64_t position);

  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::string server_id_;
  std::map<std::string, std::int64_t, std::less<>> accepted_;
  // Empty before the first submission.
  std::optional<client::File> out_;
  // Whether the file ends inside a line.
  bool cut_off_ = false;
};

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_SUBMISSION_JOURNAL_H_
