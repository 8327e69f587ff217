// Checks what agencies submit, and puts it into the outbox.
#ifndef GACETA_SERVER_NODE_SUBMISSION_INTAKE_H_
#define GACETA_SERVER_NODE_SUBMISSION_INTAKE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gaceta/v1/submissions.pb.h"
#include "server/documents/document_store.h"
#include "server/node/outbox.h"
#include "server/projections/projected_log.h"

namespace gaceta {

// The same rules as the hub's, over the log as mirrored and what is pending, so
// that an update may correct one that the hub does not have yet.
//
// Thread safety: all methods may be called concurrently.
class SubmissionIntake {
 public:
  struct Dependencies {
    // The state, `HN`.
    std::string publisher;
    Outbox* outbox;
    ProjectedLog* mirror;
    const DocumentStore* documents;
    std::function<absl::Time()> now = [] { return absl::Now(); };
  };

  // All must outlive this object.
  explicit SubmissionIntake(Dependencies dependencies)
      : dependencies_(std::move(dependencies)) {}

  // Takes `request` as the submission of `agency` (empty for the state's
  // administrator). Errors are those of SubmissionsService.SubmitUpdate, and
  // kUnavailable, reason `REGISTRY_UNKNOWN`, while the mirror does not have the
  // registry by which to check.
  absl::StatusOr<v1::Submission> Submit(absl::string_view agency,
                                        const v1::SubmitUpdateRequest& request);

  // From the outbox, or from the log if the outbox was lost. kNotFound if there
  // is none, or it is not of `agency`; an empty one sees all.
  absl::StatusOr<v1::Submission> Find(absl::string_view agency,
                                      const std::string& submission_id) const;

 private:
  absl::StatusOr<CheckedSubmission> Check(
      absl::string_view agency, const v1::SubmitUpdateRequest& request,
      const OutboxHistory& pending) const;
  // A submission that the log has and the outbox does not; kNotFound if the log
  // has none of this state's. `content_digest` may be null.
  absl::StatusOr<v1::Submission> FindInLog(const std::string& submission_id,
                                           std::string* content_digest) const;

  const Dependencies dependencies_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_SUBMISSION_INTAKE_H_
