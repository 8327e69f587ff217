// Keys that sign statements of a member, and the end of such a key.
#include <algorithm>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "verify/digest.h"
#include "verify/registry_items/registry_items.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

class SignerKey : public RegistryItemKind {
 public:
  v1::RegistryItem::ItemCase item_case() const override {
    return v1::RegistryItem::kSignerKey;
  }
  int since_version() const override { return 1; }

  void Check(const v1::RegistryItem& item, const RegistryState& before,
             ItemCheck* check) const override {
    const v1::SignerKey& key = item.signer_key();
    const v1::Member* member = before.FindMember(key.publisher());
    if (member == nullptr) {
      check->Fail(
          "signer_key.publisher",
          absl::StrCat("is \"", key.publisher(), "\", which is no member"));
      return;
    }
    if (absl::Status s = before.CheckSigner(member->trust_domain(),
                                            key.certificate(), key.issuer());
        !s.ok()) {
      check->Fail("signer_key.certificate", std::string(s.message()));
      return;
    }
    const auto parsed = PublicKey::FromCertificateDer(key.certificate());
    if (!parsed.ok()) {
      check->Fail("signer_key.certificate",
                  std::string(parsed.status().message()));
      return;
    }
    // A key of two members would make the statements of both doubtful.
    const auto found = before.signers.find(parsed->key_id());
    if (found != before.signers.end() &&
        found->second.certified->publisher() != key.publisher()) {
      check->Fail("signer_key.certificate",
                  absl::StrCat("has the key of ",
                               found->second.certified->publisher()));
    }
  }

  void Apply(const v1::RegistryItem& item, std::int64_t position,
             RegistryState* state) const override {
    auto key = PublicKey::FromCertificateDer(item.signer_key().certificate());
    if (!key.ok()) return;
    // One that is there already counts as before: a revoked key stays revoked,
    // whatever comes later.
    state->signers.try_emplace(
        key->key_id(),
        RegistryState::Signer{
            std::make_shared<const v1::SignerKey>(item.signer_key()), *key,
            position});
  }

  bool IsInForce(const v1::RegistryItem& item,
                 const RegistryState& state) const override {
    const auto key =
        PublicKey::FromCertificateDer(item.signer_key().certificate());
    if (!key.ok()) return false;
    const auto found = state.signers.find(key->key_id());
    return found != state.signers.end() &&
           found->second.certified->publisher() ==
               item.signer_key().publisher() &&
           found->second.revoked == kLatest;
  }

  std::string Describe(const v1::RegistryItem& item) const override {
    return absl::StrCat("signer key of ", item.signer_key().publisher());
  }
};

class SignerKeyRevocation : public RegistryItemKind {
 public:
  v1::RegistryItem::ItemCase item_case() const override {
    return v1::RegistryItem::kSignerKeyRevocation;
  }
  int since_version() const override { return 1; }

  void Check(const v1::RegistryItem& item, const RegistryState& before,
             ItemCheck* check) const override {
    const v1::SignerKeyRevocation& revocation = item.signer_key_revocation();
    if (!before.signers.contains(revocation.key_id())) {
      check->Fail("signer_key_revocation.key_id",
                  absl::StrCat("is ", ToHex(revocation.key_id()),
                               ", which is no registered key"));
    }
    CheckGround(revocation.ground(), "signer_key_revocation.ground", check);
  }

  void Apply(const v1::RegistryItem& item, std::int64_t position,
             RegistryState* state) const override {
    const auto found =
        state->signers.find(item.signer_key_revocation().key_id());
    if (found == state->signers.end()) return;
    std::int64_t& revoked = found->second.revoked;
    revoked = std::min(revoked, position);
  }

  bool IsInForce(const v1::RegistryItem& item,
                 const RegistryState& state) const override {
    const auto found =
        state.signers.find(item.signer_key_revocation().key_id());
    return found != state.signers.end() && found->second.revoked != kLatest;
  }

  std::string Describe(const v1::RegistryItem& item) const override {
    return absl::StrCat(
        "revocation of key ",
        ToHex(item.signer_key_revocation().key_id()).substr(0, 16));
  }
};

}  // namespace

const RegistryItemKind& SignerKeyKind() {
  static const SignerKey kind;
  return kind;
}

const RegistryItemKind& SignerKeyRevocationKind() {
  static const SignerKeyRevocation kind;
  return kind;
}

}  // namespace gaceta
