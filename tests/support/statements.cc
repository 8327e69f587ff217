#include "tests/support/statements.h"

#include <cstdlib>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "openssl/evp.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"
#include "verify/merkle.h"
#include "verify/openssl_ptr.h"

namespace gaceta::testing {
namespace {

constexpr absl::Duration kValidity = absl::Hours(24 * 365);

v1::NameText* AddName(google::protobuf::RepeatedPtrField<v1::NameText>* names,
                      const std::string& text) {
  v1::NameText* name = names->Add();
  name->set_language("es");
  name->set_text(text);
  return name;
}

void AddStop(v1::Corridor* corridor, const std::string& state,
             const std::vector<v1::CorridorRole>& roles) {
  v1::Corridor::Stop* stop = corridor->add_stops();
  stop->set_state(state);
  for (const v1::CorridorRole role : roles) stop->add_roles(role);
}

}  // namespace

absl::Time TestTime() {
  return absl::FromCivil(absl::CivilSecond(2026, 3, 1, 12),
                         absl::UTCTimeZone());
}

SigningKey NewKey(bool ed25519) {
  const OpensslPtr<EVP_PKEY> key(
      ed25519 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
              : EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  const OpensslPtr<BIO> bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0,
                                nullptr, nullptr);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return *SigningKey::FromPem({bytes, static_cast<std::size_t>(size)});
}

const SigningKey& SharedKey() {
  static const auto* key = new SigningKey(NewKey());
  return *key;
}

const NoteSigner& SharedLogSigner() {
  static const auto* signer = new NoteSigner(*NoteSigner::Create(
      std::string(kLogOrigin), NoteKeyType::kEd25519, NewKey(true)));
  return *signer;
}

v1::Update GoodUpdate(absl::string_view publisher, int number) {
  v1::Update update;
  update.set_nonce(std::string(16, 'n'));
  update.set_kind(v1::UPDATE_KIND_LEGISLATION);
  update.set_event(v1::UPDATE_EVENT_PUBLICATION);
  v1::Instrument* instrument = update.mutable_instrument();
  instrument->set_uri(absl::StrCat("urn:lex:", absl::AsciiStrToLower(publisher),
                                   ":estado:ley:2004-03-03;", number));
  instrument->set_type(v1::INSTRUMENT_TYPE_LAW);
  v1::Title* title = instrument->add_titles();
  title->set_language("es");
  title->set_text("Ley de Migración y Extranjería");
  instrument->add_topics("entry-visa");
  return update;
}

StatementParts UpdateParts(const v1::Update& update) {
  StatementParts parts;
  parts.payload = update.SerializeAsString();
  return parts;
}

v1::Statement SignedStatement(absl::string_view publisher,
                              const StatementParts& parts,
                              const ChainHead& head, const SigningKey& key) {
  const StatementSigner signer(std::string(kLogOrigin), std::string(publisher),
                               key);
  StatementSigner::Content content;
  content.statement_id =
      parts.statement_id.empty() ? NewStatementId() : parts.statement_id;
  content.agency = parts.agency;
  content.payload_type = parts.payload_type;
  content.payload = parts.payload;
  content.audience = parts.audience;
  return *signer.Sign(head, content, TestTime());
}

v1::Statement TestPublisher::Next(const StatementParts& parts) {
  v1::Statement statement = SignedStatement(publisher_, parts, head_, key_);
  head_ = {head_.sequence + 1, Sha256(statement.header())};
  return statement;
}

v1::StatementHeader HeaderOf(const v1::Statement& statement) {
  return *ParseHeader(statement.header());
}

StoredEntry StoredEntryOf(const v1::Statement& statement,
                          absl::Time recorded_time) {
  v1::Leaf leaf;
  leaf.set_header(statement.header());
  leaf.set_signature(statement.signature());
  leaf.set_key_id(statement.key_id());
  leaf.mutable_recorded_time()->set_seconds(absl::ToUnixSeconds(recorded_time));
  leaf.mutable_recorded_time()->set_nanos(
      static_cast<std::int32_t>(absl::ToInt64Nanoseconds(
          recorded_time -
          absl::FromUnixSeconds(absl::ToUnixSeconds(recorded_time)))));
  StoredEntry stored;
  stored.leaf = leaf.SerializeAsString();
  stored.payload = statement.payload();
  return stored;
}

absl::Status CheckInLog(const std::string& leaf, Position position,
                        const std::string& inclusion_proof,
                        const std::string& checkpoint, const NoteKey& log) {
  auto opened = OpenCheckpoint(checkpoint, {log});
  if (!opened.ok()) return opened.status();
  auto proof = SplitHashes(inclusion_proof);
  if (!proof.ok()) return proof.status();
  return VerifyInclusion(HashLeaf(leaf), position, opened->size, *proof,
                         opened->root);
}

absl::Status CheckReceipt(const v1::Receipt& receipt, const NoteKey& log) {
  return CheckInLog(receipt.leaf(), receipt.position(),
                    receipt.inclusion_proof(), receipt.checkpoint(), log);
}

v1::Entry EntryOf(Position position, const StoredEntry& stored) {
  v1::Entry entry;
  entry.set_position(position);
  entry.set_leaf(stored.leaf);
  entry.set_payload(stored.payload);
  entry.set_omission(stored.omission);
  return entry;
}

TestFederation::TestFederation(const std::vector<std::string>& states)
    : root_(*pki::MakeRoot(kFederation, TestTime(), kValidity)) {
  std::vector<std::string> all = states;
  all.emplace_back(kSecretariat);
  for (const std::string& id : all) {
    const std::string domain = TrustDomainOf(id);
    pki::CertifiedKey ca = *pki::MakeCa(root_, domain, TestTime(), kValidity);
    pki::LeafOptions options;
    options.not_before = TestTime();
    options.validity = kValidity;
    pki::CertifiedKey signer =
        *pki::MakeLeaf(ca, IdOf(domain, "signer"), options);
    members_[id] = {std::move(ca), std::move(signer)};
  }
}

Federation TestFederation::Empty() const {
  return *Federation::Create(root_.certificate_pem, std::string(kFederation));
}

Federation TestFederation::Full() const {
  Federation federation = Empty();
  const absl::Status status = federation.Apply(FirstChange(), 0);
  if (!status.ok()) {
    std::cerr << "the test federation is wrong: " << status << "\n";
    std::abort();
  }
  return federation;
}

v1::RegistryChange TestFederation::FirstChange() const {
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  for (const auto& [id, keys] : members_) *change.add_items() = MemberItem(id);
  for (const auto& [id, keys] : members_) *change.add_items() = SignerItem(id);
  *change.add_items() = TopicItem("entry-visa");
  *change.add_items() = TopicItem("education");
  v1::Corridor* corridor = change.add_items()->mutable_corridor();
  corridor->set_id("north");
  AddName(corridor->mutable_names(), "Corredor norte");
  AddStop(corridor, "HN", {v1::CORRIDOR_ROLE_SENDING});
  AddStop(corridor, "GT",
          {v1::CORRIDOR_ROLE_SENDING, v1::CORRIDOR_ROLE_TRANSIT});
  AddStop(corridor, "MX",
          {v1::CORRIDOR_ROLE_TRANSIT, v1::CORRIDOR_ROLE_RECEIVING});
  *change.add_items() = LogPolicyItem(SharedLogSigner().public_key());
  return change;
}

v1::RegistryItem TestFederation::MemberItem(const std::string& id) const {
  v1::RegistryItem item;
  v1::Member* member = item.mutable_member();
  member->set_id(id);
  member->set_kind(id == kSecretariat ? v1::Member::KIND_SECRETARIAT
                   : id.size() == 2   ? v1::Member::KIND_STATE
                                      : v1::Member::KIND_OBSERVER);
  member->set_status(v1::Member::STATUS_ACTIVE);
  member->set_trust_domain(TrustDomainOf(id));
  member->add_ca_certificates(DerOf(CaOf(id).certificate_pem));
  AddName(member->mutable_names(), id);
  return item;
}

v1::RegistryItem TestFederation::SignerItem(const std::string& id) const {
  v1::RegistryItem item;
  v1::SignerKey* key = item.mutable_signer_key();
  key->set_publisher(id);
  key->set_certificate(DerOf(members_.at(id).signer.certificate_pem));
  key->set_issuer(DerOf(CaOf(id).certificate_pem));
  return item;
}

const pki::CertifiedKey& TestFederation::CaOf(const std::string& id) const {
  return members_.at(id).ca;
}

SigningKey TestFederation::SignerKeyOf(const std::string& id) const {
  return *SigningKey::FromPem(members_.at(id).signer.key_pem);
}

std::string TestFederation::TrustDomainOf(absl::string_view publisher) {
  return absl::StrCat(publisher == kSecretariat
                          ? "secretariat"
                          : absl::AsciiStrToLower(publisher),
                      ".", kFederation);
}

SpiffeId IdOf(absl::string_view trust_domain, absl::string_view path) {
  return *SpiffeId::Parse(absl::StrCat("spiffe://", trust_domain, "/", path));
}

std::string DerOf(const std::string& certificate_pem) {
  return X509ToDer(X509sFromPem(certificate_pem).at(0).get());
}

v1::RegistryItem TopicItem(const std::string& id) {
  v1::RegistryItem item;
  item.mutable_topic()->set_id(id);
  AddName(item.mutable_topic()->mutable_names(), id);
  return item;
}

v1::RegistryItem LogPolicyItem(const NoteKey& log) {
  v1::RegistryItem item;
  item.mutable_log_policy()->set_policy(
      absl::StrCat("log ", log.ToString(), "\nquorum none\n"));
  return item;
}

StatementParts RegistryParts(const v1::RegistryChange& change) {
  StatementParts parts;
  parts.payload_type = std::string(kRegistryChangePayloadType);
  parts.payload = change.SerializeAsString();
  return parts;
}

}  // namespace gaceta::testing
