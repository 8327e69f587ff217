// Checks a receipt that stands alone: without a server, from the federation's
// root certificate and the log's policy.
#ifndef GACETA_CLIENT_VERIFY_RECEIPT_CHECKER_H_
#define GACETA_CLIENT_VERIFY_RECEIPT_CHECKER_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gaceta/v1/statement.pb.h"
#include "verify/federation.h"
#include "verify/log_policy.h"
#include "verify/log_receipt.h"

namespace gaceta {

// A receipt and what was kept beside it.
struct ReceiptFiles {
  // The text of a `.tlog-proof` file.
  std::string receipt;
  // The signer's certificate followed by its CA's, PEM.
  std::string signer_pem;
  // The payload, if there is one.
  std::optional<std::string> payload;
};

// What a receipt has to show, in the order in which it is looked at.
enum class ReceiptFact {
  // The receipt, its leaf and the statement's header are well-formed.
  kForm,
  // The log's key signed the checkpoint, and the statement is meant for it.
  kCheckpoint,
  // A quorum of witnesses cosigned it.
  kQuorum,
  // The checkpoint's tree has the leaf at the position.
  kInclusion,
  // The certificate is the publisher's signer's, under the root.
  kSigner,
  // Its key signed the header.
  kSignature,
  // The payload is the one that the header names. Left out without a payload.
  kPayload,
};

// Whether one of them holds.
struct CheckedFact {
  ReceiptFact fact;
  absl::Status status;
};

// What came of one receipt.
struct ReceiptReport {
  // In order. What stands on a fact that does not hold is left out.
  std::vector<CheckedFact> facts;
  // Valid if kForm holds.
  LogReceipt receipt;
  v1::StatementHeader header;
  // Valid if kCheckpoint holds.
  LogPolicy::Opened checkpoint;

  bool AllHold() const;
};

// What it cannot see: whether the signer's key was revoked before that
// position. The registry says so, and whoever has the log knows.
//
// Thread safety: immutable.
class ReceiptChecker {
 public:
  // `root_pem`: certificates of the federation's root. `federation`: its
  // domain; if it is empty, a log's origin `hub.<domain>/log` says it.
  // kInvalidArgument if there is no certificate.
  static absl::StatusOr<ReceiptChecker> Create(std::string root_pem,
                                               LogPolicy policy,
                                               std::string federation);

  // Errors in the facts: kInvalidArgument for kForm, kDataLoss for the log's
  // part (reasons as of VerifyLogReceipt(), or `WRONG_LOG`), kUnauthenticated
  // or kInvalidArgument for the statement's.
  ReceiptReport Check(const ReceiptFiles& files) const;

 private:
  ReceiptChecker(std::string root_pem, LogPolicy policy, std::string federation)
      : root_pem_(std::move(root_pem)),
        policy_(std::move(policy)),
        federation_(std::move(federation)) {}

  void CheckLog(ReceiptReport* report) const;
  // Returns the signer's key if it is that of the header's publisher.
  absl::StatusOr<PublicKey> CheckSigner(const v1::StatementHeader& header,
                                        const v1::Leaf& leaf,
                                        absl::string_view signer_pem) const;

  std::string root_pem_;
  LogPolicy policy_;
  std::string federation_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_RECEIPT_CHECKER_H_
