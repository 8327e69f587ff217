// Statements, entries and a federation for tests, naming only what matters.
#ifndef GACETA_TESTS_SUPPORT_STATEMENTS_H_
#define GACETA_TESTS_SUPPORT_STATEMENTS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/registry.pb.h"
#include "gaceta/v1/statement.pb.h"
#include "gaceta/v1/update.pb.h"
#include "pki/pki.h"
#include "server/log/log_store.h"
#include "verify/federation.h"
#include "verify/keys.h"
#include "verify/note.h"
#include "verify/statement.h"

// Whatever goes wrong in a builder ends the test program: it is no result.
namespace gaceta::testing {

inline constexpr absl::string_view kFederation = "gaceta.example";
inline constexpr absl::string_view kLogOrigin = "hub.gaceta.example/log";

// 2026-03-01 12:00 UTC.
absl::Time TestTime();

// A new key. SharedKey() is always the same one, where any does.
SigningKey NewKey(bool ed25519 = false);
const SigningKey& SharedKey();

// Signs the checkpoints of the log of that origin; always the same.
const NoteSigner& SharedLogSigner();

// An update that breaks no rule and deserves no warning, with one topic,
// `entry-visa`, and titles in Spanish.
v1::Update GoodUpdate(absl::string_view publisher, int number = 208);

// What is in a statement beside its place in the chain.
struct StatementParts {
  // Random if empty.
  std::string statement_id;
  std::string agency;
  std::string payload_type = std::string(kUpdatePayloadType);
  std::string payload = "payload";
  v1::Audience audience;
};

StatementParts UpdateParts(const v1::Update& update);

// Returns `parts` signed by `key` as the successor of `head`.
v1::Statement SignedStatement(absl::string_view publisher,
                              const StatementParts& parts,
                              const ChainHead& head = {},
                              const SigningKey& key = SharedKey());

// Signs one statement of a publisher after the other.
class TestPublisher {
 public:
  explicit TestPublisher(std::string publisher, SigningKey key = SharedKey())
      : publisher_(std::move(publisher)), key_(std::move(key)) {}

  v1::Statement Next(const StatementParts& parts);
  v1::Statement Next(const v1::Update& update) {
    return Next(UpdateParts(update));
  }

  const ChainHead& head() const { return head_; }

 private:
  std::string publisher_;
  SigningKey key_;
  ChainHead head_;
};

v1::StatementHeader HeaderOf(const v1::Statement& statement);

// What the hub would store of a statement.
StoredEntry StoredEntryOf(const v1::Statement& statement,
                          absl::Time recorded_time = TestTime());
// Whether the log has what a receipt, or an answer's entry, says, by a
// checkpoint that `log` signed.
absl::Status CheckInLog(const std::string& leaf, Position position,
                        const std::string& inclusion_proof,
                        const std::string& checkpoint, const NoteKey& log);
absl::Status CheckReceipt(const v1::Receipt& receipt, const NoteKey& log);
// What a subscriber gets of it.
v1::Entry EntryOf(Position position, const StoredEntry& stored);

// A federation with its certificates: the secretariat and some states, each
// with a CA and a signer. Making it takes milliseconds; share it.
class TestFederation {
 public:
  explicit TestFederation(const std::vector<std::string>& states = {"HN", "GT",
                                                                    "MX"});

  // Knows the root alone.
  Federation Empty() const;
  // With FirstChange() at position 0: every member, its signer, the topics
  // `entry-visa` and `education`, the corridor `north` (HN sending, GT sending
  // and transit, MX transit and receiving), and a log policy of
  // SharedLogSigner() without witnesses.
  Federation Full() const;

  // The secretariat's first statement, which makes Full() of Empty().
  v1::RegistryChange FirstChange() const;
  v1::RegistryItem MemberItem(const std::string& publisher) const;
  v1::RegistryItem SignerItem(const std::string& publisher) const;

  const pki::CertifiedKey& root() const { return root_; }
  const pki::CertifiedKey& CaOf(const std::string& publisher) const;
  // The key that Full() has for it.
  SigningKey SignerKeyOf(const std::string& publisher) const;
  TestPublisher PublisherOf(const std::string& publisher) const {
    return TestPublisher(publisher, SignerKeyOf(publisher));
  }
  // `hn.gaceta.example`.
  static std::string TrustDomainOf(absl::string_view publisher);

 private:
  struct Keys {
    pki::CertifiedKey ca;
    pki::CertifiedKey signer;
  };

  pki::CertifiedKey root_;
  std::map<std::string, Keys> members_;
};

// `SPIFFE` text that is known to be good.
SpiffeId IdOf(absl::string_view trust_domain, absl::string_view path);

// DER of the first certificate of a PEM text.
std::string DerOf(const std::string& certificate_pem);

v1::RegistryItem TopicItem(const std::string& id);

// A log policy that asks for no witnesses.
v1::RegistryItem LogPolicyItem(const NoteKey& log);

// A change of the registry as a payload.
StatementParts RegistryParts(const v1::RegistryChange& change);

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SUPPORT_STATEMENTS_H_
