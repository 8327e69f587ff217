#include "gaceta/publisher.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/retry.h"
#include "verify/statement.h"

namespace gaceta::client {
namespace {

bool IsOver(const v1::Submission& submission) {
  return submission.state() == v1::Submission::STATE_ACCEPTED ||
         submission.state() == v1::Submission::STATE_REFUSED;
}

absl::Status CheckId(const std::string& submission_id) {
  if (IsStatementId(submission_id)) return absl::OkStatus();
  return InvalidField("submission_id", "expected a UUID in lower case");
}

}  // namespace

Publisher::Publisher(std::shared_ptr<grpc::Channel> channel,
                     PublisherOptions options)
    : stub_(v1::SubmissionsService::NewStub(channel)), options_(options) {}

absl::StatusOr<std::unique_ptr<Publisher>> Publisher::Create(
    const ConnectionOptions& connection, PublisherOptions options) {
  auto channel = Connect(connection);
  if (!channel.ok()) return channel.status();
  return Create(*std::move(channel), options);
}

std::unique_ptr<Publisher> Publisher::Create(
    std::shared_ptr<grpc::Channel> channel, PublisherOptions options) {
  return std::unique_ptr<Publisher>(new Publisher(std::move(channel), options));
}

absl::StatusOr<v1::Submission> Publisher::Submit(
    const UpdateSubmission& submission, absl::Time deadline) {
  if (absl::Status s = CheckId(submission.submission_id); !s.ok()) return s;
  v1::SubmitUpdateRequest request;
  request.set_submission_id(submission.submission_id);
  *request.mutable_update() = submission.update;
  *request.mutable_audience() = submission.audience;

  v1::SubmitUpdateResponse response;
  const absl::Status status =
      Retry({options_.backoff, deadline, options_.attempt_timeout},
            [&](grpc::ClientContext* context, bool* /*progress*/) {
              return FromGrpc(stub_->SubmitUpdate(context, request, &response));
            });
  if (!status.ok()) return status;
  return std::move(*response.mutable_submission());
}

void Publisher::SubmitMany(absl::Span<const UpdateSubmission> submissions,
                           int max_in_flight, absl::Time deadline,
                           const SubmitResult& on_result) {
  // An instrument belongs to one lane, so its updates stay in order.
  const std::size_t lanes = std::clamp<std::size_t>(
      static_cast<std::size_t>(std::max(max_in_flight, 1)), 1,
      std::max<std::size_t>(submissions.size(), 1));
  absl::Mutex result_mu;
  const auto run_lane = [&](std::size_t lane) {
    for (std::size_t i = 0; i < submissions.size(); ++i) {
      const std::string& instrument = submissions[i].update.instrument().uri();
      if (absl::HashOf(instrument) % lanes != lane) continue;
      auto result = Submit(submissions[i], deadline);
      absl::MutexLock lock(&result_mu);
      on_result(i, std::move(result));
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t lane = 1; lane < lanes; ++lane) {
    threads.emplace_back(run_lane, lane);
  }
  run_lane(0);
  for (std::thread& thread : threads) thread.join();
}

absl::StatusOr<std::vector<v1::Warning>> Publisher::Validate(
    const v1::Update& update, const v1::Audience& audience,
    absl::Time deadline) {
  v1::SubmitUpdateRequest request;
  request.set_submission_id(NewStatementId());
  *request.mutable_update() = update;
  *request.mutable_audience() = audience;
  request.set_validate_only(true);

  v1::SubmitUpdateResponse response;
  const absl::Status status =
      Retry({options_.backoff, deadline, options_.attempt_timeout},
            [&](grpc::ClientContext* context, bool* /*progress*/) {
              return FromGrpc(stub_->SubmitUpdate(context, request, &response));
            });
  if (!status.ok()) return status;
  const auto& warnings = response.submission().warnings();
  return std::vector<v1::Warning>(warnings.begin(), warnings.end());
}

absl::StatusOr<v1::Submission> Publisher::Get(const std::string& submission_id,
                                              absl::Time deadline) {
  v1::GetSubmissionRequest request;
  request.set_submission_id(submission_id);
  v1::GetSubmissionResponse response;
  const absl::Status status = Retry(
      {options_.backoff, deadline, options_.attempt_timeout},
      [&](grpc::ClientContext* context, bool* /*progress*/) {
        return FromGrpc(stub_->GetSubmission(context, request, &response));
      });
  if (!status.ok()) return status;
  return std::move(*response.mutable_submission());
}

absl::StatusOr<v1::Submission> Publisher::Wait(const std::string& submission_id,
                                               absl::Time deadline) {
  v1::WatchSubmissionRequest request;
  request.set_submission_id(submission_id);
  v1::Submission last;
  const auto watch = [&](grpc::ClientContext* context, bool* progress) {
    v1::WatchSubmissionResponse response;
    auto reader = stub_->WatchSubmission(context, request);
    while (reader->Read(&response)) {
      *progress = true;
      last = std::move(*response.mutable_submission());
    }
    absl::Status status = FromGrpc(reader->Finish());
    // A stream that ends early, whatever it says, is opened again.
    if (status.ok() && !IsOver(last)) {
      status = absl::UnavailableError("the stream ended early");
    }
    return IsOver(last) ? absl::OkStatus() : status;
  };
  // A submission may be pending for days, so an attempt may last; it is renewed
  // now and then in case the stream has died unnoticed.
  const absl::Status status =
      Retry({options_.backoff, deadline, absl::Minutes(10)}, watch);
  // Retry() gives up on what passes at the deadline alone.
  if (!status.ok() && MayPass(status) &&
      last.state() == v1::Submission::STATE_PENDING) {
    return absl::DeadlineExceededError(absl::StrCat(
        "submission ", submission_id, " is pending: ", status.message()));
  }
  if (!status.ok()) return status;
  return last;
}

absl::Status SubmissionError(const v1::Submission& submission) {
  if (submission.state() != v1::Submission::STATE_REFUSED) {
    return absl::OkStatus();
  }
  return FromRpcStatus(submission.error());
}

}  // namespace gaceta::client
