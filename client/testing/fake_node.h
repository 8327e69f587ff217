// A node's submitting side in memory: submissions and documents.
#ifndef GACETA_CLIENT_TESTING_FAKE_NODE_H_
#define GACETA_CLIENT_TESTING_FAKE_NODE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/v1/submissions.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/server.h"

namespace gaceta::client {

// Serves SubmissionsService and DocumentsService over a channel inside the
// process, without TLS. It takes every update that has a title, and accepts a
// submission when it is told to.
//
// Thread safety: all methods may be called concurrently.
class FakeNode {
 public:
  FakeNode();
  ~FakeNode();

  std::shared_ptr<grpc::Channel> channel() const;

  // Ends a submission: in the log, or refused by the hub.
  void Accept(const std::string& submission_id, std::int64_t position);
  void Refuse(const std::string& submission_id, const absl::Status& error);
  // In the order in which they were taken.
  std::vector<v1::SubmitUpdateRequest> submissions() const;

  // All of a document that has arrived.
  std::string document(const std::string& sha256) const;
  // Makes a document be there, or a part of one that was never finished.
  void PutDocument(const std::string& sha256, const std::string& bytes);
  void PutPart(const std::string& sha256, const std::string& bytes);

  // --- Faults ----------------------------------------------------------------

  // The next `count` rpcs of any kind fail with `status`; those of a submission
  // after it was taken, so that the client cannot know.
  void FailNext(int count, const absl::Status& status);
  // Each transfer breaks after so many bytes; 0 is never.
  void BreakTransfersAfter(std::int64_t bytes);

  // Calls of any kind so far.
  int calls() const;
  // Where each upload and download began.
  std::vector<std::int64_t> offsets() const;

 private:
  class Submissions;
  class Documents;
  struct Stored {
    std::string bytes;
    bool complete = false;
  };

  // Counts a call; fails if it is to fail.
  absl::Status Enter() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status Take(const v1::SubmitUpdateRequest& request,
                    v1::Submission* submission);

  mutable absl::Mutex mu_;
  std::vector<v1::SubmitUpdateRequest> taken_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, v1::Submission> submissions_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Stored> documents_ ABSL_GUARDED_BY(mu_);
  int failures_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::int64_t break_after_ ABSL_GUARDED_BY(mu_) = 0;
  int calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::int64_t> offsets_ ABSL_GUARDED_BY(mu_);

  std::unique_ptr<Submissions> submissions_service_;
  std::unique_ptr<Documents> documents_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_TESTING_FAKE_NODE_H_
