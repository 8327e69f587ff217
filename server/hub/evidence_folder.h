// Where proofs of misconduct are kept.
#ifndef GACETA_SERVER_HUB_EVIDENCE_FOLDER_H_
#define GACETA_SERVER_HUB_EVIDENCE_FOLDER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/v1/statement.pb.h"

namespace gaceta {

// Keeps each piece of evidence as one small file, a v1::Evidence in JSON, named
// by what it holds, so that the same piece is kept once however often it comes.
//
// Thread safety: all methods may be called concurrently.
class EvidenceFolder {
 public:
  static absl::StatusOr<std::unique_ptr<EvidenceFolder>> Open(
      std::string folder);

  // Keeps two statements of one publisher that cannot both be. Returns the
  // file's path, once it is on stable storage.
  absl::StatusOr<std::string> KeepConflict(absl::string_view reason,
                                           const v1::Leaf& first,
                                           const v1::Leaf& second);

 private:
  explicit EvidenceFolder(std::string folder) : folder_(std::move(folder)) {}

  const std::string folder_;
  // One file is written at a time: the same piece may come twice at once.
  absl::Mutex mu_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_EVIDENCE_FOLDER_H_
