// Where proofs of misconduct are kept.
#ifndef GACETA_CLIENT_GACETA_EVIDENCE_FOLDER_H_
#define GACETA_CLIENT_GACETA_EVIDENCE_FOLDER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/v1/statement.pb.h"

namespace gaceta {

// Alarms: reasons that no signature shows, but that time has passed.
inline constexpr absl::string_view kLogStale = "LOG_STALE";
inline constexpr absl::string_view kQuorumMissing = "QUORUM_MISSING";

// Whether a log of which there is such evidence is not to be trusted until a
// person says otherwise. Not so for what a network that is down may look like.
bool EndsTrust(const v1::Evidence& evidence);

// Keeps each piece of evidence as one small file, a v1::Evidence in JSON, named
// by what it holds, so that the same piece is kept once however often it comes.
// A person who has looked at one puts it aside, into the folder `dismissed`. An
// alarm that is over goes into the folder `closed` by itself.
//
// Thread safety: all methods may be called concurrently.
class EvidenceFolder {
 public:
  // Makes the folder if it is not there.
  static absl::StatusOr<std::unique_ptr<EvidenceFolder>> Open(
      std::string folder);

  // Returns the file's path, once it is on stable storage, with the time at
  // which it was first kept. kUnavailable if it cannot be written.
  absl::StatusOr<std::string> Keep(const v1::Evidence& evidence);

  // Keeps two statements of one publisher that cannot both be.
  absl::StatusOr<std::string> KeepConflict(absl::string_view reason,
                                           const v1::Leaf& first,
                                           const v1::Leaf& second);

  // Closes the alarms that are over, once a quorum of witnesses has vouched for
  // the first `size` entries of the log: those whose checkpoints have no more.
  // Returns how many alarms are left. kUnavailable if the folder cannot be
  // changed.
  absl::StatusOr<int> CloseAlarms(std::int64_t size);

  // Paths of the files that are neither dismissed nor closed, in order of their
  // names.
  absl::StatusOr<std::vector<std::string>> List() const;

  // kFailedPrecondition, reason `LOG_DISTRUSTED`, if there is a file that ends
  // trust, or is damaged, and that nobody has dismissed.
  absl::Status CheckTrusted() const;

 private:
  explicit EvidenceFolder(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
  // One file is written at a time: the same piece may come twice at once.
  absl::Mutex mu_;
};

// Returns the failure that `evidence` shows, with its reason and its
// description, and where `folder` keeps it, or that it cannot. The path is in
// the metadata `evidence`.
absl::Status FailWithEvidence(
    const v1::Evidence& evidence, EvidenceFolder* folder,
    absl::StatusCode code = absl::StatusCode::kDataLoss);

// Reads one file. kInvalidArgument if it is no evidence.
absl::StatusOr<v1::Evidence> ReadEvidence(const std::string& path);

// Moves a file into `dismissed` beside it. Returns the new path.
absl::StatusOr<std::string> DismissEvidence(const std::string& path);

}  // namespace gaceta

#endif  // GACETA_CLIENT_GACETA_EVIDENCE_FOLDER_H_
