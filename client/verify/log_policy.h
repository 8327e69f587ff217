// Who has to sign a checkpoint (C2SP tlog-policy).
#ifndef GACETA_CLIENT_VERIFY_LOG_POLICY_H_
#define GACETA_CLIENT_VERIFY_LOG_POLICY_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "verify/checkpoint.h"
#include "verify/note.h"

namespace gaceta {

// The lines `log`, `witness`, `group` and `quorum` of a policy file.
//
// Beyond what the format asks for, no two witnesses' keys have one name: so a
// cosignature's name says whose it is. At most 256 each of logs, witnesses and
// groups.
//
// A value. Thread safety: immutable.
class LogPolicy {
 public:
  // kInvalidArgument names the line and says what is wrong.
  static absl::StatusOr<LogPolicy> Parse(absl::string_view text);

  // What was parsed, verbatim.
  const std::string& text() const { return text_; }
  const std::vector<NoteKey>& logs() const { return logs_; }
  const std::vector<NoteKey>& witnesses() const { return witnesses_; }

  // Whether cosignatures by these witnesses, by the names in their keys, are a
  // quorum.
  bool IsQuorum(const std::set<std::string, std::less<>>& names) const;

  // A checkpoint whose log signature and known cosignatures hold.
  struct Opened {
    Checkpoint checkpoint;
    std::vector<Cosignature> cosignatures;
    bool has_quorum = false;
    // The latest time T for which a quorum cosigned at T or later: when the
    // quorum last vouched for this. Infinite past without a quorum or if the
    // policy asks for none.
    absl::Time quorum_time = absl::InfinitePast();
  };
  // kDataLoss as OpenCheckpoint() and CheckCosignatures(). A missing quorum is
  // no error.
  absl::StatusOr<Opened> Open(absl::string_view note) const;

 private:
  // A witness or a group.
  struct Member;
  // Reads the lines one by one.
  class Parser;

  // The latest time T at which `member` vouched: for a witness, what `time_of`
  // says of its key's name; for a group, that of its last member that counts.
  // Infinite past if it did not.
  static absl::Time VouchedTime(
      const Member& member,
      absl::FunctionRef<absl::Time(const std::string&)> time_of);

  LogPolicy() = default;

  std::string text_;
  std::vector<NoteKey> logs_;
  std::vector<NoteKey> witnesses_;
  // Null if none is asked for.
  std::shared_ptr<const Member> quorum_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_LOG_POLICY_H_
