// gaceta.v1.SubmissionsService: where agencies bring their updates.
#ifndef GACETA_SERVER_NODE_SUBMISSIONS_SERVICE_H_
#define GACETA_SERVER_NODE_SUBMISSIONS_SERVICE_H_

#include <string>
#include <vector>

#include "gaceta/v1/submissions.grpc.pb.h"
#include "server/identity/authorizer.h"
#include "server/node/outbox.h"
#include "server/node/submission_intake.h"
#include "server/node/submission_watches.h"
#include "server/rpc/call_loop.h"

namespace gaceta {

// Translates between the wire and the intake. An agency submits under its own
// name and sees its own submissions; the state's administrator submits under
// none and sees all.
//
// SubmitUpdate waits for the disk on one of gRPC's threads; many that wait
// share one commit. A watch holds no thread: the loop drives it.
//
// Thread safety: called by gRPC's threads, concurrently.
class SubmissionsService : public AsyncSubmissionsService {
 public:
  // All must outlive this object.
  SubmissionsService(SubmissionIntake* intake, const Outbox* outbox,
                     const Authorizer* authorizer, CallLoop* loop);

  // After the server is built, before the loop runs.
  void Start() { watches_.Start(); }

  grpc::Status SubmitUpdate(grpc::ServerContext* context,
                            const v1::SubmitUpdateRequest* request,
                            v1::SubmitUpdateResponse* response) override;
  grpc::Status GetSubmission(grpc::ServerContext* context,
                             const v1::GetSubmissionRequest* request,
                             v1::GetSubmissionResponse* response) override;
  grpc::Status ListSubmissions(grpc::ServerContext* context,
                               const v1::ListSubmissionsRequest* request,
                               v1::ListSubmissionsResponse* response) override;

  // These submissions have changed in the outbox.
  void Changed(const std::vector<std::string>& submission_ids) {
    watches_.Changed(submission_ids);
  }

  // Ends the watches. Submissions under way are answered.
  void Drain() { watches_.Drain(); }

 private:
  // Name of the agency that calls; empty for the state's administrator.
  absl::StatusOr<std::string> AgencyOf(const grpc::AuthContext& context,
                                       absl::string_view method) const;
  absl::Status List(const std::string& agency,
                    const v1::ListSubmissionsRequest& request,
                    v1::ListSubmissionsResponse* response) const;

  SubmissionIntake* const intake_;
  const Outbox* const outbox_;
  const Authorizer* const authorizer_;
  SubmissionWatches watches_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_SUBMISSIONS_SERVICE_H_
