#include "testing/fake_federation.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "pki/note_key.h"
#include "pki/pki.h"
#include "verify/digest.h"
#include "verify/keys.h"
#include "verify/openssl_ptr.h"

namespace gaceta::client {
namespace {

constexpr absl::Duration kValidity = absl::Hours(24 * 30);

std::string TrustDomain(const std::string& member) {
  return absl::StrCat(
      member == kSecretariat ? "secretariat" : absl::AsciiStrToLower(member),
      ".", FakeFederation::kName);
}

}  // namespace

struct FakeFederation::Member {
  std::string id;
  pki::CertifiedKey ca;
  std::optional<StatementSigner> signer;
  v1::SignerKey signer_key;
  ChainHead head;

  // Makes a key and signs with it from now on.
  absl::Status NewSigner() {
    auto spiffe_id =
        SpiffeId::Parse(absl::StrCat("spiffe://", TrustDomain(id), "/signer"));
    if (!spiffe_id.ok()) return spiffe_id.status();
    pki::LeafOptions options;
    options.not_before = absl::Now() - absl::Hours(1);
    options.validity = kValidity;
    auto leaf = pki::MakeLeaf(ca, *spiffe_id, options);
    if (!leaf.ok()) return leaf.status();
    auto key = SigningKey::FromPem(leaf->key_pem);
    if (!key.ok()) return key.status();
    signer.emplace(std::string(kLogOrigin), id, *std::move(key));
    const auto chain = X509sFromPem(leaf->certificate_pem);
    signer_key.set_publisher(id);
    signer_key.set_certificate(X509ToDer(chain[0].get()));
    signer_key.set_issuer(X509ToDer(chain[1].get()));
    return absl::OkStatus();
  }

  v1::Member ToProto() const {
    v1::Member member;
    member.set_id(id);
    member.set_kind(id == kSecretariat ? v1::Member::KIND_SECRETARIAT
                                       : v1::Member::KIND_STATE);
    member.set_status(v1::Member::STATUS_ACTIVE);
    member.set_trust_domain(TrustDomain(id));
    member.add_ca_certificates(
        X509ToDer(X509sFromPem(ca.certificate_pem)[0].get()));
    v1::NameText* name = member.add_names();
    name->set_language("en");
    name->set_text(id);
    return member;
  }
};

FakeFederation::FakeFederation(std::vector<std::string> states)
    : states_(std::move(states)) {}

absl::StatusOr<std::unique_ptr<FakeFederation>> FakeFederation::Create(
    std::vector<std::string> states) {
  const absl::Time not_before = absl::Now() - absl::Hours(1);
  auto root = pki::MakeRoot(kName, not_before, kValidity);
  if (!root.ok()) return root.status();
  auto federation =
      std::unique_ptr<FakeFederation>(new FakeFederation(std::move(states)));
  federation->root_pem_ = root->certificate_pem;

  std::vector<std::string> ids = federation->states_;
  ids.emplace_back(kSecretariat);
  for (const std::string& id : ids) {
    auto ca = pki::MakeCa(*root, TrustDomain(id), not_before, kValidity);
    if (!ca.ok()) return ca.status();
    auto member = std::make_shared<Member>();
    member->id = id;
    member->ca = *std::move(ca);
    if (absl::Status s = member->NewSigner(); !s.ok()) return s;
    federation->members_[id] = std::move(member);
  }
  if (absl::Status s = federation->MakeLogKeys(); !s.ok()) return s;
  return federation;
}

absl::Status FakeFederation::MakeLogKeys() {
  auto log = NewNoteSigner(std::string(kLogOrigin), NoteKeyType::kEd25519);
  if (!log.ok()) return log.status();
  log_signer_ = std::make_unique<const NoteSigner>(*std::move(log));
  for (const std::string& state : states_) {
    auto witness = NewNoteSigner(absl::StrCat("node.", TrustDomain(state)),
                                 NoteKeyType::kCosignature);
    if (!witness.ok()) return witness.status();
    witnesses_.emplace(state, *std::move(witness));
  }
  return absl::OkStatus();
}

v1::Entry FakeFederation::First(bool with_log_policy) {
  v1::RegistryChange change;
  for (const auto& [id, member] : members_) {
    *change.add_items()->mutable_member() = member->ToProto();
    *change.add_items()->mutable_signer_key() = member->signer_key;
  }
  for (const char* id : {"entry-visa", "asylum-refuge"}) {
    v1::Topic* topic = change.add_items()->mutable_topic();
    topic->set_id(id);
    v1::NameText* name = topic->add_names();
    name->set_language("en");
    name->set_text(id);
  }
  v1::Corridor* corridor = change.add_items()->mutable_corridor();
  corridor->set_id("all");
  v1::NameText* name = corridor->add_names();
  name->set_language("en");
  name->set_text("All states");
  for (const std::string& state : states_) {
    v1::Corridor::Stop* stop = corridor->add_stops();
    stop->set_state(state);
    stop->add_roles(state == states_.front()  ? v1::CORRIDOR_ROLE_SENDING
                    : state == states_.back() ? v1::CORRIDOR_ROLE_RECEIVING
                                              : v1::CORRIDOR_ROLE_TRANSIT);
  }
  if (with_log_policy) {
    *change.add_items() = LogPolicyItem(0, absl::Seconds(60));
  }
  return ChangeRegistry(std::move(change));
}

v1::RegistryItem FakeFederation::LogPolicyItem(int quorum, absl::Duration grace,
                                               const NoteKey& log) const {
  std::string text = absl::StrCat("log ", log.ToString(), "\n");
  std::string names;
  for (const auto& [state, witness] : witnesses_) {
    absl::StrAppend(&text, "witness ", state, " ",
                    witness.public_key().ToString(), "\n");
    absl::StrAppend(&names, " ", state);
  }
  absl::StrAppend(&text, "group states ", std::max(quorum, 1), names,
                  "\nquorum ", quorum > 0 ? "states" : "none", "\n");
  v1::RegistryItem item;
  item.mutable_log_policy()->set_policy(std::move(text));
  item.mutable_log_policy()->mutable_quorum_grace()->set_seconds(
      absl::ToInt64Seconds(grace));
  return item;
}

v1::Entry FakeFederation::ChangeRegistry(v1::RegistryChange change) {
  change.set_nonce(NewPayloadNonce());
  StatementSigner::Content content;
  content.statement_id = NewStatementId();
  content.payload_type = std::string(kRegistryChangePayloadType);
  content.payload = change.SerializeAsString();
  return Sign(std::string(kSecretariat), std::move(content));
}

v1::Entry FakeFederation::Publish(const std::string& state, v1::Update update,
                                  const v1::Audience& audience) {
  return Publish(state, std::move(update), audience, NewStatementId(), "");
}

v1::Entry FakeFederation::Publish(const std::string& state, v1::Update update,
                                  const v1::Audience& audience,
                                  const std::string& statement_id,
                                  const std::string& agency) {
  update.set_nonce(NewPayloadNonce());
  StatementSigner::Content content;
  content.statement_id = statement_id;
  content.agency = agency;
  content.payload_type = std::string(kUpdatePayloadType);
  content.payload = update.SerializeAsString();
  content.audience = audience;
  return Sign(state, std::move(content));
}

v1::Entry FakeFederation::Sign(const std::string& publisher,
                               StatementSigner::Content content) {
  Member& member = *members_.at(publisher);
  auto statement = member.signer->Sign(member.head, content, absl::Now());
  if (!statement.ok()) return {};
  member.head = {member.head.sequence + 1, Sha256(statement->header())};

  v1::Leaf leaf;
  leaf.set_header(statement->header());
  leaf.set_signature(statement->signature());
  leaf.set_key_id(statement->key_id());
  leaf.mutable_recorded_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  v1::Entry entry;
  entry.set_leaf(leaf.SerializeAsString());
  entry.set_payload(statement->payload());
  return entry;
}

absl::StatusOr<v1::RegistryItem> FakeFederation::NewSigner(
    const std::string& member) {
  if (absl::Status s = members_.at(member)->NewSigner(); !s.ok()) return s;
  v1::RegistryItem item;
  *item.mutable_signer_key() = members_.at(member)->signer_key;
  return item;
}

std::string FakeFederation::KeyId(const std::string& member) const {
  return members_.at(member)->signer->public_key().key_id();
}

absl::StatusOr<NoteSigner> NewNoteSigner(const std::string& name,
                                         NoteKeyType type) {
  auto pem = pki::MakeEd25519Pem();
  if (!pem.ok()) return pem.status();
  auto key = SigningKey::FromPem(*pem);
  if (!key.ok()) return key.status();
  return NoteSigner::Create(name, type, *std::move(key));
}

v1::Update FakeUpdate(const std::string& state, int number) {
  v1::Update update;
  update.set_kind(v1::UPDATE_KIND_LEGISLATION);
  update.set_event(v1::UPDATE_EVENT_PUBLICATION);
  v1::Instrument* instrument = update.mutable_instrument();
  instrument->set_uri(absl::StrCat("urn:lex:", absl::AsciiStrToLower(state),
                                   ":congreso:ley:2026-01-15;", number));
  instrument->set_type(v1::INSTRUMENT_TYPE_LAW);
  instrument->set_number(absl::StrCat(number));
  instrument->add_topics("entry-visa");
  v1::Title* title = instrument->add_titles();
  title->set_language("es");
  title->set_text(absl::StrCat("Ley ", number, " de Migración"));
  return update;
}

}  // namespace gaceta::client
