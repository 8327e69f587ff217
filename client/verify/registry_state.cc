#include "verify/registry_state.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "verify/certificate_chain.h"
#include "verify/registry_items/item_check.h"
#include "verify/spiffe_id.h"

namespace gaceta {

CertificateName NameOf(const X509* certificate) {
  CertificateName name;
  unsigned char* bytes = nullptr;
  if (const int size = i2d_X509_NAME(X509_get_issuer_name(certificate), &bytes);
      size > 0) {
    name.issuer.assign(reinterpret_cast<char*>(bytes),
                       static_cast<std::size_t>(size));
    OPENSSL_free(bytes);
  }
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate);
  name.serial.assign(
      reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)),
      static_cast<std::size_t>(ASN1_STRING_length(serial)));
  return name;
}

std::string RegistryState::SecretariatDomain() const {
  return absl::StrCat(kSecretariatLabel, ".", federation);
}

bool RegistryState::IsTrustDomain(absl::string_view domain) const {
  return absl::ConsumeSuffix(&domain, absl::StrCat(".", federation)) &&
         IsRegistryId(domain, 1);
}

const v1::Member* RegistryState::FindMember(absl::string_view id) const {
  const auto found = members.find(id);
  return found == members.end() ? nullptr : &found->second;
}

const v1::Member* RegistryState::FindMemberByTrustDomain(
    absl::string_view domain) const {
  for (const auto& [id, member] : members) {
    if (member.trust_domain() == domain) return &member;
  }
  return nullptr;
}

absl::Status RegistryState::CheckSigner(absl::string_view trust_domain,
                                        absl::string_view certificate_der,
                                        absl::string_view issuer_der) const {
  auto id = SpiffeId::Parse(absl::StrCat("spiffe://", trust_domain, "/signer"));
  if (!id.ok()) return id.status();
  const OpensslPtr<X509> certificate = X509FromDer(certificate_der);
  const OpensslPtr<X509> issuer = X509FromDer(issuer_der);
  if (certificate == nullptr || issuer == nullptr) {
    return absl::UnauthenticatedError("certificate or issuer does not parse");
  }
  if (absl::Status s = CheckLeafForm(certificate.get(), *id); !s.ok()) return s;
  // A signer's certificate says whose key it is, not how long its signatures
  // count: the registry is rebuilt from the log years later. Revocation ends a
  // key.
  return CheckCertificateChain(certificate.get(), {issuer.get()}, *roots,
                               std::nullopt);
}

}  // namespace gaceta
