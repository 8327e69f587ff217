#include "verify/entry_verifier.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "errors/errors.h"
#include "gtest/gtest.h"
#include "pki/pki.h"
#include "tests/support/statements.h"

namespace gaceta {
namespace {

using testing::EntryOf;
using testing::GoodUpdate;
using testing::RegistryParts;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation;
  return *federation;
}

// A log whose first entry makes the registry, and a verifier that reads it.
class EntryVerifierTest : public ::testing::Test {
 protected:
  EntryVerifierTest() { Restart(false); }

  void Restart(bool complete_chains) {
    EntryVerifier::Options options;
    options.log_origin = std::string(testing::kLogOrigin);
    options.complete_chains = complete_chains;
    verifier_.emplace(options, TheFederation().Empty());
  }

  // Returns the next entry of the log.
  v1::Entry Append(const v1::Statement& statement) {
    return EntryOf(position_++, StoredEntryOf(statement));
  }

  v1::Entry AppendRegistry() {
    return Append(
        secretariat_.Next(RegistryParts(TheFederation().FirstChange())));
  }

  v1::Entry AppendTopic(const std::string& id) {
    v1::RegistryChange change;
    *change.add_items() = testing::TopicItem(id);
    return Append(secretariat_.Next(RegistryParts(change)));
  }

  v1::Entry AppendRevocation(const std::string& publisher) {
    v1::RegistryChange change;
    auto* revocation = change.add_items()->mutable_signer_key_revocation();
    revocation->set_key_id(
        TheFederation().SignerKeyOf(publisher).public_key().key_id());
    revocation->set_ground("lost");
    return Append(secretariat_.Next(RegistryParts(change)));
  }

  // Honduras takes part, or does not.
  v1::Entry AppendStatus(v1::Member::Status status) {
    v1::RegistryChange change;
    *change.add_items() = TheFederation().MemberItem("HN");
    change.mutable_items(0)->mutable_member()->set_status(status);
    return Append(secretariat_.Next(RegistryParts(change)));
  }

  v1::Entry AppendUpdate() { return Append(honduras_.Next(GoodUpdate("HN"))); }

  void ReadRegistry() {
    auto checked = verifier_->Check(AppendRegistry());
    ASSERT_TRUE(checked.ok()) << checked.status();
  }

  // Reads the registry ahead of the stream.
  void LoadRegistry(const std::vector<v1::Entry>& entries) {
    for (const v1::Entry& entry : entries) {
      const absl::Status status = verifier_->ApplyRegistryEntry(entry);
      ASSERT_TRUE(status.ok()) << status;
    }
  }

  // Checks that `entry` is refused and changes nothing.
  void ExpectRefused(const v1::Entry& entry, const std::string& reason) {
    const auto registry = verifier_->registry();
    const auto heads = verifier_->state().heads;
    const auto next = verifier_->state().next_position;

    const absl::Status status = verifier_->Check(entry).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_EQ(Reason(status), reason) << status;
    EXPECT_EQ(ReasonMetadata(status, "position"),
              std::to_string(entry.position()));
    EXPECT_EQ(verifier_->registry(), registry);
    EXPECT_EQ(verifier_->state().heads, heads);
    EXPECT_EQ(verifier_->state().next_position, next);
  }

  void ExpectAccepted(const v1::Entry& entry) {
    auto checked = verifier_->Check(entry);
    EXPECT_TRUE(checked.ok()) << checked.status();
  }

  // Changes the leaf of an entry.
  template <typename Change>
  static v1::Entry WithLeaf(v1::Entry entry, Change change) {
    v1::Leaf leaf;
    EXPECT_TRUE(leaf.ParseFromString(entry.leaf()));
    change(leaf);
    entry.set_leaf(leaf.SerializeAsString());
    return entry;
  }

  std::optional<EntryVerifier> verifier_;
  TestPublisher secretariat_ = TheFederation().PublisherOf("OAS");
  TestPublisher honduras_ = TheFederation().PublisherOf("HN");
  TestPublisher guatemala_ = TheFederation().PublisherOf("GT");
  Position position_ = 0;
};

TEST_F(EntryVerifierTest, TheRegistryIsBuiltFromTheRootAndTheLogAlone) {
  ASSERT_TRUE(verifier_->registry()->members().empty());

  ReadRegistry();

  EXPECT_EQ(verifier_->registry()->members().size(), 4u);
  EXPECT_TRUE(verifier_->registry()->HasTopic("entry-visa"));
  EXPECT_EQ(verifier_->registry_sequence(), 1u);
}

TEST_F(EntryVerifierTest, AGoodEntryComesWithWhatItSays) {
  ReadRegistry();
  const v1::Entry entry = AppendUpdate();

  auto checked = verifier_->Check(entry);

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->position, 1);
  EXPECT_EQ(checked->header.publisher(), "HN");
  EXPECT_EQ(checked->header_digest, honduras_.head().header_digest);
  EXPECT_EQ(checked->recorded_time, testing::TestTime());
  EXPECT_EQ(checked->entry.SerializeAsString(), entry.SerializeAsString());
  ASSERT_NE(checked->update, nullptr);
  EXPECT_EQ(checked->update->instrument().uri(),
            "urn:lex:hn:estado:ley:2004-03-03;208");
}

TEST_F(EntryVerifierTest, ALeafThatDoesNotParseIsRefused) {
  ReadRegistry();
  v1::Entry entry = AppendUpdate();
  entry.set_leaf("\xff\xff");

  ExpectRefused(entry, "MALFORMED_STATEMENT");
}

TEST_F(EntryVerifierTest, AHeaderThatIsMalformedIsRefused) {
  ReadRegistry();

  ExpectRefused(
      WithLeaf(AppendUpdate(), [](v1::Leaf& leaf) { leaf.clear_header(); }),
      "MALFORMED_STATEMENT");
}

TEST_F(EntryVerifierTest, AStatementForAnotherLogIsRefused) {
  ReadRegistry();
  const StatementSigner signer("other.example/log", "HN",
                               TheFederation().SignerKeyOf("HN"));
  StatementSigner::Content content;
  content.statement_id = NewStatementId();
  content.payload_type = std::string(kUpdatePayloadType);
  content.payload = GoodUpdate("HN").SerializeAsString();

  ExpectRefused(Append(*signer.Sign({}, content, testing::TestTime())),
                "WRONG_LOG");
}

TEST_F(EntryVerifierTest, AKeyThatTheRegistryDoesNotHaveIsRefused) {
  ReadRegistry();
  TestPublisher stranger("HN", testing::NewKey());

  ExpectRefused(Append(stranger.Next(GoodUpdate("HN"))), "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest, HondurasCannotSignForGuatemala) {
  ReadRegistry();
  TestPublisher forger("GT", TheFederation().SignerKeyOf("HN"));

  ExpectRefused(Append(forger.Next(GoodUpdate("GT"))), "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest, ARevokedKeyIsRefusedFromThereOn) {
  ReadRegistry();
  ExpectAccepted(AppendUpdate());
  ExpectAccepted(AppendRevocation("HN"));

  ExpectRefused(AppendUpdate(), "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest,
       HistoryBeforeARevocationHoldsThoughTheRegistryIsAhead) {
  const v1::Entry registry = AppendRegistry();
  const v1::Entry before = AppendUpdate();
  const v1::Entry revocation = AppendRevocation("HN");
  const v1::Entry after = AppendUpdate();
  LoadRegistry({registry, revocation});

  ExpectAccepted(registry);
  ExpectAccepted(before);
  ExpectAccepted(revocation);
  ExpectRefused(after, "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest,
       HistoryAroundASuspensionHoldsThoughTheRegistryIsAhead) {
  const v1::Entry registry = AppendRegistry();
  const v1::Entry before = AppendUpdate();
  const v1::Entry suspension = AppendStatus(v1::Member::STATUS_SUSPENDED);
  // No hub would take it, so it is no part of the chain.
  TestPublisher forger = honduras_;
  const v1::Entry during = Append(forger.Next(GoodUpdate("HN")));
  const v1::Entry back = AppendStatus(v1::Member::STATUS_ACTIVE);
  const v1::Entry after = AppendUpdate();
  LoadRegistry({registry, suspension, back});

  ExpectAccepted(registry);
  ExpectAccepted(before);
  ExpectAccepted(suspension);
  ExpectRefused(during, "MEMBER_SUSPENDED");
  ExpectAccepted(back);
  ExpectAccepted(after);
}

TEST_F(EntryVerifierTest, TheRegistrysOwnHistoryHoldsAfterItsKeyIsGivenUp) {
  const v1::Entry registry = AppendRegistry();
  const v1::Entry topic = AppendTopic("health");
  const v1::Entry revocation = AppendRevocation("OAS");
  const v1::Entry after = AppendTopic("children");
  LoadRegistry({registry, topic, revocation});

  ExpectAccepted(registry);
  ExpectAccepted(topic);
  ExpectAccepted(revocation);
  ExpectRefused(after, "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest, ASuspendedMemberIsRefusedUntilItTakesPartAgain) {
  ReadRegistry();
  ExpectAccepted(AppendStatus(v1::Member::STATUS_SUSPENDED));
  v1::Entry update = AppendUpdate();
  ExpectRefused(update, "MEMBER_SUSPENDED");

  ExpectAccepted(AppendStatus(v1::Member::STATUS_ACTIVE));
  update.set_position(position_++);
  ExpectAccepted(update);
}

TEST_F(EntryVerifierTest, APositionThatCannotBeIsRefused) {
  ReadRegistry();
  v1::Entry entry = AppendUpdate();

  for (const std::int64_t position : {std::int64_t{-1}, kLatest}) {
    entry.set_position(position);
    ExpectRefused(entry, "POSITION_ORDER");
  }
}

TEST_F(EntryVerifierTest, AnAlteredHeaderIsRefused) {
  ReadRegistry();
  const auto change = [](v1::Leaf& leaf) {
    v1::StatementHeader header;
    EXPECT_TRUE(header.ParseFromString(leaf.header()));
    header.set_agency("other");
    leaf.set_header(header.SerializeAsString());
  };

  ExpectRefused(WithLeaf(AppendUpdate(), change), "BAD_SIGNATURE");
}

TEST_F(EntryVerifierTest, AnAlteredSignatureIsRefused) {
  ReadRegistry();
  const auto change = [](v1::Leaf& leaf) {
    leaf.mutable_signature()->back() ^= 1;
  };

  ExpectRefused(WithLeaf(AppendUpdate(), change), "BAD_SIGNATURE");
}

TEST_F(EntryVerifierTest, AnAlteredPayloadIsRefused) {
  ReadRegistry();
  v1::Entry altered = AppendUpdate();
  altered.mutable_payload()->back() ^= 1;
  ExpectRefused(altered, "PAYLOAD_DIGEST_MISMATCH");

  v1::Entry missing = altered;
  missing.clear_payload();
  ExpectRefused(missing, "PAYLOAD_DIGEST_MISMATCH");
}

TEST_F(EntryVerifierTest, APayloadThatIsWithheldWithAReasonPasses) {
  ReadRegistry();
  for (const auto omission :
       {v1::Entry::OMISSION_NOT_REQUESTED, v1::Entry::OMISSION_RESTRICTED,
        v1::Entry::OMISSION_NOT_KEPT}) {
    v1::Entry entry = AppendUpdate();
    entry.clear_payload();
    entry.set_omission(omission);

    auto checked = verifier_->Check(entry);

    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->update, nullptr);
  }
}

TEST_F(EntryVerifierTest, APayloadThatIsThereAndSaidToBeOmittedIsRefused) {
  ReadRegistry();
  v1::Entry entry = AppendUpdate();
  entry.set_omission(v1::Entry::OMISSION_RESTRICTED);

  ExpectRefused(entry, "PAYLOAD_DIGEST_MISMATCH");
}

TEST_F(EntryVerifierTest, AnUpdateThatDoesNotParseIsRefused) {
  ReadRegistry();
  testing::StatementParts parts;
  parts.payload = "\xff\xff";

  ExpectRefused(Append(honduras_.Next(parts)), "MALFORMED_STATEMENT");
}

TEST_F(EntryVerifierTest, AnotherKindOfPayloadPassesUnread) {
  ReadRegistry();
  testing::StatementParts parts;
  parts.payload_type = "gaceta.v2.Something";
  parts.payload = "\xff\xff";

  ExpectAccepted(Append(honduras_.Next(parts)));
}

TEST_F(EntryVerifierTest, AnEntryThatComesAgainIsRefused) {
  ReadRegistry();
  const v1::Entry entry = AppendUpdate();
  ExpectAccepted(entry);

  ExpectRefused(entry, "POSITION_ORDER");
}

TEST_F(EntryVerifierTest, AStatementThatComesAgainElsewhereIsRefused) {
  ReadRegistry();
  v1::Entry entry = AppendUpdate();
  ExpectAccepted(entry);
  entry.set_position(position_++);

  ExpectRefused(entry, "CHAIN_BROKEN");
}

TEST_F(EntryVerifierTest, AForkOfTheChainIsRefused) {
  ReadRegistry();
  TestPublisher twin = honduras_;
  ExpectAccepted(AppendUpdate());
  // A second first statement, and what follows it.
  const v1::Statement other_first = twin.Next(GoodUpdate("HN", 1));
  const v1::Statement other_second = twin.Next(GoodUpdate("HN", 2));

  ExpectRefused(Append(other_first), "CHAIN_BROKEN");
  ExpectRefused(Append(other_second), "CHAIN_BROKEN");
}

TEST_F(EntryVerifierTest, AMissingStatementPassesWhereAFilterMayHideIt) {
  ReadRegistry();
  ExpectAccepted(AppendUpdate());
  AppendUpdate();

  ExpectAccepted(AppendUpdate());
}

TEST_F(EntryVerifierTest, AMissingStatementIsRefusedWhereAllMustCome) {
  Restart(true);
  ReadRegistry();
  ExpectAccepted(AppendUpdate());
  AppendUpdate();

  ExpectRefused(AppendUpdate(), "CHAIN_GAP");
}

TEST_F(EntryVerifierTest, AStreamMayBeginInTheMiddleOfAChain) {
  Restart(true);
  ReadRegistry();
  AppendUpdate();
  AppendUpdate();

  ExpectAccepted(AppendUpdate());
  ExpectAccepted(AppendUpdate());
}

TEST_F(EntryVerifierTest, GoesOnAfterARestartFromWhatWasKept) {
  ReadRegistry();
  ExpectAccepted(AppendUpdate());
  const EntryVerifier::State kept = verifier_->state();
  const v1::Entry next = AppendUpdate();
  TestPublisher secretariat = TheFederation().PublisherOf("OAS");

  Restart(true);
  ASSERT_TRUE(verifier_
                  ->ApplyRegistryEntry(EntryOf(
                      0, StoredEntryOf(secretariat.Next(
                             RegistryParts(TheFederation().FirstChange())))))
                  .ok());
  verifier_->set_state(kept);

  ExpectAccepted(next);
}

TEST_F(EntryVerifierTest, ASkippedRegistryStatementIsRefused) {
  ReadRegistry();
  AppendTopic("health");

  ExpectRefused(AppendTopic("children"), "BAD_REGISTRY");
}

TEST_F(EntryVerifierTest, ARegistryStatementWithoutItsPayloadIsRefused) {
  ReadRegistry();
  v1::Entry entry = AppendTopic("health");
  entry.clear_payload();
  entry.set_omission(v1::Entry::OMISSION_NOT_REQUESTED);

  ExpectRefused(entry, "BAD_REGISTRY");
}

TEST_F(EntryVerifierTest, ARegistryChangeThatBreaksARuleIsRefused) {
  ReadRegistry();

  ExpectRefused(AppendTopic("Not An Id"), "BAD_REGISTRY");
}

TEST_F(EntryVerifierTest, AnotherStatementOfTheSecretariatDoesNotStopIt) {
  ReadRegistry();
  testing::StatementParts parts;
  parts.payload_type = "gaceta.v1.Notice";
  ExpectAccepted(Append(secretariat_.Next(parts)));

  ExpectAccepted(AppendTopic("health"));

  EXPECT_TRUE(verifier_->registry()->HasTopic("health"));
}

TEST_F(EntryVerifierTest, TheFirstKeyMustChainToTheRoot) {
  static const auto* other = new TestFederation;
  TestPublisher impostor = other->PublisherOf("OAS");

  ExpectRefused(Append(impostor.Next(RegistryParts(other->FirstChange()))),
                "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest, TheFirstStatementMustBringTheKeyThatSignsIt) {
  v1::RegistryChange change = TheFederation().FirstChange();
  TestPublisher forger("OAS", testing::NewKey());

  ExpectRefused(Append(forger.Next(RegistryParts(change))), "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest, TheFirstStatementIsAChangeOfTheRegistry) {
  testing::StatementParts parts = RegistryParts(TheFederation().FirstChange());
  parts.payload_type = "gaceta.v1.Notice";

  ExpectRefused(Append(secretariat_.Next(parts)), "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest, AChangeOfTheRegistryBeforeTheLastOneIsRefused) {
  ReadRegistry();
  position_ = 9;
  ExpectAccepted(AppendTopic("health"));
  position_ = 5;

  EXPECT_EQ(Reason(verifier_->ApplyRegistryEntry(AppendTopic("children"))),
            "POSITION_ORDER");
}

TEST_F(EntryVerifierTest, AStatesKeyCannotMakeTheRegistry) {
  TestPublisher forger("OAS", TheFederation().SignerKeyOf("HN"));

  ExpectRefused(
      Append(forger.Next(RegistryParts(TheFederation().FirstChange()))),
      "UNKNOWN_KEY");
}

TEST_F(EntryVerifierTest, ARetiredKeyCannotMakeAnotherFirstStatement) {
  // A signer that the secretariat's CA named once, and that is not (any more)
  // in the registry.
  const pki::CertifiedKey& ca = TheFederation().CaOf("OAS");
  pki::LeafOptions options;
  options.not_before = testing::TestTime();
  options.validity = absl::Hours(24);
  const pki::CertifiedKey retired = *pki::MakeLeaf(
      ca, testing::IdOf("secretariat.gaceta.example", "signer"), options);
  v1::RegistryChange change = TheFederation().FirstChange();
  v1::SignerKey* key = change.add_items()->mutable_signer_key();
  key->set_publisher(std::string(kSecretariat));
  key->set_certificate(testing::DerOf(retired.certificate_pem));
  key->set_issuer(testing::DerOf(ca.certificate_pem));
  TestPublisher forger("OAS", *SigningKey::FromPem(retired.key_pem));
  const StoredEntry forged = StoredEntryOf(forger.Next(RegistryParts(change)));
  // It would do in an empty registry.
  ASSERT_TRUE(EntryVerifier::CheckAlone(EntryOf(0, forged),
                                        verifier_->options(),
                                        *verifier_->registry())
                  .ok());
  ReadRegistry();
  ExpectAccepted(AppendTopic("health"));

  // At the first statement's position, and at a new one.
  for (const Position position : {Position{0}, position_}) {
    const v1::Entry entry = EntryOf(position, forged);
    ExpectRefused(entry, "UNKNOWN_KEY");
    EXPECT_EQ(Reason(verifier_->ApplyRegistryEntry(entry)), "UNKNOWN_KEY");
  }
}

TEST_F(EntryVerifierTest, TheListOfRegistryEntriesMakesTheSameRegistry) {
  const v1::Entry first = AppendRegistry();
  const v1::Entry second = AppendTopic("health");
  for (const v1::Entry& entry : {first, second}) {
    ASSERT_TRUE(verifier_->ApplyRegistryEntry(entry).ok());
  }
  EXPECT_EQ(verifier_->registry_sequence(), 2u);

  // What a stream sends of it again is checked and changes nothing.
  const auto registry = verifier_->registry();
  ExpectAccepted(first);
  ExpectAccepted(second);
  EXPECT_EQ(verifier_->registry(), registry);

  ExpectAccepted(AppendTopic("children"));
  EXPECT_TRUE(verifier_->registry()->HasTopic("children"));
}

TEST_F(EntryVerifierTest, TwoHistoriesOfTheRegistryAreRefused) {
  ReadRegistry();
  TestPublisher twin = secretariat_;
  v1::RegistryChange change;
  *change.add_items() = testing::TopicItem("health");
  const v1::Entry shown = AppendTopic("health");
  const v1::Entry other = EntryOf(
      shown.position(), StoredEntryOf(twin.Next(RegistryParts(change))));
  const v1::Entry after_other =
      EntryOf(position_, StoredEntryOf(twin.Next(RegistryParts(change))));
  ASSERT_TRUE(verifier_->ApplyRegistryEntry(shown).ok());

  EXPECT_EQ(Reason(verifier_->ApplyRegistryEntry(other)), "CHAIN_BROKEN");
  EXPECT_EQ(Reason(verifier_->ApplyRegistryEntry(after_other)), "CHAIN_BROKEN");
}

TEST_F(EntryVerifierTest, EntriesAreCheckedAloneWithASnapshot) {
  ReadRegistry();
  const v1::Entry entry = AppendUpdate();
  const auto registry = verifier_->registry();

  auto checked =
      EntryVerifier::CheckAlone(entry, verifier_->options(), *registry);

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_TRUE(verifier_->CheckInOrder(*checked).ok());
  EXPECT_EQ(verifier_->state().next_position, 2);
}

}  // namespace
}  // namespace gaceta
