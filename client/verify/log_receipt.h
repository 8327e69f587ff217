// A receipt that stands alone (C2SP tlog-proof): a leaf, the proof that a
// checkpoint's tree has it, and that checkpoint with its cosignatures.
#ifndef GACETA_CLIENT_VERIFY_LOG_RECEIPT_H_
#define GACETA_CLIENT_VERIFY_LOG_RECEIPT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verify/log_policy.h"
#include "verify/merkle.h"

namespace gaceta {

struct LogReceipt {
  // The leaf's data.
  std::string leaf;
  std::int64_t index = 0;
  // From the leaf's sibling up.
  std::vector<TreeHash> proof;
  // A note.
  std::string checkpoint;
};

// The text of a `.tlog-proof` file.
std::string FormatLogReceipt(const LogReceipt& receipt);
// kInvalidArgument says what is wrong.
absl::StatusOr<LogReceipt> ParseLogReceipt(absl::string_view text);

// Checks checkpoint, quorum and proof. kDataLoss, reasons as of LogPolicy and
// VerifyInclusion(), or `QUORUM_MISSING`. The leaf itself is not looked into.
absl::StatusOr<LogPolicy::Opened> VerifyLogReceipt(const LogReceipt& receipt,
                                                   const LogPolicy& policy);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_LOG_RECEIPT_H_
