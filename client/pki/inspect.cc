#include "pki/inspect.h"

#include <ctime>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "openssl/bn.h"
#include "verify/digest.h"
#include "verify/openssl_ptr.h"
#include "verify/server_names.h"

namespace gaceta::pki {
namespace {

std::string NameLine(const X509_NAME* name) {
  const OpensslPtr<BIO> bio(BIO_new(BIO_s_mem()));
  // One line, in the order of the certificate, with accents as they are.
  X509_NAME_print_ex(
      bio.get(), name, 0,
      XN_FLAG_ONELINE & ~(ASN1_STRFLGS_ESC_MSB | XN_FLAG_SPC_EQ));
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return size > 0 ? std::string(bytes, static_cast<std::size_t>(size)) : "";
}

absl::Time ToTime(const ASN1_TIME* time) {
  struct tm parts {};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return absl::InfinitePast();
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string KeyAlgorithm(const EVP_PKEY* key) {
  if (key == nullptr) return "unknown";
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) return "Ed25519";
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
    char group[64] = {};
    std::size_t size = 0;
    EVP_PKEY_get_group_name(key, group, sizeof group, &size);
    const absl::string_view name(group);
    return absl::StrCat("ECDSA ", name == "prime256v1" ? "P-256" : name);
  }
  const char* name = EVP_PKEY_get0_type_name(key);
  return absl::StrCat(name == nullptr ? "unknown" : name, " ",
                      EVP_PKEY_get_bits(key), " bits");
}

std::string KeyId(X509* certificate) {
  unsigned char* spki = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &spki);
  if (size <= 0) return "";
  std::string id =
      Sha256({reinterpret_cast<char*>(spki), static_cast<std::size_t>(size)});
  OPENSSL_free(spki);
  return id;
}

std::string Serial(X509* certificate) {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  return ToHex({reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
                static_cast<std::size_t>(ASN1_STRING_length(serial))});
}

CertificateFacts FactsOf(X509* certificate) {
  CertificateFacts facts;
  if (X509_check_ca(certificate) != 0) {
    facts.kind = (X509_get_extension_flags(certificate) & EXFLAG_SS) != 0
                     ? CertificateFacts::Kind::kRoot
                     : CertificateFacts::Kind::kCa;
  }
  facts.subject = NameLine(X509_get_subject_name(certificate));
  facts.issuer = NameLine(X509_get_issuer_name(certificate));
  facts.uris = X509Uris(certificate);
  ServerNames names = X509ServerNames(certificate);
  facts.dns_names = std::move(names.dns_names);
  facts.ip_addresses = std::move(names.ip_addresses);
  facts.not_before = ToTime(X509_get0_notBefore(certificate));
  facts.not_after = ToTime(X509_get0_notAfter(certificate));
  facts.constraints = ReadCaConstraints(certificate);
  facts.path_length = static_cast<int>(X509_get_pathlen(certificate));
  facts.key_algorithm = KeyAlgorithm(X509_get0_pubkey(certificate));
  facts.key_id = KeyId(certificate);
  facts.serial = Serial(certificate);
  ERR_clear_error();
  return facts;
}

struct StackDeleter {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

}  // namespace

absl::StatusOr<std::vector<CertificateFacts>> ReadCertificates(
    absl::string_view pem) {
  std::vector<CertificateFacts> facts;
  for (const OpensslPtr<X509>& certificate : X509sFromPem(pem)) {
    facts.push_back(FactsOf(certificate.get()));
  }
  if (facts.empty()) {
    return absl::InvalidArgumentError("there is no certificate in PEM");
  }
  return facts;
}

absl::Status CheckChain(absl::string_view chain_pem,
                        absl::string_view trusted_pem, absl::Time now) {
  const std::vector<OpensslPtr<X509>> chain = X509sFromPem(chain_pem);
  const std::vector<OpensslPtr<X509>> trusted = X509sFromPem(trusted_pem);
  if (chain.empty() || trusted.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(chain.empty() ? "the chain" : "what is trusted",
                     " holds no certificate in PEM"));
  }
  const OpensslPtr<X509_STORE> store(X509_STORE_new());
  for (const auto& anchor : trusted) {
    X509_STORE_add_cert(store.get(), anchor.get());
  }
  const std::unique_ptr<STACK_OF(X509), StackDeleter> others(
      sk_X509_new_null());
  for (std::size_t i = 1; i < chain.size(); ++i) {
    sk_X509_push(others.get(), chain[i].get());
  }
  const OpensslPtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(),
                          others.get()) != 1) {
    ERR_clear_error();
    return absl::InternalError("OpenSSL cannot begin to check a chain");
  }
  // What is trusted may be a member's CA, which is no root.
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_CTX_set_time(context.get(), 0, absl::ToTimeT(now));
  if (X509_verify_cert(context.get()) == 1) return absl::OkStatus();

  const X509* failed = X509_STORE_CTX_get_current_cert(context.get());
  const std::string subject =
      failed == nullptr ? "" : NameLine(X509_get_subject_name(failed));
  const char* why =
      X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
  ERR_clear_error();
  return absl::UnauthenticatedError(
      absl::StrCat("certificate ", subject, ": ", why));
}

std::string DateOf(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone());
}

}  // namespace gaceta::pki
