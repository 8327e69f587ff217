#include "verify/federation.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "verify/certificate_chain.h"
#include "verify/digest.h"
#include "verify/later_version.h"
#include "verify/openssl_ptr.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

constexpr int kMaxItems = 200;

absl::Status RegistryNewer(const std::string& seen) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "the registry change has ", seen,
          ", which this version of Gaceta does not know; upgrade to read on")),
      kRegistryNewer, {{"seen", seen}});
}

}  // namespace

absl::StatusOr<Federation> Federation::Create(absl::string_view root_pem,
                                              std::string federation) {
  auto roots =
      std::make_shared<std::vector<OpensslPtr<X509>>>(X509sFromPem(root_pem));
  if (roots->empty()) {
    return absl::InvalidArgumentError(
        "the federation's root holds no certificate in PEM");
  }
  if (federation.empty()) {
    return InvalidField("federation", "is empty, expected a domain");
  }
  Federation result;
  result.state_.federation = std::move(federation);
  result.state_.roots = std::move(roots);
  return result;
}

absl::StatusOr<RegistryState> Federation::After(
    const v1::RegistryChange& change, std::int64_t position) const {
  // An item that is not understood may end a key or a member: to read on
  // without it would be to trust what the secretariat no longer trusts.
  if (const std::string seen = FindLaterVersion(change); !seen.empty()) {
    return RegistryNewer(seen);
  }
  std::vector<FieldViolation> violations;
  if (change.items_size() == 0 || change.items_size() > kMaxItems) {
    violations.push_back(
        {"items", absl::StrCat("has ", change.items_size(),
                               " items, expected 1 to ", kMaxItems)});
  }
  // Items may refer to members that earlier items of the same change bring.
  RegistryState after = state_;
  for (int i = 0; i < change.items_size(); ++i) {
    const v1::RegistryItem& item = change.items(i);
    ItemCheck check(absl::StrCat("items[", i, "]."), &violations);
    const RegistryItemKind* kind = FindKind(item);
    if (kind == nullptr) {
      check.Fail("item", "is not set");
      continue;
    }
    kind->Check(item, after, &check);
    kind->Apply(item, position, &after);
  }
  if (violations.empty()) return after;
  return InvalidFields("RULE_VIOLATION", violations);
}

absl::Status Federation::Check(const v1::RegistryChange& change) const {
  return After(change, next_position_).status();
}

absl::Status Federation::Apply(const v1::RegistryChange& change,
                               std::int64_t position) {
  if (position < next_position_ || position == kLatest) {
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "registry change is at position ", position,
                          ", expected ", next_position_, " or more")),
                      "POSITION_ORDER");
  }
  auto after = After(change, position);
  if (!after.ok()) return after.status();
  state_ = *std::move(after);
  first_position_ = std::min(first_position_, position);
  next_position_ = position + 1;
  return absl::OkStatus();
}

bool Federation::IsActive(absl::string_view member,
                          std::int64_t position) const {
  const auto found = state_.statuses.find(member);
  if (found == state_.statuses.end()) return false;
  bool active = false;
  for (const RegistryState::StatusChange& change : found->second) {
    if (change.position >= position) break;
    active = change.active;
  }
  return active;
}

absl::Status Federation::CheckSigner(absl::string_view trust_domain,
                                     absl::string_view certificate_der,
                                     absl::string_view issuer_der) const {
  return state_.CheckSigner(trust_domain, certificate_der, issuer_der);
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
  auto found = state_.signers.find(key_id);
  if (found == state_.signers.end()) return unknown("is not in the registry");
  const RegistryState::Signer& signer = found->second;
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
  const std::string domain = state_.SecretariatDomain();
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
                      ".", state_.federation);
}

const v1::SignerKey* Federation::FindSigner(absl::string_view key_id) const {
  const auto found = state_.signers.find(key_id);
  return found == state_.signers.end() ? nullptr
                                       : found->second.certified.get();
}

const v1::Member* Federation::FindMember(absl::string_view id) const {
  return state_.FindMember(id);
}

const v1::Member* Federation::FindMemberByTrustDomain(
    absl::string_view domain) const {
  return state_.FindMemberByTrustDomain(domain);
}

const v1::Corridor* Federation::FindCorridor(absl::string_view id) const {
  auto found = state_.corridors.find(id);
  return found == state_.corridors.end() ? nullptr : &found->second;
}

bool Federation::HasTopic(absl::string_view id) const {
  return state_.topics.contains(id);
}

bool Federation::IsRevoked(const X509* certificate) const {
  return state_.revoked_certificates.contains(NameOf(certificate));
}

absl::Status Federation::CheckLeaf(
    const SpiffeId& id, absl::string_view leaf_der,
    const std::vector<std::string>& intermediates_der, absl::Time now) const {
  const OpensslPtr<X509> leaf = X509FromDer(leaf_der);
  if (leaf == nullptr) {
    return absl::UnauthenticatedError("certificate does not parse");
  }
  if (absl::Status s = CheckLeafForm(leaf.get(), id); !s.ok()) return s;
  if (IsRevoked(leaf.get())) {
    return absl::UnauthenticatedError(
        absl::StrCat("certificate of ", id.ToString(), " is revoked"));
  }

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
    if (certificate != nullptr && !IsRevoked(certificate.get())) {
      intermediates.push_back(certificate.get());
    }
  }
  absl::Status status =
      intermediates.empty()
          ? absl::UnauthenticatedError("comes without its CA's certificate")
          : CheckCertificateChain(leaf.get(), intermediates, *state_.roots,
                                  now);
  return status.ok()
             ? status
             : Annotate(status, absl::StrCat("certificate of ", id.ToString()));
}

}  // namespace gaceta
