// How long to wait before the next attempt at something that failed.
#ifndef GACETA_CLIENT_GACETA_BACKOFF_H_
#define GACETA_CLIENT_GACETA_BACKOFF_H_

#include "absl/random/random.h"
#include "absl/time/time.h"

namespace gaceta::client {

struct BackoffOptions {
  // The first wait. Shorter finds a server sooner that was away for a moment.
  absl::Duration initial = absl::Milliseconds(100);
  // The longest wait. Shorter asks a server more often that is away for hours.
  absl::Duration max = absl::Seconds(10);
  // Each wait is so many times the one before.
  double multiplier = 1.7;
};

// Waits that grow, with jitter, so that a thousand clients of a server that
// comes back do not all call at once.
//
// Thread safety: none.
class Backoff {
 public:
  explicit Backoff(const BackoffOptions& options)
      : options_(options), next_(options.initial) {}

  // Returns the next wait: between half of the grown wait and all of it.
  absl::Duration Next();

  // After a success: the next wait is the first again.
  void Reset() { next_ = options_.initial; }

 private:
  const BackoffOptions options_;
  absl::Duration next_;
  absl::BitGen random_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_BACKOFF_H_
