// The files of a receipt, as `log prove` writes and `receipts verify` reads
// them.
#ifndef GACETA_CLIENT_CLI_RECEIPT_FILES_H_
#define GACETA_CLIENT_CLI_RECEIPT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verify/receipt_checker.h"

namespace gaceta::cli {

// Where they are: the receipt, and beside it what goes with it.
struct ReceiptPaths {
  std::string receipt;
  // The signer's certificate followed by its CA's, PEM.
  std::string signer;
  std::string payload;
};

// `law.payload` and `law.signer.pem` beside `law.tlog-proof`.
ReceiptPaths PathsBeside(const std::string& receipt);

// kNotFound names the file that is missing; a payload may be.
absl::StatusOr<ReceiptFiles> ReadReceiptFiles(const ReceiptPaths& paths);

// Certificates in DER as PEM, one after the other. kInternal if one is none.
absl::StatusOr<std::string> CertificatesToPem(
    const std::vector<std::string>& certificates);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_RECEIPT_FILES_H_
