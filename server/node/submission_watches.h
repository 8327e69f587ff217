// WatchSubmission calls that are open.
#ifndef GACETA_SERVER_NODE_SUBMISSION_WATCHES_H_
#define GACETA_SERVER_NODE_SUBMISSION_WATCHES_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/v1/submissions.pb.h"
#include "grpcpp/support/server_callback.h"

namespace gaceta {

// Each sends its submission as it is, and again after each change, until it is
// accepted or refused. Several changes while a message is under way are one
// message more. A watch that waits holds no thread.
//
// Thread safety: all methods may be called concurrently.
class SubmissionWatches {
 public:
  // Reads a submission as it is now.
  using Source = std::function<absl::StatusOr<v1::Submission>(
      const std::string& submission_id)>;
  using Reactor = grpc::ServerWriteReactor<v1::WatchSubmissionResponse>;

  explicit SubmissionWatches(Source source) : source_(std::move(source)) {}

  // Begins a watch; gRPC owns what is returned.
  Reactor* Start(const std::string& submission_id);

  // These submissions have changed.
  void Changed(const std::vector<std::string>& submission_ids);

  // Ends all watches, and those that come later, with UNAVAILABLE (`DRAINING`).
  void Drain();

 private:
  class Watch;
  void Remove(const Watch* watch);

  const Source source_;
  absl::Mutex mu_;
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  std::multimap<std::string, std::shared_ptr<Watch>> watches_
      ABSL_GUARDED_BY(mu_);
};

// A reactor that ends its call with `status` at once.
SubmissionWatches::Reactor* RefuseWatch(const absl::Status& status);

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_SUBMISSION_WATCHES_H_
