// Members: states, organisations and the secretariat.
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "verify/certificate_chain.h"
#include "verify/registry_items/registry_items.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

bool IdFitsKind(const v1::Member& member) {
  switch (member.kind()) {
    case v1::Member::KIND_STATE:
      return IsStateCode(member.id());
    case v1::Member::KIND_SECRETARIAT:
      return member.id() == kSecretariat;
    case v1::Member::KIND_OBSERVER:
      return IsRegistryId(member.id(), 3);
    default:
      return false;
  }
}

void CheckTrustDomain(const v1::Member& member, const RegistryState& before,
                      ItemCheck* check) {
  const bool is_secretariat = member.kind() == v1::Member::KIND_SECRETARIAT;
  const std::string secretariat = before.SecretariatDomain();
  if (!before.IsTrustDomain(member.trust_domain()) ||
      is_secretariat != (member.trust_domain() == secretariat)) {
    check->Fail("member.trust_domain",
                absl::StrCat("is \"", member.trust_domain(), "\", expected ",
                             is_secretariat
                                 ? secretariat
                                 : absl::StrCat("<name>.", before.federation)));
  }
  const v1::Member* owner =
      before.FindMemberByTrustDomain(member.trust_domain());
  if (owner != nullptr && owner->id() != member.id()) {
    check->Fail("member.trust_domain",
                absl::StrCat("belongs to ", owner->id()));
  }
}

void CheckCa(const std::string& der, const RegistryState& before,
             ItemCheck* check) {
  const OpensslPtr<X509> ca = X509FromDer(der);
  if (ca == nullptr) {
    check->Fail("member.ca_certificates", "has one that does not parse");
  } else if (X509_check_ca(ca.get()) != 1) {
    check->Fail("member.ca_certificates", "has one that is not of a CA");
  } else if (absl::Status s =
                 // Its dates count when a leaf comes with it, not here: the
                 // registry is rebuilt years later.
             CheckCertificateChain(ca.get(), {}, *before.roots, std::nullopt);
             !s.ok()) {
    check->Fail(
        "member.ca_certificates",
        absl::StrCat("has one that the root did not sign: ", s.message()));
  }
}

class Kind : public RegistryItemKind {
 public:
  v1::RegistryItem::ItemCase item_case() const override {
    return v1::RegistryItem::kMember;
  }
  int since_version() const override { return 1; }

  void Check(const v1::RegistryItem& item, const RegistryState& before,
             ItemCheck* check) const override {
    const v1::Member& member = item.member();
    if (!IdFitsKind(member)) {
      check->Fail("member.id", absl::StrCat("is \"", member.id(),
                                            "\", which does not fit its kind"));
    }
    if (member.status() == v1::Member::STATUS_UNSPECIFIED) {
      check->Fail("member.status", "is missing");
    }
    CheckTrustDomain(member, before, check);
    CheckNames(member.names(), "member.names", check);
    if (member.ca_certificates().empty()) {
      check->Fail("member.ca_certificates", "is empty");
    }
    for (const std::string& der : member.ca_certificates()) {
      CheckCa(der, before, check);
    }
  }

  void Apply(const v1::RegistryItem& item, std::int64_t position,
             RegistryState* state) const override {
    const v1::Member& member = item.member();
    state->members[member.id()] = member;
    auto& changes = state->statuses[member.id()];
    // Of two items of one change the last one counts.
    if (!changes.empty() && changes.back().position == position) {
      changes.pop_back();
    }
    const bool active = member.status() == v1::Member::STATUS_ACTIVE;
    if (changes.empty() || changes.back().active != active) {
      changes.push_back({position, active});
    }
  }

  bool IsInForce(const v1::RegistryItem& item,
                 const RegistryState& state) const override {
    const v1::Member* member = state.FindMember(item.member().id());
    return member != nullptr &&
           member->SerializeAsString() == item.member().SerializeAsString();
  }

  std::string Describe(const v1::RegistryItem& item) const override {
    const v1::Member& member = item.member();
    std::vector<std::string> names(member.host_names().begin(),
                                   member.host_names().end());
    names.insert(names.end(), member.ip_addresses().begin(),
                 member.ip_addresses().end());
    return names.empty() ? absl::StrCat("member ", member.id())
                         : absl::StrCat("member ", member.id(), " (",
                                        absl::StrJoin(names, ", "), ")");
  }
};

}  // namespace

const RegistryItemKind& MemberKind() {
  static const Kind kind;
  return kind;
}

}  // namespace gaceta
