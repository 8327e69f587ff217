// The checks of a statement that need no order: identity, form, signature,
// payload, rules, documents. They run in parallel, before the sequencer.
#ifndef GACETA_SERVER_HUB_STATEMENT_CHECKER_H_
#define GACETA_SERVER_HUB_STATEMENT_CHECKER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/civil_time.h"
#include "absl/time/clock.h"
#include "gaceta/v1/update.pb.h"
#include "server/documents/document_store.h"
#include "server/hub/candidate.h"
#include "server/hub/hub_history.h"
#include "server/identity/authorizer.h"
#include "server/projections/projected_log.h"

namespace gaceta {

// Thread safety: all methods may be called concurrently.
class StatementChecker {
 public:
  // All must outlive this object.
  StatementChecker(const ProjectedLog* log, const DocumentStore* documents,
                   HubHistory* history, std::string log_origin)
      : log_(log),
        documents_(documents),
        history_(history),
        log_origin_(std::move(log_origin)) {}

  struct Checked {
    Candidate candidate;
    // Makes the statement count for those that follow it; null for registry
    // statements and for what was sent before.
    std::unique_ptr<HubHistory::UnderWay> under_way;
  };

  // Checks what `caller` sent. A refusal has one of the reasons that
  // PublishingService names. A statement that is in the log already passes:
  // the sequencer answers it as the first time.
  absl::StatusOr<Checked> Check(const Caller& caller,
                                v1::Statement statement) const;

  // Whether `caller` publishes for `publisher`: a node for its state, a
  // registrar for the secretariat. Reason `WRONG_PUBLISHER`.
  static absl::Status CheckPublisher(const Caller& caller,
                                     const std::string& publisher);

 private:
  absl::Status CheckUpdate(Candidate* candidate, v1::Update* update) const;
  absl::Status CheckDocuments(const v1::Update& update,
                              const Federation& registry) const;

  const ProjectedLog* const log_;
  const DocumentStore* const documents_;
  HubHistory* const history_;
  const std::string log_origin_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_STATEMENT_CHECKER_H_
