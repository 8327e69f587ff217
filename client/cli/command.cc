#include "cli/command.h"

#include "errors/errors.h"

namespace gaceta::cli {
namespace {

constexpr absl::string_view kUsageReason = "WRONG_USAGE";

}  // namespace

absl::Status UsageError(absl::string_view text) {
  return WithReason(absl::InvalidArgumentError(text), kUsageReason);
}

int ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return kExitDone;
  if (absl::IsDataLoss(status)) return kExitVerificationFailed;
  // Witnesses that should have vouched for it have not.
  if (absl::IsFailedPrecondition(status) &&
      Reason(status) == "QUORUM_MISSING") {
    return kExitVerificationFailed;
  }
  return Reason(status) == kUsageReason ? kExitUsage : kExitFailed;
}

}  // namespace gaceta::cli
