// WatchSubmission calls that are open.
#ifndef GACETA_SERVER_NODE_SUBMISSION_WATCHES_H_
#define GACETA_SERVER_NODE_SUBMISSION_WATCHES_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gaceta/v1/submissions.grpc.pb.h"
#include "grpcpp/server_context.h"
#include "server/rpc/call_loop.h"
#include "server/rpc/open_calls.h"
#include "server/rpc/workers.h"

namespace gaceta {

using AsyncSubmissionsService =
    v1::SubmissionsService::WithAsyncMethod_WatchSubmission<
        v1::SubmissionsService::Service>;

// Each sends its submission as it is, and again after each change, until it is
// accepted or refused. Several changes while a message is under way are one
// message more. A watch that waits holds no thread.
//
// Threads: the loop's writes; one of its own reads submissions, from the disk.
class SubmissionWatches {
 public:
  // Which agency calls, empty for one who sees all; or why it may not. On the
  // loop's thread.
  using AgencyOf = std::function<absl::StatusOr<std::string>(
      const grpc::ServerContext& context)>;
  // Reads a submission as `agency` sees it now.
  using Source = std::function<absl::StatusOr<v1::Submission>(
      const std::string& agency, const std::string& submission_id)>;

  // `service` and `loop` must outlive this object.
  SubmissionWatches(AsyncSubmissionsService* service, CallLoop* loop,
                    AgencyOf agency_of, Source source);

  // After the server is built, before the loop runs.
  void Start() { calls_.Start(); }

  // By any thread: these submissions have changed.
  void Changed(const std::vector<std::string>& submission_ids);

  // By any thread: ends all watches, and those that come later, with
  // UNAVAILABLE (`DRAINING`). Does not wait for it.
  void Drain() { calls_.Drain(); }

 private:
  class Watch;

  const AgencyOf agency_of_;
  const Source source_;

  // Touched only by the loop's thread.
  std::multimap<std::string, Watch*> watches_;

  OpenCalls calls_;
  Workers reader_{1};
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_SUBMISSION_WATCHES_H_
