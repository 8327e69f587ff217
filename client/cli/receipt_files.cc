#include "cli/receipt_files.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gaceta/file_io.h"
#include "verify/openssl_ptr.h"

namespace gaceta::cli {

ReceiptPaths PathsBeside(const std::string& receipt) {
  absl::string_view stem = receipt;
  absl::ConsumeSuffix(&stem, ".tlog-proof");
  return {receipt, absl::StrCat(stem, ".signer.pem"),
          absl::StrCat(stem, ".payload")};
}

absl::StatusOr<ReceiptFiles> ReadReceiptFiles(const ReceiptPaths& paths) {
  auto receipt = client::ReadFile(paths.receipt);
  if (!receipt.ok()) return receipt.status();
  auto signer = client::ReadFile(paths.signer);
  if (!signer.ok()) return signer.status();
  ReceiptFiles files{*std::move(receipt), *std::move(signer), std::nullopt};
  auto payload = client::ReadFile(paths.payload);
  if (payload.ok()) {
    files.payload = *std::move(payload);
  } else if (!absl::IsNotFound(payload.status())) {
    return payload.status();
  }
  return files;
}

absl::StatusOr<std::string> CertificatesToPem(
    const std::vector<std::string>& certificates) {
  const OpensslPtr<BIO> bio(BIO_new(BIO_s_mem()));
  for (const std::string& der : certificates) {
    const OpensslPtr<X509> certificate = X509FromDer(der);
    if (certificate == nullptr ||
        PEM_write_bio_X509(bio.get(), certificate.get()) != 1) {
      return absl::InternalError("a certificate of the registry is none");
    }
  }
  char* pem = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &pem);
  return std::string(pem, static_cast<std::size_t>(size));
}

}  // namespace gaceta::cli
