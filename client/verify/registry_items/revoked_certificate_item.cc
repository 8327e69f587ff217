// The end of a single certificate: a program's, or a CA's with all its leaves.
#include <string>

#include "absl/strings/str_cat.h"
#include "verify/digest.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

constexpr std::size_t kMaxIssuerBytes = 1024;
// RFC 5280 section 4.1.2.2.
constexpr std::size_t kMaxSerialBytes = 20;

CertificateName NameIn(const v1::RevokedCertificate& revoked) {
  return {revoked.issuer(), revoked.serial()};
}

// Whether `issuer` is a distinguished name in DER, and nothing more.
bool IsName(const std::string& issuer) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(issuer.data());
  const auto* const end = bytes + issuer.size();
  X509_NAME* name =
      d2i_X509_NAME(nullptr, &bytes, static_cast<long>(issuer.size()));
  const bool whole = name != nullptr && bytes == end;
  X509_NAME_free(name);
  ERR_clear_error();
  return whole;
}

// The member that signs with the certificate that `name` names; null if none.
const v1::SignerKey* FindSignerWith(const CertificateName& name,
                                    const RegistryState& state) {
  for (const auto& [key_id, signer] : state.signers) {
    const OpensslPtr<X509> certificate =
        X509FromDer(signer.certified->certificate());
    if (certificate != nullptr && NameOf(certificate.get()) == name) {
      return signer.certified.get();
    }
  }
  return nullptr;
}

class Kind : public RegistryItemKind {
 public:
  v1::RegistryItem::ItemCase item_case() const override {
    return v1::RegistryItem::kRevokedCertificate;
  }
  int since_version() const override { return 2; }

  void Check(const v1::RegistryItem& item, const RegistryState& before,
             ItemCheck* check) const override {
    const v1::RevokedCertificate& revoked = item.revoked_certificate();
    if (revoked.issuer().size() > kMaxIssuerBytes ||
        !IsName(revoked.issuer())) {
      check->Fail("revoked_certificate.issuer",
                  absl::StrCat("has ", revoked.issuer().size(),
                               " bytes, expected a distinguished name in DER "
                               "of at most ",
                               kMaxIssuerBytes));
    }
    const std::string& serial = revoked.serial();
    if (serial.empty() || serial.size() > kMaxSerialBytes ||
        serial.front() == '\0') {
      check->Fail(
          "revoked_certificate.serial",
          absl::StrCat("is ", ToHex(serial).substr(0, 80), ", expected 1 to ",
                       kMaxSerialBytes, " bytes without a leading zero"));
    }
    CheckGround(revoked.ground(), "revoked_certificate.ground", check);
    // What a key signs counts by the registry's word about the key, whatever
    // certificate carried it.
    if (const v1::SignerKey* signer = FindSignerWith(NameIn(revoked), before);
        signer != nullptr) {
      check->Fail(
          "revoked_certificate.serial",
          absl::StrCat("is of the signing certificate of ", signer->publisher(),
                       ": revoke its key, with signer_key_revocation"));
    }
  }

  void Apply(const v1::RegistryItem& item, std::int64_t /*position*/,
             RegistryState* state) const override {
    // The first ground stays.
    state->revoked_certificates.try_emplace(NameIn(item.revoked_certificate()),
                                            item.revoked_certificate());
  }

  bool IsInForce(const v1::RegistryItem& item,
                 const RegistryState& state) const override {
    return state.revoked_certificates.contains(
        NameIn(item.revoked_certificate()));
  }

  std::string Describe(const v1::RegistryItem& item) const override {
    return absl::StrCat("revocation of certificate ",
                        ToHex(item.revoked_certificate().serial()));
  }
};

}  // namespace

const RegistryItemKind& RevokedCertificateKind() {
  static const Kind kind;
  return kind;
}

}  // namespace gaceta
