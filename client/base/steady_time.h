// Time for intervals: no person and no time server moves it.
#ifndef GACETA_CLIENT_BASE_STEADY_TIME_H_
#define GACETA_CLIENT_BASE_STEADY_TIME_H_

#include <chrono>

#include "absl/time/time.h"

namespace gaceta {

// Returns the time of a clock that never goes back or jumps. Only differences
// between two such times mean something.
inline absl::Time SteadyNow() {
  return absl::UnixEpoch() +
         absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace gaceta

#endif  // GACETA_CLIENT_BASE_STEADY_TIME_H_
