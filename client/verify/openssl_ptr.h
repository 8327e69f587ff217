// Owners of OpenSSL's objects.
#ifndef GACETA_CLIENT_VERIFY_OPENSSL_PTR_H_
#define GACETA_CLIENT_VERIFY_OPENSSL_PTR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "openssl/bio.h"
#include "openssl/err.h"
#include "openssl/evp.h"
#include "openssl/pem.h"
#include "openssl/x509.h"
#include "openssl/x509_vfy.h"
#include "openssl/x509v3.h"

namespace gaceta {

struct OpensslDeleter {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(EVP_PKEY_CTX* p) const { EVP_PKEY_CTX_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_CRL* p) const { X509_CRL_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(GENERAL_NAMES* p) const { GENERAL_NAMES_free(p); }
  void operator()(NAME_CONSTRAINTS* p) const { NAME_CONSTRAINTS_free(p); }
};

template <typename T>
using OpensslPtr = std::unique_ptr<T, OpensslDeleter>;

inline OpensslPtr<BIO> BioOf(absl::string_view text) {
  return OpensslPtr<BIO>(
      BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// Null if `der` is no certificate.
inline OpensslPtr<X509> X509FromDer(absl::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  return OpensslPtr<X509>(
      d2i_X509(nullptr, &bytes, static_cast<long>(der.size())));
}

// Every certificate of a PEM text, in order.
inline std::vector<OpensslPtr<X509>> X509sFromPem(absl::string_view pem) {
  std::vector<OpensslPtr<X509>> certificates;
  const OpensslPtr<BIO> bio = BioOf(pem);
  while (X509* certificate =
             PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  // Reading beyond the last one leaves "no start line" behind.
  ERR_clear_error();
  return certificates;
}

inline std::string X509ToDer(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return "";
  std::string der(reinterpret_cast<char*>(bytes),
                  static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

inline std::string Asn1Bytes(const ASN1_STRING* value) {
  return std::string(
      reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
      static_cast<std::size_t>(ASN1_STRING_length(value)));
}

// The URI names of a certificate.
inline std::vector<std::string> X509Uris(const X509* certificate) {
  std::vector<std::string> uris;
  const OpensslPtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get());
       ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    uris.push_back(Asn1Bytes(name->d.uniformResourceIdentifier));
  }
  return uris;
}

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_OPENSSL_PTR_H_
