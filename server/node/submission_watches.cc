#include "server/node/submission_watches.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errors/errors.h"
#include "errors/grpc_status.h"

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

class Refusal : public SubmissionWatches::Reactor {
 public:
  explicit Refusal(const absl::Status& status) { Finish(ToGrpc(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

SubmissionWatches::Reactor* RefuseWatch(const absl::Status& status) {
  return new Refusal(status);
}

// At most one message is under way; Finish() waits for it.
class SubmissionWatches::Watch : public SubmissionWatches::Reactor {
 public:
  Watch(SubmissionWatches* owner, std::string submission_id)
      : owner_(owner), submission_id_(std::move(submission_id)) {}

  const std::string& submission_id() const { return submission_id_; }

  // The submission is to be sent (again).
  void Notify() {
    {
      absl::MutexLock lock(&mu_);
      dirty_ = true;
    }
    Advance();
  }

  void End(const absl::Status& status) {
    {
      absl::MutexLock lock(&mu_);
      if (!end_.has_value()) end_ = status;
    }
    Advance();
  }

  void OnWriteDone(bool ok) override {
    {
      absl::MutexLock lock(&mu_);
      writing_ = false;
      if (!ok && !end_.has_value()) end_ = absl::CancelledError("client left");
    }
    Advance();
  }

  void OnCancel() override { End(absl::CancelledError("client left")); }

  void OnDone() override { owner_->Remove(this); }

 private:
  // Does what is next, if nothing is under way.
  void Advance() {
    bool write = false;
    {
      absl::MutexLock lock(&mu_);
      if (writing_ || finished_) return;
      if (dirty_ && !end_.has_value()) write = PrepareMessage();
      if (write) {
        writing_ = true;
      } else if (end_.has_value()) {
        finished_ = true;
      } else {
        return;
      }
    }
    // Not under the lock: gRPC may call back on this thread. Nobody changes
    // what is used here while a message is under way or all is finished.
    if (write) {
      StartWrite(&response_);
    } else {
      Finish(ToGrpc(*end_));
    }
  }

  // Reads the submission; false, with `end_` set, if there is none any more.
  bool PrepareMessage() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    dirty_ = false;
    auto submission = owner_->source_(submission_id_);
    if (!submission.ok()) {
      end_ = submission.status();
      return false;
    }
    // What follows the last message is the end.
    if (IsOver(*submission)) end_ = absl::OkStatus();
    *response_.mutable_submission() = *std::move(submission);
    return true;
  }

  SubmissionWatches* const owner_;
  const std::string submission_id_;

  absl::Mutex mu_;
  // Changed only while no message is under way.
  v1::WatchSubmissionResponse response_;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool dirty_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  // How the call is to end, once it is; never changed after that.
  std::optional<absl::Status> end_;
};

SubmissionWatches::Reactor* SubmissionWatches::Start(
    const std::string& submission_id) {
  auto watch = std::make_shared<Watch>(this, submission_id);
  bool draining = false;
  {
    absl::MutexLock lock(&mu_);
    draining = draining_;
    watches_.emplace(submission_id, watch);
  }
  // It is among the watches before it reads, so that no change is missed.
  if (draining) {
    watch->End(Draining());
  } else {
    watch->Notify();
  }
  return watch.get();
}

void SubmissionWatches::Changed(
    const std::vector<std::string>& submission_ids) {
  std::vector<std::shared_ptr<Watch>> changed;
  {
    absl::MutexLock lock(&mu_);
    if (watches_.empty()) return;
    for (const std::string& id : submission_ids) {
      auto [begin, end] = watches_.equal_range(id);
      for (auto found = begin; found != end; ++found) {
        changed.push_back(found->second);
      }
    }
  }
  for (const std::shared_ptr<Watch>& watch : changed) watch->Notify();
}

void SubmissionWatches::Drain() {
  std::vector<std::shared_ptr<Watch>> all;
  {
    absl::MutexLock lock(&mu_);
    draining_ = true;
    for (const auto& [id, watch] : watches_) all.push_back(watch);
  }
  for (const std::shared_ptr<Watch>& watch : all) watch->End(Draining());
}

void SubmissionWatches::Remove(const Watch* watch) {
  // Let go of outside the lock, since it may be the last reference.
  std::shared_ptr<Watch> gone;
  absl::MutexLock lock(&mu_);
  auto [begin, end] = watches_.equal_range(watch->submission_id());
  for (auto found = begin; found != end; ++found) {
    if (found->second.get() == watch) {
      gone = std::move(found->second);
      watches_.erase(found);
      return;
    }
  }
}

}  // namespace gaceta
