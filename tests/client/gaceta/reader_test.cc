#include "gaceta/reader.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/fake_relay.h"

namespace gaceta::client {
namespace {

class ReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto relay = FakeRelay::Start({"GT", "HN"});
    ASSERT_TRUE(relay.ok()) << relay.status();
    relay_ = *std::move(relay);
    auto registry = Registry::Create(relay_->source(), kFast);
    ASSERT_TRUE(registry.ok()) << registry.status();
    registry_ = *std::move(registry);
    auto reader = UpdateReader::Create(relay_->source(), kFast);
    ASSERT_TRUE(reader.ok()) << reader.status();
    reader_ = *std::move(reader);
  }

  static v1::RegistryChange AddTopic(const std::string& id) {
    v1::RegistryChange change;
    v1::Topic* topic = change.add_items()->mutable_topic();
    topic->set_id(id);
    v1::NameText* name = topic->add_names();
    name->set_language("en");
    name->set_text(id);
    return change;
  }
  static absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

  inline static const BackoffOptions kFast = {absl::Milliseconds(1),
                                              absl::Milliseconds(2), 2};
  std::unique_ptr<FakeRelay> relay_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<UpdateReader> reader_;
};

TEST_F(ReaderTest, RegistryIsWhatTheSecretariatSigned) {
  EXPECT_EQ(registry_->Latest()->FindMember("HN"), nullptr);

  ASSERT_TRUE(registry_->Refresh(Soon()).ok());

  EXPECT_NE(registry_->Latest()->FindMember("HN"), nullptr);
  EXPECT_NE(registry_->Latest()->FindCorridor("all"), nullptr);
  EXPECT_EQ(registry_->next_position(), 1);
}

TEST_F(ReaderTest, RegistryRefreshesOverManyPages) {
  for (int i = 0; i < 100; ++i) {
    relay_->ChangeRegistry(AddTopic(absl::StrCat("topic-", i)));
  }
  ASSERT_TRUE(registry_->Refresh(Soon()).ok());
  EXPECT_TRUE(registry_->Latest()->HasTopic("topic-99"));
  relay_->ChangeRegistry(AddTopic("topic-100"));

  ASSERT_TRUE(registry_->Refresh(Soon()).ok());

  EXPECT_TRUE(registry_->Latest()->HasTopic("topic-100"));
}

TEST_F(ReaderTest, RegistryKnowsWhatItWas) {
  relay_->PublishMany(1);
  relay_->ChangeRegistry(AddTopic("health"));
  ASSERT_TRUE(registry_->Refresh(Soon()).ok());

  EXPECT_EQ(registry_->At(0)->FindMember("HN"), nullptr);
  EXPECT_NE(registry_->At(1)->FindMember("HN"), nullptr);
  EXPECT_FALSE(registry_->At(2)->HasTopic("health"));
  EXPECT_TRUE(registry_->At(3)->HasTopic("health"));
}

TEST_F(ReaderTest, RegistryWithoutOneStatementIsDataLoss) {
  relay_->ChangeRegistry(AddTopic("health"));
  relay_->ChangeRegistry(AddTopic("labour"));
  relay_->HideFromRegistry(1);

  const absl::Status status = registry_->Refresh(Soon());

  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(Reason(status), "CHAIN_GAP");
  EXPECT_FALSE(registry_->Latest()->HasTopic("labour"));
}

TEST_F(ReaderTest, RegistryOfAnotherRootIsDataLoss) {
  auto other = FakeRelay::Start({"GT", "HN"});
  ASSERT_TRUE(other.ok());
  LogSource source = relay_->source();
  source.root_pem = (*other)->source().root_pem;

  EXPECT_TRUE(absl::IsDataLoss(
      Registry::Create(source, kFast).value()->Refresh(Soon())));
}

TEST_F(ReaderTest, GetsAnEntryByPositionAndById) {
  relay_->PublishMany(3);

  auto by_position = reader_->Get(2, Soon());

  ASSERT_TRUE(by_position.ok()) << by_position.status();
  EXPECT_EQ(by_position->header.publisher(), "HN");
  auto by_id = reader_->Get(by_position->header.statement_id(), Soon());
  ASSERT_TRUE(by_id.ok()) << by_id.status();
  EXPECT_EQ(by_id->position, 2);
  EXPECT_TRUE(absl::IsOutOfRange(reader_->Get(99, Soon()).status()));
}

TEST_F(ReaderTest, ListsPagesInBothOrders) {
  relay_->PublishMany(5);
  v1::ListUpdatesRequest request;
  request.set_page_size(3);

  auto page = reader_->List(request, Soon());

  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->entries.size(), 3);
  EXPECT_EQ(page->entries[0].position, 5);
  request.set_page_token(page->next_page_token);
  page = reader_->List(request, Soon());
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->entries.back().position, 1);
  EXPECT_EQ(page->next_page_token, "");

  request.clear_page_token();
  request.set_ascending(true);
  page = reader_->List(request, Soon());
  ASSERT_TRUE(page.ok()) << page.status();
  EXPECT_EQ(page->entries[0].position, 1);
}

TEST_F(ReaderTest, EntryOfAKeyThatWasRevokedLaterHolds) {
  relay_->PublishMany(2);
  v1::RegistryChange change;
  v1::SignerKeyRevocation* revocation =
      change.add_items()->mutable_signer_key_revocation();
  revocation->set_key_id(relay_->federation().KeyId("HN"));
  revocation->set_ground("rotation");
  relay_->ChangeRegistry(change);
  relay_->Publish("HN", FakeUpdate("HN", 9));

  EXPECT_TRUE(reader_->Get(2, Soon()).ok());
  EXPECT_EQ(Reason(reader_->Get(4, Soon()).status()), "UNKNOWN_KEY");
}

TEST_F(ReaderTest, AlteredEntryIsDataLoss) {
  v1::Entry entry = relay_->federation().Publish("HN", FakeUpdate("HN", 1));
  entry.mutable_payload()->back() ^= 1;
  relay_->Append(entry);

  EXPECT_EQ(Reason(reader_->Get(1, Soon()).status()),
            "PAYLOAD_DIGEST_MISMATCH");
  EXPECT_TRUE(absl::IsDataLoss(reader_->List({}, Soon()).status()));
}

// --- Whether the log has it
// ----------------------------------------------------

// Alters what a single answer shows, after it was proved.
void CorruptProof(v1::Entry* entry) {
  entry->mutable_inclusion_proof()->back() ^= 1;
}
void CutProof(v1::Entry* entry) {
  entry->mutable_inclusion_proof()->pop_back();
}
void DropProof(v1::Entry* entry) { entry->clear_inclusion_proof(); }
// The statement holds still: it is another leaf of the same signed header.
void BackDate(v1::Entry* entry) {
  v1::Leaf leaf;
  leaf.ParseFromString(entry->leaf());
  leaf.mutable_recorded_time()->set_seconds(1);
  entry->set_leaf(leaf.SerializeAsString());
}

class AlteredAnswerTest
    : public ReaderTest,
      public ::testing::WithParamInterface<void (*)(v1::Entry*)> {};

TEST_P(AlteredAnswerTest, IsDataLossInEveryKindOfAnswer) {
  relay_->PublishMany(5);
  ASSERT_TRUE(reader_->Get(3, Soon()).ok());
  relay_->OnAnswer(GetParam());

  EXPECT_EQ(Reason(reader_->Get(3, Soon()).status()), "BAD_INCLUSION_PROOF");
  EXPECT_EQ(Reason(reader_->List({}, Soon()).status()), "BAD_INCLUSION_PROOF");
  const absl::Status status = registry_->Refresh(Soon());
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(Reason(status), "BAD_INCLUSION_PROOF");
}

INSTANTIATE_TEST_SUITE_P(Ways, AlteredAnswerTest,
                         ::testing::Values(CorruptProof, CutProof, DropProof,
                                           BackDate));

TEST_F(ReaderTest, EntryThatTheCheckpointDoesNotHaveIsDataLoss) {
  relay_->PublishMany(3);
  relay_->FreezeCheckpoint(2);

  EXPECT_TRUE(reader_->Get(1, Soon()).ok());
  EXPECT_EQ(Reason(reader_->Get(2, Soon()).status()), "BAD_INCLUSION_PROOF");
}

TEST_F(ReaderTest, CheckpointOfAnotherKeyIsDataLoss) {
  relay_->PublishMany(1);
  auto other = NewNoteSigner(std::string(FakeFederation::kLogOrigin),
                             NoteKeyType::kEd25519);
  ASSERT_TRUE(other.ok());
  relay_->SignLogWith(*other);

  const absl::Status status = reader_->Get(1, Soon()).status();

  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(Reason(status), "BAD_CHECKPOINT_SIGNATURE");
}

TEST_F(ReaderTest, KeyThatANewerPolicyNamesCounts) {
  relay_->PublishMany(1);
  ASSERT_TRUE(reader_->Get(1, Soon()).ok());
  auto other = NewNoteSigner(std::string(FakeFederation::kLogOrigin),
                             NoteKeyType::kEd25519);
  ASSERT_TRUE(other.ok());
  v1::RegistryChange change;
  *change.add_items() = relay_->federation().LogPolicyItem(0, absl::Seconds(60),
                                                           other->public_key());
  relay_->ChangeRegistry(change);
  relay_->SignLogWith(*other);

  EXPECT_TRUE(reader_->Get(1, Soon()).ok());
}

TEST_F(ReaderTest, RegistryThatDoesNotVerifyStaysSo) {
  relay_->OnAnswer(CorruptProof);
  relay_->ChangeRegistry(AddTopic("health"));
  ASSERT_TRUE(absl::IsDataLoss(registry_->Refresh(Soon())));
  relay_->OnAnswer(nullptr);

  EXPECT_TRUE(absl::IsDataLoss(registry_->Refresh(Soon())));
}

TEST(LogSourceTest, NamesWhatIsMissing) {
  LogSource source;
  EXPECT_TRUE(absl::IsInvalidArgument(OpenSource(source).status()));
  source.federation = "gaceta.example";
  EXPECT_TRUE(absl::IsInvalidArgument(OpenSource(source).status()));
  source.connection.root_file = "/nowhere/root.pem";
  EXPECT_TRUE(absl::IsNotFound(OpenSource(source).status()));
}

}  // namespace
}  // namespace gaceta::client
