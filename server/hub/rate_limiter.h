// How fast one identity may publish.
#ifndef GACETA_SERVER_HUB_RATE_LIMITER_H_
#define GACETA_SERVER_HUB_RATE_LIMITER_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace gaceta {

// A token bucket for each identity: a burst at once, then a steady rate. It
// refuses nothing; it says how long to wait.
//
// Thread safety: all methods may be called concurrently.
class RateLimiter {
 public:
  struct Options {
    double per_second = 200;
    // Enough for a back-catalogue.
    double burst = 10'000;
  };

  explicit RateLimiter(Options options) : options_(options) {}

  // Takes one token of `identity` and returns how long its owner has to wait
  // before it counts as taken; zero within the burst.
  absl::Duration Take(absl::string_view identity, absl::Time now);

 private:
  struct Bucket {
    double tokens;
    absl::Time filled;
  };

  const Options options_;
  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Bucket> buckets_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_RATE_LIMITER_H_
