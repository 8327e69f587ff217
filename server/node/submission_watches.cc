#include "server/node/submission_watches.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "grpcpp/support/async_stream.h"
#include "server/rpc/call.h"

namespace gaceta {
namespace {

absl::Status Draining() {
  return WithReason(
      absl::UnavailableError("the node shuts down; ask again in a moment"),
      "DRAINING");
}

bool IsOver(const v1::Submission& submission) {
  return submission.state() == v1::Submission::STATE_ACCEPTED ||
         submission.state() == v1::Submission::STATE_REFUSED;
}

}  // namespace

// At most one message is being read or written; the end waits for it.
class SubmissionWatches::Watch : public Call {
 public:
  Watch(SubmissionWatches* owner, AsyncSubmissionsService* service,
        OpenCalls* calls)
      : Call(calls), owner_(owner), writer_(context()) {
    service->RequestWatchSubmission(context(), &request_, &writer_,
                                    loop()->queue(), loop()->queue(),
                                    WaitForCall());
  }

  // The submission is to be sent (again).
  void Notify() {
    dirty_ = true;
    Advance();
  }

  void Drain() override { End(Draining()); }

 private:
  void OnOpen() override {
    auto agency = owner_->agency_of_(*context());
    if (!agency.ok()) {
      End(agency.status());
      return;
    }
    agency_ = *std::move(agency);
    // It is among the watches before it reads, so that no change is missed.
    owner_->watches_.emplace(request_.submission_id(), this);
    Notify();
  }

  void OnOver() override {
    auto [begin, end] = owner_->watches_.equal_range(request_.submission_id());
    for (auto found = begin; found != end; ++found) {
      if (found->second == this) {
        owner_->watches_.erase(found);
        return;
      }
    }
  }

  void End(const absl::Status& status) {
    if (!end_.has_value()) end_ = status;
    Advance();
  }

  // Does what is next, if nothing is under way.
  void Advance() {
    if (is_over() || busy_ || finished_) return;
    if (end_.has_value()) {
      finished_ = true;
      writer_.Finish(ToGrpc(*end_), finish_.Begin());
    } else if (dirty_) {
      dirty_ = false;
      Read();
    }
  }

  void Read() {
    busy_ = true;
    Expect();
    owner_->reader_.Add([this] {
      auto submission = owner_->source_(agency_, request_.submission_id());
      loop()->Post([this, submission = std::move(submission)]() mutable {
        busy_ = false;
        OnSubmission(std::move(submission));
        Returned();
      });
    });
  }

  void OnSubmission(absl::StatusOr<v1::Submission> submission) {
    if (is_over()) return;
    if (!submission.ok()) {
      End(submission.status());
    } else if (end_.has_value()) {
      Advance();
    } else {
      // What follows the last message is the end.
      if (IsOver(*submission)) end_ = absl::OkStatus();
      v1::WatchSubmissionResponse response;
      *response.mutable_submission() = *std::move(submission);
      busy_ = true;
      writer_.Write(response, write_.Begin());
    }
  }

  void OnWritten(bool ok) {
    busy_ = false;
    if (!ok && !end_.has_value()) end_ = absl::CancelledError("client left");
    Advance();
  }

  void OnFinished(bool /*ok*/) {}

  SubmissionWatches* const owner_;
  v1::WatchSubmissionRequest request_;
  grpc::ServerAsyncWriter<v1::WatchSubmissionResponse> writer_;
  Step<Watch> write_{this, &Watch::OnWritten};
  Step<Watch> finish_{this, &Watch::OnFinished};

  // Set when it is open, then read by the reading thread, too.
  std::string agency_;
  // A message is being read or written.
  bool busy_ = false;
  bool dirty_ = false;
  bool finished_ = false;
  // How the call is to end, once it is.
  std::optional<absl::Status> end_;
};

SubmissionWatches::SubmissionWatches(AsyncSubmissionsService* service,
                                     CallLoop* loop, AgencyOf agency_of,
                                     Source source)
    : agency_of_(std::move(agency_of)),
      source_(std::move(source)),
      calls_(loop, [this, service] {
        return std::make_unique<Watch>(this, service, &calls_);
      }) {}

void SubmissionWatches::Changed(
    const std::vector<std::string>& submission_ids) {
  // One that comes now reads what has changed already.
  if (calls_.open() == 0) return;
  calls_.loop()->Post([this, ids = submission_ids] {
    for (const std::string& id : ids) {
      auto [begin, end] = watches_.equal_range(id);
      for (auto found = begin; found != end; ++found) found->second->Notify();
    }
  });
}

}  // namespace gaceta
