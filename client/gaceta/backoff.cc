#include "gaceta/backoff.h"

#include <algorithm>

namespace gaceta::client {

absl::Duration Backoff::Next() {
  const absl::Duration grown = next_;
  next_ = std::min(options_.max, next_ * options_.multiplier);
  return grown * absl::Uniform(random_, 0.5, 1.0);
}

}  // namespace gaceta::client
