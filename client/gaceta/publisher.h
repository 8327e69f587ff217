// Submits an agency's updates to its state's node.
#ifndef GACETA_CLIENT_GACETA_PUBLISHER_H_
#define GACETA_CLIENT_GACETA_PUBLISHER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gaceta/backoff.h"
#include "gaceta/connection.h"
#include "gaceta/v1/submissions.grpc.pb.h"
#include "gaceta/v1/submissions.pb.h"
#include "grpcpp/channel.h"

namespace gaceta::client {

// What an agency asks its node to publish.
struct UpdateSubmission {
  // A UUID in lower case, made once for this update (NewStatementId() of
  // verify/statement.h) and kept until the submission is accepted: sending it
  // again with the same update is safe at any time.
  std::string submission_id;
  v1::Update update;
  // Who may read it; everybody by default.
  v1::Audience audience;
};

struct PublisherOptions {
  BackoffOptions backoff;
  // An attempt that was not answered for so long is made again.
  absl::Duration attempt_timeout = absl::Seconds(30);
};

// Submits updates to one node and follows them into the log.
//
// A submission that was answered is durable at the node, which signs it and
// brings it to the hub however long that takes. A call that failed or was cut
// off may be repeated with the same submission: it is taken once.
//
// Leaves documents to DocumentClient: upload them first.
//
// Thread safety: all methods may be called concurrently.
//
// Errors: calls that fail for a moment (kUnavailable, kAborted, a rate limit, a
// full outbox) are repeated with growing waits until the deadline, which then
// returns the last of these errors. All others come from the node as they are,
// with their google.rpc details: Reason() and Violations() of errors/errors.h
// read them. An invalid update is kInvalidArgument, reason `RULE_VIOLATION`,
// with every violation by field.
class Publisher {
 public:
  // Connects on first use. Errors as of Connect().
  static absl::StatusOr<std::unique_ptr<Publisher>> Create(
      const ConnectionOptions& connection, PublisherOptions options = {});
  static std::unique_ptr<Publisher> Create(
      std::shared_ptr<grpc::Channel> channel, PublisherOptions options = {});

  // Returns when the submission is durable at the node; its state is then
  // mostly STATE_PENDING, and Wait() goes on.
  absl::StatusOr<v1::Submission> Submit(
      const UpdateSubmission& submission,
      absl::Time deadline = absl::InfiniteFuture());

  // Called once for each, from several threads but never at the same time.
  using SubmitResult =
      std::function<void(std::size_t index, absl::StatusOr<v1::Submission>)>;

  // Submits all of `submissions`, up to `max_in_flight` at a time. Those about
  // the same instrument are sent one after the other in the order given, since
  // later ones may build on earlier ones; among others there is no order. A
  // failure does not stop the rest. Returns when all have a result.
  void SubmitMany(absl::Span<const UpdateSubmission> submissions,
                  int max_in_flight, absl::Time deadline,
                  const SubmitResult& on_result);

  // Only checks the update. Returns the warnings that it would get.
  absl::StatusOr<std::vector<v1::Warning>> Validate(
      const v1::Update& update, const v1::Audience& audience = {},
      absl::Time deadline = absl::InfiniteFuture());

  // Returns a submission as it is now. kNotFound if the node has none.
  absl::StatusOr<v1::Submission> Get(
      const std::string& submission_id,
      absl::Time deadline = absl::InfiniteFuture());

  // Waits until the submission is accepted (with the hub's receipt) or refused
  // (with its error: SubmissionError()), also across lost connections.
  // kDeadlineExceeded if it is still pending then, which is no failure of the
  // submission; the last error if the node was never reached. kNotFound if the
  // node has none.
  absl::StatusOr<v1::Submission> Wait(
      const std::string& submission_id,
      absl::Time deadline = absl::InfiniteFuture());

 private:
  Publisher(std::shared_ptr<grpc::Channel> channel, PublisherOptions options);

  const std::unique_ptr<v1::SubmissionsService::Stub> stub_;
  const PublisherOptions options_;
};

// Why the hub refused a submission; OK if it did not.
absl::Status SubmissionError(const v1::Submission& submission);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_PUBLISHER_H_
