#include "cli/registry_change.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/session.h"
#include "errors/errors.h"
#include "google/protobuf/util/json_util.h"
#include "verify/ca_constraints.h"
#include "verify/keys.h"
#include "verify/log_policy.h"
#include "verify/note.h"
#include "verify/openssl_ptr.h"
#include "verify/registry_items/registry_items.h"
#include "verify/statement.h"

namespace gaceta::cli {
namespace {

absl::StatusOr<std::vector<std::string>> ReadCertificates(
    const std::string& path) {
  absl::StatusOr<std::string> pem = ReadFile(path);
  if (!pem.ok()) return pem.status();
  std::vector<std::string> certificates;
  for (const OpensslPtr<X509>& certificate : X509sFromPem(*pem)) {
    certificates.push_back(X509ToDer(certificate.get()));
  }
  if (certificates.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " holds no certificate in PEM"));
  }
  return certificates;
}

v1::Member::Kind KindOf(const std::string& id) {
  if (id == kSecretariat) return v1::Member::KIND_SECRETARIAT;
  return id.size() == 2 ? v1::Member::KIND_STATE : v1::Member::KIND_OBSERVER;
}

// Returns the member as the file has it, or one that has its id for a name.
absl::StatusOr<v1::Member> MemberTemplate(const MemberFiles& files) {
  v1::Member member;
  member.set_id(files.id);
  member.set_kind(KindOf(files.id));
  member.set_trust_domain(files.id == kSecretariat
                              ? "secretariat"
                              : absl::AsciiStrToLower(files.id));
  if (files.members_file.empty()) {
    v1::NameText* name = member.add_names();
    name->set_language("en");
    name->set_text(files.id);
    return member;
  }
  absl::StatusOr<v1::RegistryChange> templates =
      ReadRegistryChange(files.members_file);
  if (!templates.ok()) return templates.status();
  for (const v1::RegistryItem& item : templates->items()) {
    if (item.has_member() && item.member().id() == files.id) {
      return item.member();
    }
  }
  return absl::NotFoundError(
      absl::StrCat(files.members_file, " has no member ", files.id));
}

// Returns the signer's certificate and, of the member's CAs, the one that
// signed it.
absl::StatusOr<v1::SignerKey> MakeSignerKey(
    const MemberFiles& files, const std::vector<std::string>& cas) {
  absl::StatusOr<std::vector<std::string>> chain =
      ReadCertificates(files.signer_file);
  if (!chain.ok()) return chain.status();
  const OpensslPtr<X509> leaf = X509FromDer((*chain)[0]);
  for (const std::string& ca_der : cas) {
    const OpensslPtr<X509> ca = X509FromDer(ca_der);
    if (X509_verify(leaf.get(), X509_get0_pubkey(ca.get())) != 1) continue;
    v1::SignerKey key;
    key.set_publisher(files.id);
    key.set_certificate((*chain)[0]);
    key.set_issuer(ca_der);
    return key;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the certificate in ", files.signer_file,
                   " was not signed by a CA of ", files.ca_file));
}

// Registers what the member's CA is kept to, by its first certificate: the hub
// takes none that is kept to less or more.
void SetNames(const std::string& ca_der, v1::Member* member) {
  member->clear_host_names();
  member->clear_ip_addresses();
  const OpensslPtr<X509> ca = X509FromDer(ca_der);
  const auto constraints = ReadCaConstraints(ca.get());
  if (!constraints.has_value()) return;
  for (const std::string& name : constraints->permitted_dns_names) {
    if (name != member->trust_domain()) member->add_host_names(name);
  }
  for (const std::string& range : constraints->permitted_ip_ranges) {
    member->add_ip_addresses(range);
  }
}

bool IsUnchanged(const Federation& registry, const v1::RegistryItem& item) {
  const RegistryItemKind* kind = FindKind(item);
  return kind != nullptr && kind->IsInForce(item, registry.state());
}

absl::StatusOr<NoteKey> ReadNoteKey(const std::string& path, NoteKeyType type) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<NoteKey> key =
      NoteKey::Parse(absl::StripTrailingAsciiWhitespace(*text));
  if (!key.ok()) return Annotate(key.status(), path);
  if (key->type() == type) return key;
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": is not the public key of a ",
      type == NoteKeyType::kEd25519 ? "log (the hub's log.key.pub)"
                                    : "witness (a node's cosigner.key.pub)"));
}

}  // namespace

absl::StatusOr<v1::RegistryChange> ReadRegistryChange(const std::string& path) {
  absl::StatusOr<std::string> json = ReadFile(path);
  if (!json.ok()) return json.status();
  v1::RegistryChange change;
  const auto status =
      google::protobuf::util::JsonStringToMessage(*json, &change);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", std::string(status.message())));
  }
  return change;
}

absl::StatusOr<v1::RegistryChange> MakeMemberChange(
    const MemberFiles& files, const std::string& federation) {
  absl::StatusOr<v1::Member> member = MemberTemplate(files);
  if (!member.ok()) return member.status();
  absl::StatusOr<std::vector<std::string>> cas =
      ReadCertificates(files.ca_file);
  if (!cas.ok()) return cas.status();

  member->set_status(v1::Member::STATUS_ACTIVE);
  member->set_trust_domain(
      absl::StrCat(member->trust_domain(), ".", federation));
  member->clear_ca_certificates();
  for (const std::string& ca : *cas) member->add_ca_certificates(ca);
  SetNames(cas->front(), &*member);

  v1::RegistryChange change;
  *change.add_items()->mutable_member() = *std::move(member);
  if (!files.signer_file.empty()) {
    absl::StatusOr<v1::SignerKey> key = MakeSignerKey(files, *cas);
    if (!key.ok()) return key.status();
    *change.add_items()->mutable_signer_key() = *std::move(key);
  }
  return change;
}

absl::StatusOr<v1::RegistryChange> MakePolicyChange(const PolicyFiles& files) {
  absl::StatusOr<NoteKey> log =
      ReadNoteKey(files.log_key_file, NoteKeyType::kEd25519);
  if (!log.ok()) return log.status();
  std::string text = absl::StrCat("log ", log->ToString(), "\n");
  std::string names;
  for (const std::string& path : files.witness_files) {
    absl::StatusOr<NoteKey> witness =
        ReadNoteKey(path, NoteKeyType::kCosignature);
    if (!witness.ok()) return witness.status();
    absl::StrAppend(&text, "witness ", witness->name(), " ",
                    witness->ToString(), "\n");
    absl::StrAppend(&names, " ", witness->name());
  }
  if (files.quorum == "none" || files.witness_files.empty()) {
    absl::StrAppend(&text, "quorum none\n");
  } else {
    absl::StrAppend(&text, "group witnesses ", files.quorum, names,
                    "\nquorum witnesses\n");
  }
  if (auto policy = LogPolicy::Parse(text); !policy.ok()) {
    return Annotate(policy.status(), "--quorum");
  }
  v1::RegistryChange change;
  v1::LogPolicy* policy = change.add_items()->mutable_log_policy();
  policy->set_policy(std::move(text));
  if (files.grace > absl::ZeroDuration()) {
    policy->mutable_quorum_grace()->set_seconds(
        absl::ToInt64Seconds(files.grace));
  }
  return change;
}

v1::RegistryChange MakeErasureChange(const ErasureTarget& target,
                                     const std::string& ground) {
  v1::RegistryChange change;
  v1::Erasure* erasure = change.add_items()->mutable_erasure();
  if (target.position.has_value()) {
    erasure->set_position(*target.position);
  } else {
    erasure->set_document(target.document);
  }
  erasure->set_ground(ground);
  return change;
}

void DropUnchanged(const Federation& registry, v1::RegistryChange* change) {
  v1::RegistryChange left;
  for (v1::RegistryItem& item : *change->mutable_items()) {
    if (!IsUnchanged(registry, item)) *left.add_items() = std::move(item);
  }
  change->mutable_items()->Swap(left.mutable_items());
}

absl::StatusOr<v1::RegistryChange> MakeRevokedCertificateChange(
    const std::string& path, const std::string& ground) {
  absl::StatusOr<std::vector<std::string>> certificates =
      ReadCertificates(path);
  if (!certificates.ok()) return certificates.status();
  const CertificateName name = NameOf(X509FromDer(certificates->front()).get());
  v1::RegistryChange change;
  v1::RevokedCertificate* revoked =
      change.add_items()->mutable_revoked_certificate();
  revoked->set_issuer(name.issuer);
  revoked->set_serial(name.serial);
  revoked->set_ground(ground);
  return change;
}

}  // namespace gaceta::cli
