#include "server/hub/rate_limiter.h"

#include <algorithm>

namespace gaceta {

absl::Duration RateLimiter::Take(absl::string_view identity, absl::Time now) {
  absl::MutexLock lock(&mu_);
  auto [found, first] =
      buckets_.try_emplace(identity, Bucket{options_.burst, now});
  Bucket& bucket = found->second;
  const double seconds =
      std::max(0.0, absl::ToDoubleSeconds(now - bucket.filled));
  bucket.tokens =
      std::min(options_.burst, bucket.tokens + seconds * options_.per_second);
  bucket.filled = now;
  // Below zero it is owed: who takes next waits longer.
  bucket.tokens -= 1;
  if (bucket.tokens >= 0) return absl::ZeroDuration();
  return absl::Seconds(-bucket.tokens / options_.per_second);
}

}  // namespace gaceta
