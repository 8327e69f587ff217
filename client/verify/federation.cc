#include "verify/federation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"
#include "verify/digest.h"
#include "verify/openssl_ptr.h"

namespace gaceta {

// The root's certificates, shared by all copies.
struct Federation::Roots {
  std::vector<OpensslPtr<X509>> certificates;
};

namespace {

constexpr absl::string_view kSecretariatLabel = "secretariat";
constexpr int kMaxItems = 200;
constexpr std::size_t kMaxPolicyBytes = 16 * 1024;
// 500 characters.
constexpr std::size_t kMaxGroundBytes = 2000;

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

// Checks that `certificate` was signed by one of `roots`, or, if there are
// `intermediates`, by one of those that one of `roots` signed; all of them
// valid at `now`, or at any time if that is not given.
absl::Status VerifyX509(X509* certificate,
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

// Checks the form of an X509-SVID leaf (SPIFFE X509-SVID section 4).
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

bool IsStateCode(absl::string_view text) {
  return text.size() == 2 && text[0] >= 'A' && text[0] <= 'Z' &&
         text[1] >= 'A' && text[1] <= 'Z';
}

bool IsId(absl::string_view text, std::size_t least) {
  return text.size() >= least && text.size() <= 63 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// Collects violations below one item of a change.
class ItemCheck {
 public:
  ItemCheck(std::string path, std::vector<FieldViolation>* out)
      : path_(std::move(path)), out_(out) {}

  void Fail(absl::string_view field, std::string text) {
    out_->push_back({absl::StrCat(path_, field), std::move(text)});
  }

 private:
  const std::string path_;
  std::vector<FieldViolation>* const out_;
};

void CheckGround(const std::string& ground, absl::string_view field,
                 ItemCheck* check) {
  if (!ground.empty() && ground.size() <= kMaxGroundBytes) return;
  check->Fail(field, "is empty or too long");
}

void CheckErasure(const v1::Erasure& erasure, ItemCheck* check) {
  CheckGround(erasure.ground(), "erasure.ground", check);
  switch (erasure.target_case()) {
    case v1::Erasure::kPosition:
      if (erasure.position() < 0) {
        check->Fail("erasure.position", absl::StrCat("is ", erasure.position(),
                                                     ", expected 0 or more"));
      }
      break;
    case v1::Erasure::kDocument:
      if (!IsDigestHex(erasure.document())) {
        check->Fail("erasure.document",
                    absl::StrCat("is \"", erasure.document().substr(0, 80),
                                 "\", expected a SHA-256 in lower-case hex"));
      }
      break;
    case v1::Erasure::TARGET_NOT_SET:
      check->Fail("erasure.target", "is not set, or is of a later version");
      break;
  }
}

bool IdFits(const v1::Member& member) {
  switch (member.kind()) {
    case v1::Member::KIND_STATE:
      return IsStateCode(member.id());
    case v1::Member::KIND_SECRETARIAT:
      return member.id() == kSecretariat;
    case v1::Member::KIND_OBSERVER:
      return IsId(member.id(), 3);
    default:
      return false;
  }
}

void CheckNames(const google::protobuf::RepeatedPtrField<v1::NameText>& names,
                absl::string_view field, ItemCheck* check) {
  if (names.empty()) check->Fail(field, "is empty, expected at least one name");
  for (const v1::NameText& name : names) {
    if (name.language().empty() || name.text().empty() ||
        name.text().size() > 1200) {
      check->Fail(field, "has a name without language or text, or too long");
    }
  }
}

}  // namespace

absl::StatusOr<Federation> Federation::Create(absl::string_view root_pem,
                                              std::string federation) {
  auto roots = std::make_shared<Roots>();
  roots->certificates = X509sFromPem(root_pem);
  if (roots->certificates.empty()) {
    return absl::InvalidArgumentError(
        "the federation's root holds no certificate in PEM");
  }
  if (federation.empty()) {
    return InvalidField("federation", "is empty, expected a domain");
  }
  Federation result;
  result.name_ = std::move(federation);
  result.roots_ = std::move(roots);
  return result;
}

absl::Status Federation::Check(const v1::RegistryChange& change) const {
  std::vector<FieldViolation> violations;
  if (change.items_size() == 0 || change.items_size() > kMaxItems) {
    violations.push_back(
        {"items", absl::StrCat("has ", change.items_size(),
                               " items, expected 1 to ", kMaxItems)});
  }
  // Items may refer to members that earlier items of the same change bring.
  Federation after = *this;
  for (int i = 0; i < change.items_size(); ++i) {
    const v1::RegistryItem& item = change.items(i);
    after.CheckItem(item, absl::StrCat("items[", i, "]."), &violations);
    after.ApplyItem(item, next_position_);
  }
  return violations.empty() ? absl::OkStatus()
                            : InvalidFields("RULE_VIOLATION", violations);
}

bool Federation::IsTrustDomain(absl::string_view domain) const {
  // One label before the federation's name: that is what servers let in.
  return absl::ConsumeSuffix(&domain, absl::StrCat(".", name_)) &&
         IsId(domain, 1);
}

void Federation::CheckItem(const v1::RegistryItem& item, std::string path,
                           std::vector<FieldViolation>* violations) const {
  ItemCheck check(std::move(path), violations);
  switch (item.item_case()) {
    case v1::RegistryItem::kMember: {
      const v1::Member& member = item.member();
      if (!IdFits(member)) {
        check.Fail("member.id",
                   absl::StrCat("is \"", member.id(),
                                "\", which does not fit its kind"));
      }
      if (member.status() == v1::Member::STATUS_UNSPECIFIED ||
          !v1::Member::Status_IsValid(member.status())) {
        check.Fail("member.status", "is missing, or is of a later version");
      }
      const bool secretariat = member.kind() == v1::Member::KIND_SECRETARIAT;
      const std::string secretariat_domain =
          absl::StrCat(kSecretariatLabel, ".", name_);
      if (!IsTrustDomain(member.trust_domain()) ||
          secretariat != (member.trust_domain() == secretariat_domain)) {
        check.Fail("member.trust_domain",
                   absl::StrCat("is \"", member.trust_domain(), "\", expected ",
                                secretariat ? secretariat_domain
                                            : absl::StrCat("<name>.", name_)));
      }
      const v1::Member* owner = FindMemberByTrustDomain(member.trust_domain());
      if (owner != nullptr && owner->id() != member.id()) {
        check.Fail("member.trust_domain",
                   absl::StrCat("belongs to ", owner->id()));
      }
      CheckNames(member.names(), "member.names", &check);
      if (member.ca_certificates().empty()) {
        check.Fail("member.ca_certificates", "is empty");
      }
      for (const std::string& der : member.ca_certificates()) {
        const OpensslPtr<X509> ca = X509FromDer(der);
        if (ca == nullptr) {
          check.Fail("member.ca_certificates", "has one that does not parse");
        } else if (X509_check_ca(ca.get()) != 1) {
          check.Fail("member.ca_certificates", "has one that is not of a CA");
        } else if (absl::Status s =
                       // Whether it still is valid counts when a leaf comes
                       // with it: the registry is rebuilt years later.
                   VerifyX509(ca.get(), {}, roots_->certificates, std::nullopt);
                   !s.ok()) {
          check.Fail("member.ca_certificates",
                     absl::StrCat("has one that the root did not sign: ",
                                  s.message()));
        }
      }
      break;
    }
    case v1::RegistryItem::kSignerKey: {
      const v1::SignerKey& key = item.signer_key();
      const v1::Member* member = FindMember(key.publisher());
      if (member == nullptr) {
        check.Fail(
            "signer_key.publisher",
            absl::StrCat("is \"", key.publisher(), "\", which is no member"));
        break;
      }
      if (absl::Status s = CheckSigner(member->trust_domain(),
                                       key.certificate(), key.issuer());
          !s.ok()) {
        check.Fail("signer_key.certificate", std::string(s.message()));
      } else if (auto k = PublicKey::FromCertificateDer(key.certificate());
                 !k.ok()) {
        check.Fail("signer_key.certificate", std::string(k.status().message()));
      } else if (auto found = signers_.find(k->key_id());
                 found != signers_.end() &&
                 found->second.certified->publisher() != key.publisher()) {
        // Otherwise what it signed before would no longer hold.
        check.Fail("signer_key.certificate",
                   absl::StrCat("has the key of ",
                                found->second.certified->publisher()));
      }
      break;
    }
    case v1::RegistryItem::kCorridor: {
      const v1::Corridor& corridor = item.corridor();
      if (!IsId(corridor.id(), 2)) {
        check.Fail("corridor.id", absl::StrCat("is \"", corridor.id(),
                                               "\", expected [a-z0-9-]{2,63}"));
      }
      CheckNames(corridor.names(), "corridor.names", &check);
      if (corridor.stops_size() < 2) {
        check.Fail("corridor.stops", "has fewer than two states");
      }
      std::set<std::string> seen;
      for (const v1::Corridor::Stop& stop : corridor.stops()) {
        if (!IsStateCode(stop.state()) || !seen.insert(stop.state()).second) {
          check.Fail("corridor.stops",
                     absl::StrCat("has \"", stop.state(),
                                  "\", expected each state once, as HN"));
        }
        const auto& roles = stop.roles();
        if (roles.empty() ||
            !std::all_of(roles.begin(), roles.end(), [](int role) {
              return role != v1::CORRIDOR_ROLE_UNSPECIFIED &&
                     v1::CorridorRole_IsValid(role);
            })) {
          check.Fail("corridor.stops",
                     absl::StrCat(stop.state(),
                                  " has no role, or one of a later version"));
        }
      }
      break;
    }
    case v1::RegistryItem::kTopic:
      if (!IsId(item.topic().id(), 2)) {
        check.Fail("topic.id", absl::StrCat("is \"", item.topic().id(),
                                            "\", expected [a-z0-9-]{2,63}"));
      }
      CheckNames(item.topic().names(), "topic.names", &check);
      break;
    case v1::RegistryItem::kSignerKeyRevocation:
      if (!signers_.contains(item.signer_key_revocation().key_id())) {
        check.Fail(
            "signer_key_revocation.key_id",
            absl::StrCat("is ", ToHex(item.signer_key_revocation().key_id()),
                         ", which is no registered key"));
      }
      CheckGround(item.signer_key_revocation().ground(),
                  "signer_key_revocation.ground", &check);
      break;
    case v1::RegistryItem::kErasure:
      CheckErasure(item.erasure(), &check);
      break;
    case v1::RegistryItem::kLogPolicy:
      if (auto policy = ReadPolicy(item.log_policy()); !policy.ok()) {
        check.Fail("log_policy", std::string(policy.status().message()));
      }
      break;
    case v1::RegistryItem::ITEM_NOT_SET:
      check.Fail("item", "is not set, or is of a later version");
      break;
  }
}

absl::StatusOr<LogPolicyInForce> Federation::ReadPolicy(
    const v1::LogPolicy& text) const {
  if (text.policy().size() > kMaxPolicyBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has ", text.policy().size(), " bytes, at most ", kMaxPolicyBytes));
  }
  auto policy = LogPolicy::Parse(text.policy());
  if (!policy.ok()) return policy.status();
  for (const NoteKey& witness : policy->witnesses()) {
    absl::string_view name = witness.name();
    if (!absl::ConsumePrefix(&name, "node.") || !IsTrustDomain(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("has witness \"", witness.name(),
                       "\", expected node.<state>.", name_));
    }
  }
  LogPolicyInForce in_force{*std::move(policy)};
  if (!text.has_quorum_grace()) return in_force;
  in_force.quorum_grace = absl::Seconds(text.quorum_grace().seconds()) +
                          absl::Nanoseconds(text.quorum_grace().nanos());
  if (in_force.quorum_grace < absl::Seconds(1) ||
      in_force.quorum_grace > absl::Hours(24)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has quorum_grace ", absl::FormatDuration(in_force.quorum_grace),
        ", expected 1s to 24h"));
  }
  return in_force;
}

absl::Status Federation::Apply(const v1::RegistryChange& change,
                               std::int64_t position) {
  if (position < next_position_ || position == kLatest) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "registry change is at position ", position,
                          ", expected ", next_position_, " or more")),
                      "POSITION_ORDER");
  }
  if (absl::Status s = Check(change); !s.ok()) return s;
  for (const v1::RegistryItem& item : change.items()) ApplyItem(item, position);
  first_position_ = std::min(first_position_, position);
  next_position_ = position + 1;
  return absl::OkStatus();
}

void Federation::ApplyItem(const v1::RegistryItem& item,
                           std::int64_t position) {
  switch (item.item_case()) {
    case v1::RegistryItem::kMember:
      members_[item.member().id()] = item.member();
      ApplyStatus(item.member(), position);
      break;
    case v1::RegistryItem::kSignerKey: {
      auto key = PublicKey::FromCertificateDer(item.signer_key().certificate());
      if (!key.ok()) break;
      // One that is there already counts as before: a revoked key stays
      // revoked, whatever comes later.
      signers_.try_emplace(
          key->key_id(),
          Signer{std::make_shared<const v1::SignerKey>(item.signer_key()), *key,
                 position});
      break;
    }
    case v1::RegistryItem::kCorridor:
      corridors_[item.corridor().id()] = item.corridor();
      break;
    case v1::RegistryItem::kTopic:
      topics_[item.topic().id()] = item.topic();
      break;
    case v1::RegistryItem::kSignerKeyRevocation: {
      auto found = signers_.find(item.signer_key_revocation().key_id());
      if (found == signers_.end()) break;
      std::int64_t& revoked = found->second.revoked;
      revoked = std::min(revoked, position);
      break;
    }
    case v1::RegistryItem::kErasure:
      ApplyErasure(item.erasure(), position);
      break;
    case v1::RegistryItem::kLogPolicy:
      if (auto policy = ReadPolicy(item.log_policy()); policy.ok()) {
        log_policy_ =
            std::make_shared<const LogPolicyInForce>(*std::move(policy));
      }
      break;
    case v1::RegistryItem::ITEM_NOT_SET:
      break;
  }
}

void Federation::ApplyErasure(const v1::Erasure& erasure,
                              std::int64_t position) {
  if (erasure.target_case() == v1::Erasure::kDocument) {
    document_erasures_.try_emplace(erasure.document(),
                                   ErasureInForce{erasure, position});
  } else if (erasure.position() < position) {
    // What is to come cannot be erased.
    erasures_.try_emplace(erasure.position(),
                          ErasureInForce{erasure, position});
  }
}

void Federation::ApplyStatus(const v1::Member& member, std::int64_t position) {
  std::vector<StatusChange>& changes = statuses_[member.id()];
  // Of two items of one change the last one counts.
  if (!changes.empty() && changes.back().position == position) {
    changes.pop_back();
  }
  const bool active = member.status() == v1::Member::STATUS_ACTIVE;
  if (changes.empty() || changes.back().active != active) {
    changes.push_back({position, active});
  }
}

bool Federation::IsActive(absl::string_view member,
                          std::int64_t position) const {
  const auto found = statuses_.find(member);
  if (found == statuses_.end()) return false;
  bool active = false;
  for (const StatusChange& change : found->second) {
    if (change.position >= position) break;
    active = change.active;
  }
  return active;
}

absl::Status Federation::CheckSigner(absl::string_view trust_domain,
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
  return VerifyX509(certificate.get(), {issuer.get()}, roots_->certificates,
                    std::nullopt);
}

absl::StatusOr<PublicKey> Federation::FindKey(absl::string_view publisher,
                                              absl::string_view key_id,
                                              std::int64_t position) const {
  const auto unknown = [&](absl::string_view why) {
    return WithReason(
        absl::PermissionDeniedError(absl::StrCat(
            "key ", ToHex(key_id).substr(0, 16), " of ", publisher, " ", why)),
        "UNKNOWN_KEY", {{"key_id", ToHex(key_id)}});
  };
  auto found = signers_.find(key_id);
  if (found == signers_.end()) return unknown("is not in the registry");
  const Signer& signer = found->second;
  if (signer.certified->publisher() != publisher) {
    return unknown(absl::StrCat("belongs to ", signer.certified->publisher()));
  }
  // The first statement of all is signed by a key that it brings itself.
  if (publisher == kSecretariat && position == first_position_ &&
      signer.brought == position) {
    return signer.key;
  }
  if (signer.brought >= position) {
    return unknown(absl::StrCat("counts only after position ", signer.brought));
  }
  if (signer.revoked < position) {
    return unknown(absl::StrCat("is revoked since position ", signer.revoked));
  }
  if (!IsActive(publisher, position)) {
    return WithReason(absl::PermissionDeniedError(
                          absl::StrCat("member ", publisher, " is suspended")),
                      "MEMBER_SUSPENDED");
  }
  return signer.key;
}

absl::StatusOr<PublicKey> Federation::FindBootstrapKey(
    const v1::RegistryChange& change, absl::string_view key_id) const {
  if (next_position_ > 0) {
    return WithReason(
        absl::PermissionDeniedError(absl::StrCat(
            "key ", ToHex(key_id).substr(0, 16),
            " is not in the registry, which has had its first statement")),
        "UNKNOWN_KEY", {{"key_id", ToHex(key_id)}});
  }
  const std::string domain = absl::StrCat(kSecretariatLabel, ".", name_);
  for (const v1::RegistryItem& item : change.items()) {
    if (!item.has_signer_key() ||
        item.signer_key().publisher() != kSecretariat) {
      continue;
    }
    auto key = PublicKey::FromCertificateDer(item.signer_key().certificate());
    if (!key.ok() || key->key_id() != key_id) continue;
    if (absl::Status s = CheckSigner(domain, item.signer_key().certificate(),
                                     item.signer_key().issuer());
        !s.ok()) {
      return WithReason(absl::PermissionDeniedError(s.message()),
                        "UNKNOWN_KEY");
    }
    return key;
  }
  return WithReason(
      absl::PermissionDeniedError(absl::StrCat(
          "key ", ToHex(key_id).substr(0, 16),
          " is not in the registry, and the statement does not bring it")),
      "UNKNOWN_KEY", {{"key_id", ToHex(key_id)}});
}

std::string Federation::UsualTrustDomain(absl::string_view member) const {
  return absl::StrCat(member == kSecretariat ? std::string(kSecretariatLabel)
                                             : absl::AsciiStrToLower(member),
                      ".", name_);
}

const v1::SignerKey* Federation::FindSigner(absl::string_view key_id) const {
  const auto found = signers_.find(key_id);
  return found == signers_.end() ? nullptr : found->second.certified.get();
}

const v1::Member* Federation::FindMember(absl::string_view id) const {
  auto found = members_.find(id);
  return found == members_.end() ? nullptr : &found->second;
}

const v1::Member* Federation::FindMemberByTrustDomain(
    absl::string_view domain) const {
  for (const auto& [id, member] : members_) {
    if (member.trust_domain() == domain) return &member;
  }
  return nullptr;
}

const v1::Corridor* Federation::FindCorridor(absl::string_view id) const {
  auto found = corridors_.find(id);
  return found == corridors_.end() ? nullptr : &found->second;
}

bool Federation::HasTopic(absl::string_view id) const {
  return topics_.contains(id);
}

absl::Status Federation::CheckLeaf(
    const SpiffeId& id, absl::string_view leaf_der,
    const std::vector<std::string>& intermediates_der, absl::Time now) const {
  const OpensslPtr<X509> leaf = X509FromDer(leaf_der);
  if (leaf == nullptr) {
    return absl::UnauthenticatedError("certificate does not parse");
  }
  if (absl::Status s = CheckLeafForm(leaf.get(), id); !s.ok()) return s;

  const v1::Member* member = FindMemberByTrustDomain(id.trust_domain());
  std::vector<OpensslPtr<X509>> owned;
  std::vector<X509*> intermediates;
  // Where the registry knows the member, only the CAs that it has count: some
  // TLS stacks do not enforce name constraints on URIs.
  if (member != nullptr) {
    for (const std::string& der : member->ca_certificates()) {
      owned.push_back(X509FromDer(der));
    }
  } else {
    for (const std::string& der : intermediates_der) {
      owned.push_back(X509FromDer(der));
    }
  }
  for (const auto& certificate : owned) {
    if (certificate != nullptr) intermediates.push_back(certificate.get());
  }
  absl::Status status =
      intermediates.empty()
          ? absl::UnauthenticatedError("comes without its CA's certificate")
          : VerifyX509(leaf.get(), intermediates, roots_->certificates, now);
  return status.ok()
             ? status
             : Annotate(status, absl::StrCat("certificate of ", id.ToString()));
}

}  // namespace gaceta
