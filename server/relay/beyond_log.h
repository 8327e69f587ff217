// What a caller is told who asks for what the log does not have yet.
#ifndef GACETA_SERVER_RELAY_BEYOND_LOG_H_
#define GACETA_SERVER_RELAY_BEYOND_LOG_H_

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "server/log/log_store.h"

namespace gaceta {

// kOutOfRange, reason `POSITION_BEYOND_END`: `field` of a request is
// `position`, and readers see the log up to `end`.
inline absl::Status BeyondLog(absl::string_view field, Position position,
                              Position end) {
  return WithReason(
      absl::OutOfRangeError(
          absl::StrCat(field, ": is ", position, ", the log ends at ", end)),
      "POSITION_BEYOND_END",
      {{"position", absl::StrCat(position)}, {"log_size", absl::StrCat(end)}});
}

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_BEYOND_LOG_H_
