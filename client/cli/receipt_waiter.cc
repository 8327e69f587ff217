#include "cli/receipt_waiter.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "cli/end_by_signal.h"

namespace gaceta::cli {
namespace {

constexpr int kThreads = 8;
// How soon a signal that asks to end is noticed.
constexpr absl::Duration kSignalInterval = absl::Seconds(2);

}  // namespace

ReceiptWaiter::ReceiptWaiter(client::Publisher& publisher,
                             PublishReport& report, absl::Duration patience)
    : publisher_(publisher), report_(report), patience_(patience) {
  for (int i = 0; i < kThreads; ++i) {
    threads_.emplace_back([this] { Run(); });
  }
}

ReceiptWaiter::~ReceiptWaiter() { Finish(); }

void ReceiptWaiter::Add(ReportedUpdate update, v1::Submission submission) {
  std::int64_t waiting = 0;
  {
    absl::MutexLock lock(&mu_);
    queue_.emplace_back(std::move(update), std::move(submission));
    waiting = static_cast<std::int64_t>(queue_.size());
  }
  report_.SetWaiting(waiting);
}

void ReceiptWaiter::Finish() {
  {
    absl::MutexLock lock(&mu_);
    finished_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ReceiptWaiter::Run() {
  const auto has_work = [this] {
    mu_.AssertReaderHeld();
    return finished_ || !queue_.empty();
  };
  while (true) {
    Item item;
    std::int64_t waiting = 0;
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(&has_work));
      if (queue_.empty()) return;
      item = std::move(queue_.front());
      queue_.pop_front();
      waiting = static_cast<std::int64_t>(queue_.size());
    }
    report_.SetWaiting(waiting);
    WaitFor(item);
  }
}

void ReceiptWaiter::WaitFor(const Item& item) {
  const auto& [update, taken] = item;
  const absl::Time deadline = absl::Now() + patience_;
  absl::StatusOr<v1::Submission> submission;
  do {
    submission =
        publisher_.Wait(update.submission_id,
                        std::min(deadline, absl::Now() + kSignalInterval));
  } while ((absl::IsDeadlineExceeded(submission.status()) ||
            absl::IsUnavailable(submission.status())) &&
           absl::Now() < deadline && !EndBySignal::IsAsked());
  if (!submission.ok()) {
    // The node has it and goes on; only our patience ended.
    if (absl::IsDeadlineExceeded(submission.status()) ||
        absl::IsUnavailable(submission.status())) {
      report_.Pending(update, taken);
    } else {
      report_.Failed(update, Phrase::kError, submission.status());
    }
    return;
  }
  if (absl::Status why = client::SubmissionError(*submission); !why.ok()) {
    report_.Failed(update, Phrase::kRefused, why);
    return;
  }
  report_.Accepted(update, *submission);
}

}  // namespace gaceta::cli
