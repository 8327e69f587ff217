// Calls a server again after failures that pass. Used inside the client library
// alone.
#ifndef GACETA_CLIENT_GACETA_RETRY_H_
#define GACETA_CLIENT_GACETA_RETRY_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "grpcpp/client_context.h"

namespace gaceta::client {

// Whether the same call may succeed soon, nothing having changed but time.
bool MayPass(const absl::Status& status);

// Gives `context` a deadline; none if it is infinite.
void SetDeadline(absl::Time deadline, grpc::ClientContext* context);

struct RetryOptions {
  BackoffOptions backoff;
  absl::Time deadline = absl::InfiniteFuture();
  // An attempt that takes longer is given up and made again.
  absl::Duration attempt_timeout = absl::Seconds(30);
};

// One attempt: makes a call on `context`, which has its deadline. It may set
// `*progress`: then waits are short again.
using Attempt =
    std::function<absl::Status(grpc::ClientContext* context, bool* progress)>;

// Makes attempts until one succeeds, or fails for good, or the deadline has
// come; returns the last one's status. At least one is made.
absl::Status Retry(const RetryOptions& options, const Attempt& attempt);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_RETRY_H_
