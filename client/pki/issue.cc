#include "pki/issue.h"

#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "openssl/bn.h"
#include "openssl/ec.h"
#include "verify/ip_text.h"
#include "verify/openssl_ptr.h"

namespace gaceta::pki {
namespace {

struct Asn1Deleter {
  void operator()(ASN1_STRING* p) const { ASN1_STRING_free(p); }
  void operator()(BIGNUM* p) const { BN_free(p); }
  void operator()(GENERAL_NAME* p) const { GENERAL_NAME_free(p); }
  void operator()(GENERAL_SUBTREE* p) const { GENERAL_SUBTREE_free(p); }
};
template <typename T>
using Asn1Ptr = std::unique_ptr<T, Asn1Deleter>;

constexpr int kSerialBits = 128;
// RFC 5280's upper bound of the name parts used here.
constexpr std::size_t kMaxNameBytes = 64;

absl::Status OpensslFailed(absl::string_view what) {
  char text[256] = "unknown reason";
  if (const unsigned long code = ERR_get_error(); code != 0) {
    ERR_error_string_n(code, text, sizeof text);
  }
  ERR_clear_error();
  return absl::InternalError(absl::StrCat("OpenSSL cannot ", what, ": ", text));
}

struct LoadedIssuer {
  OpensslPtr<X509> certificate;
  OpensslPtr<EVP_PKEY> key;
};

absl::StatusOr<LoadedIssuer> Load(const CertifiedKey& issuer) {
  LoadedIssuer loaded;
  std::vector<OpensslPtr<X509>> certificates =
      X509sFromPem(issuer.certificate_pem);
  if (certificates.empty()) {
    return absl::InvalidArgumentError("the issuer has no certificate in PEM");
  }
  loaded.certificate = std::move(certificates.front());
  loaded.key.reset(PEM_read_bio_PrivateKey(BioOf(issuer.key_pem).get(), nullptr,
                                           nullptr, nullptr));
  if (loaded.key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the issuer has no private key in PEM");
  }
  if (X509_check_private_key(loaded.certificate.get(), loaded.key.get()) != 1) {
    ERR_clear_error();
    return absl::FailedPreconditionError(
        "the issuer's key is not the one of its certificate");
  }
  return loaded;
}

OpensslPtr<EVP_PKEY> MakeKey(bool ed25519) {
  return OpensslPtr<EVP_PKEY>(
      ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
              : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
}

bool SetSerial(X509* certificate) {
  const Asn1Ptr<BIGNUM> serial(BN_new());
  return serial != nullptr &&
         BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY,
                 BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) !=
             nullptr;
}

bool AddNamePart(X509_NAME* name, int nid, absl::string_view text) {
  if (text.empty()) return true;
  text = text.substr(0, kMaxNameBytes);
  return X509_NAME_add_entry_by_NID(
             name, nid, MBSTRING_UTF8,
             reinterpret_cast<const unsigned char*>(text.data()),
             static_cast<int>(text.size()), -1, 0) == 1;
}

bool SetSubject(X509* certificate, const CertificateForm& form) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  return AddNamePart(subject, NID_organizationName, form.organization) &&
         AddNamePart(subject, NID_commonName, form.common_name);
}

bool SetTimes(X509* certificate, const CertificateForm& form) {
  return ASN1_TIME_set(X509_getm_notBefore(certificate),
                       absl::ToTimeT(form.not_before)) != nullptr &&
         ASN1_TIME_set(X509_getm_notAfter(certificate),
                       absl::ToTimeT(form.not_after)) != nullptr;
}

// Adds an extension given in the words of OpenSSL's configuration files. Only
// for texts from this file: those words have their own syntax.
bool AddExtension(X509* certificate, X509* issuer, int nid, const char* words) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const OpensslPtr<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, words));
  return extension != nullptr &&
         X509_add_ext(certificate, extension.get(), -1) == 1;
}

// `bytes` are the text of a URI or DNS name, or those of an address or range.
// Returns null if memory runs out.
Asn1Ptr<GENERAL_NAME> MakeName(int type, absl::string_view bytes) {
  Asn1Ptr<ASN1_STRING> value(ASN1_STRING_type_new(
      type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING));
  Asn1Ptr<GENERAL_NAME> name(GENERAL_NAME_new());
  if (value == nullptr || name == nullptr ||
      ASN1_STRING_set(value.get(), bytes.data(),
                      static_cast<int>(bytes.size())) != 1) {
    return nullptr;
  }
  GENERAL_NAME_set0_value(name.get(), type, value.release());
  return name;
}

bool AddName(GENERAL_NAMES* names, int type, absl::string_view bytes) {
  Asn1Ptr<GENERAL_NAME> name = MakeName(type, bytes);
  if (name == nullptr || sk_GENERAL_NAME_push(names, name.get()) == 0) {
    return false;
  }
  (void)name.release();  // `names` owns it now.
  return true;
}

bool AddAlternativeNames(X509* certificate, const CertificateForm& form) {
  if (form.uris.empty() && form.dns_names.empty() &&
      form.ip_addresses.empty()) {
    return true;
  }
  const OpensslPtr<GENERAL_NAMES> names(GENERAL_NAMES_new());
  if (names == nullptr) return false;
  for (const std::string& uri : form.uris) {
    if (!AddName(names.get(), GEN_URI, uri)) return false;
  }
  for (const std::string& dns : form.dns_names) {
    if (!AddName(names.get(), GEN_DNS, dns)) return false;
  }
  for (const std::string& address : form.ip_addresses) {
    auto bytes = ParseIpAddress(address);
    if (!bytes.ok() || !AddName(names.get(), GEN_IPADD, *bytes)) return false;
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(),
                           /*crit=*/0, X509V3_ADD_DEFAULT) == 1;
}

// Adds `bases` to `subtrees`, which is made if it is null: an empty list of
// subtrees has to be left out.
bool AddSubtrees(STACK_OF(GENERAL_SUBTREE) * *subtrees, int type,
                 const std::vector<std::string>& bases) {
  if (bases.empty()) return true;
  if (*subtrees == nullptr) *subtrees = sk_GENERAL_SUBTREE_new_null();
  if (*subtrees == nullptr) return false;
  for (const std::string& text : bases) {
    absl::StatusOr<std::string> bytes = text;
    if (type == GEN_IPADD) bytes = ParseIpRange(text);
    if (!bytes.ok()) return false;
    Asn1Ptr<GENERAL_SUBTREE> subtree(GENERAL_SUBTREE_new());
    Asn1Ptr<GENERAL_NAME> base = MakeName(type, *bytes);
    if (subtree == nullptr || base == nullptr) return false;
    GENERAL_NAME_free(subtree->base);
    subtree->base = base.release();
    if (sk_GENERAL_SUBTREE_push(*subtrees, subtree.get()) == 0) return false;
    (void)subtree.release();  // `subtrees` owns it now.
  }
  return true;
}

bool AddNameConstraints(X509* certificate,
                        const std::optional<CaConstraints>& constraints) {
  if (!constraints.has_value()) return true;
  const OpensslPtr<NAME_CONSTRAINTS> added(NAME_CONSTRAINTS_new());
  return added != nullptr &&
         AddSubtrees(&added->permittedSubtrees, GEN_URI,
                     constraints->permitted_uri_hosts) &&
         AddSubtrees(&added->permittedSubtrees, GEN_DNS,
                     constraints->permitted_dns_names) &&
         AddSubtrees(&added->permittedSubtrees, GEN_IPADD,
                     constraints->permitted_ip_ranges) &&
         AddSubtrees(&added->excludedSubtrees, GEN_URI,
                     constraints->excluded_uri_hosts) &&
         AddSubtrees(&added->excludedSubtrees, GEN_DNS,
                     constraints->excluded_dns_names) &&
         AddSubtrees(&added->excludedSubtrees, GEN_IPADD,
                     constraints->excluded_ip_ranges) &&
         X509_add1_ext_i2d(certificate, NID_name_constraints, added.get(),
                           constraints->critical ? 1 : 0,
                           X509V3_ADD_DEFAULT) == 1;
}

// Whether all addresses and ranges of `form` can be written.
absl::Status CheckAddresses(const CertificateForm& form) {
  for (const std::string& address : form.ip_addresses) {
    if (auto bytes = ParseIpAddress(address); !bytes.ok()) {
      return bytes.status();
    }
  }
  if (!form.constraints.has_value()) return absl::OkStatus();
  for (const auto* ranges : {&form.constraints->permitted_ip_ranges,
                             &form.constraints->excluded_ip_ranges}) {
    for (const std::string& range : *ranges) {
      if (auto bytes = ParseIpRange(range); !bytes.ok()) return bytes.status();
    }
  }
  return absl::OkStatus();
}

bool AddUsage(X509* certificate, X509* issuer, const CertificateForm& form) {
  if (form.is_ca) {
    const std::string constraints =
        absl::StrCat("critical,CA:TRUE,pathlen:", form.path_length);
    return AddExtension(certificate, issuer, NID_basic_constraints,
                        constraints.c_str()) &&
           AddExtension(certificate, issuer, NID_key_usage,
                        "critical,keyCertSign,cRLSign");
  }
  return AddExtension(certificate, issuer, NID_basic_constraints,
                      "critical,CA:FALSE") &&
         AddExtension(certificate, issuer, NID_key_usage,
                      "critical,digitalSignature") &&
         AddExtension(certificate, issuer, NID_ext_key_usage,
                      "serverAuth,clientAuth");
}

bool AddExtensions(X509* certificate, X509* issuer,
                   const CertificateForm& form) {
  const bool self_signed = issuer == certificate;
  return AddUsage(certificate, issuer, form) &&
         AddExtension(certificate, issuer, NID_subject_key_identifier,
                      "hash") &&
         // A root's own key id says it all.
         (self_signed ||
          AddExtension(certificate, issuer, NID_authority_key_identifier,
                       "keyid:always")) &&
         AddNameConstraints(certificate, form.constraints) &&
         AddAlternativeNames(certificate, form);
}

absl::StatusOr<std::string> Text(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  if (size <= 0) return OpensslFailed("write PEM");
  return std::string(bytes, static_cast<std::size_t>(size));
}

absl::StatusOr<CertifiedKey> ToPem(X509* certificate, EVP_PKEY* key) {
  const OpensslPtr<BIO> certificate_bio(BIO_new(BIO_s_mem()));
  // Memory that OpenSSL overwrites before it is given back.
  const OpensslPtr<BIO> key_bio(BIO_new(BIO_s_secmem()));
  if (PEM_write_bio_X509(certificate_bio.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key, nullptr, nullptr, 0,
                                    nullptr, nullptr) != 1) {
    return OpensslFailed("write PEM");
  }
  auto certificate_pem = Text(certificate_bio.get());
  if (!certificate_pem.ok()) return certificate_pem.status();
  auto key_pem = Text(key_bio.get());
  if (!key_pem.ok()) return key_pem.status();
  return CertifiedKey{*std::move(certificate_pem), *std::move(key_pem)};
}

}  // namespace

absl::StatusOr<CertifiedKey> Issue(const CertificateForm& form,
                                   const CertifiedKey* issuer) {
  // The years that a certificate can express, and PEM readers agree on.
  if (form.not_before <
          absl::FromCivil(absl::CivilYear(1950), absl::UTCTimeZone()) ||
      form.not_after >=
          absl::FromCivil(absl::CivilYear(10000), absl::UTCTimeZone()) ||
      form.not_after <= form.not_before) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a certificate cannot be valid from ",
        absl::FormatTime(form.not_before, absl::UTCTimeZone()), " to ",
        absl::FormatTime(form.not_after, absl::UTCTimeZone())));
  }
  if (absl::Status s = CheckAddresses(form); !s.ok()) return s;
  const OpensslPtr<EVP_PKEY> key = MakeKey(form.ed25519);
  if (key == nullptr) return OpensslFailed("make a key");
  const OpensslPtr<X509> certificate(X509_new());
  if (certificate == nullptr) return OpensslFailed("make a certificate");

  X509* issuer_certificate = certificate.get();
  EVP_PKEY* issuer_key = key.get();
  LoadedIssuer loaded;
  if (issuer != nullptr) {
    auto read = Load(*issuer);
    if (!read.ok()) return read.status();
    loaded = *std::move(read);
    issuer_certificate = loaded.certificate.get();
    issuer_key = loaded.key.get();
  }

  // The subject comes before the issuer's name, which a root copies from it.
  if (X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      !SetSerial(certificate.get()) || !SetTimes(certificate.get(), form) ||
      !SetSubject(certificate.get(), form) ||
      X509_set_issuer_name(certificate.get(),
                           X509_get_subject_name(issuer_certificate)) != 1 ||
      X509_set_pubkey(certificate.get(), key.get()) != 1 ||
      !AddExtensions(certificate.get(), issuer_certificate, form)) {
    return OpensslFailed("fill in a certificate");
  }
  // Ed25519 brings its own hash.
  const EVP_MD* hash = EVP_PKEY_get_base_id(issuer_key) == EVP_PKEY_ED25519
                           ? nullptr
                           : EVP_sha256();
  if (X509_sign(certificate.get(), issuer_key, hash) == 0) {
    return OpensslFailed("sign a certificate");
  }
  return ToPem(certificate.get(), key.get());
}

}  // namespace gaceta::pki
