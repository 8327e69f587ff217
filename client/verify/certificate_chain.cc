#include "verify/certificate_chain.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace gaceta {
namespace {

std::string X509Error(X509_STORE_CTX* context) {
  return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
}

// Checks how a certificate came to the root: a CA (no `intermediates`) at once,
// a leaf through exactly one of `intermediates`. OpenSSL alone would also take
// a leaf that the root signed itself, which no CA's name constraints bind.
absl::Status CheckPath(const STACK_OF(X509) * chain,
                       const std::vector<X509*>& intermediates) {
  const bool is_ca = intermediates.empty();
  const int size = sk_X509_num(chain);
  const int expected = is_ca ? 2 : 3;
  if (size != expected) {
    return absl::UnauthenticatedError(absl::StrCat(
        "the chain has ", size, " certificates, expected ", expected, ": ",
        is_ca ? "a CA's and the root's"
              : "a program's, its CA's and the root's"));
  }
  if (is_ca || std::any_of(intermediates.begin(), intermediates.end(),
                           [ca = sk_X509_value(chain, 1)](const X509* one) {
                             return X509_cmp(one, ca) == 0;
                           })) {
    return absl::OkStatus();
  }
  return absl::UnauthenticatedError("the chain has another CA than expected");
}

}  // namespace

absl::Status CheckCertificateChain(X509* certificate,
                                   const std::vector<X509*>& intermediates,
                                   const std::vector<OpensslPtr<X509>>& roots,
                                   std::optional<absl::Time> now) {
  const OpensslPtr<X509_STORE> store(X509_STORE_new());
  for (const auto& root : roots) X509_STORE_add_cert(store.get(), root.get());
  STACK_OF(X509)* untrusted = sk_X509_new_null();
  for (X509* one : intermediates) sk_X509_push(untrusted, one);
  const OpensslPtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  absl::Status status;
  if (X509_STORE_CTX_init(context.get(), store.get(), certificate, untrusted) !=
      1) {
    status = absl::InternalError("cannot check a certificate");
  } else {
    if (now.has_value()) {
      X509_STORE_CTX_set_time(context.get(), 0, absl::ToTimeT(*now));
    } else {
      X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME);
    }
    if (X509_verify_cert(context.get()) != 1) {
      status = absl::UnauthenticatedError(X509Error(context.get()));
    } else {
      status =
          CheckPath(X509_STORE_CTX_get0_chain(context.get()), intermediates);
    }
  }
  sk_X509_free(untrusted);
  ERR_clear_error();
  return status;
}

absl::Status CheckLeafForm(X509* leaf, const SpiffeId& expected) {
  const std::vector<std::string> uris = X509Uris(leaf);
  if (uris.size() != 1 || uris[0] != expected.ToString()) {
    return absl::UnauthenticatedError(
        absl::StrCat("certificate names ", uris.size(), " URIs, expected only ",
                     expected.ToString()));
  }
  if (X509_check_ca(leaf) != 0) {
    return absl::UnauthenticatedError(
        "certificate is a CA's, expected one of a program");
  }
  // Without the extension OpenSSL says that every usage is allowed.
  if ((X509_get_extension_flags(leaf) & EXFLAG_KUSAGE) == 0 ||
      (X509_get_key_usage(leaf) & KU_DIGITAL_SIGNATURE) == 0) {
    return absl::UnauthenticatedError(
        "certificate has no key usage digitalSignature");
  }
  return absl::OkStatus();
}

}  // namespace gaceta
