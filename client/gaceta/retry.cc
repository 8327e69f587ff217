#include "gaceta/retry.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"

namespace gaceta::client {

bool MayPass(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kAborted:
    // Nobody but a server that shuts down cancels these calls, and nobody but
    // Retry() gives their attempts a deadline.
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kDeadlineExceeded:
      return true;
    case absl::StatusCode::kResourceExhausted: {
      const std::string reason = Reason(status);
      return reason == "RATE_LIMITED" || reason == "OUTBOX_FULL";
    }
    default:
      return false;
  }
}

void SetDeadline(absl::Time deadline, grpc::ClientContext* context) {
  if (deadline != absl::InfiniteFuture()) {
    context->set_deadline(absl::ToChronoTime(deadline));
  }
}

absl::Status Retry(const RetryOptions& options, const Attempt& attempt) {
  Backoff backoff(options.backoff);
  for (int attempts = 1;; ++attempts) {
    grpc::ClientContext context;
    SetDeadline(
        std::min(options.deadline, absl::Now() + options.attempt_timeout),
        &context);
    bool progress = false;
    const absl::Status status = attempt(&context, &progress);
    if (status.ok() || !MayPass(status)) return status;

    if (progress) backoff.Reset();
    const absl::Duration wait = backoff.Next();
    if (absl::Now() + wait >= options.deadline) {
      return Annotate(status,
                      absl::StrCat("gave up after ", attempts, " attempts"));
    }
    absl::SleepFor(wait);
  }
}

}  // namespace gaceta::client
