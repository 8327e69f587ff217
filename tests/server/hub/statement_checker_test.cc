#include "server/hub/statement_checker.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/support/statements.h"
#include "tests/support/test_hub.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using ::testing::Contains;
using ::testing::Field;
using testing::GoodUpdate;
using testing::HeaderOf;
using testing::IdOf;
using testing::kLogOrigin;
using testing::RegistryParts;
using testing::SignedStatement;
using testing::StatementParts;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;
using testing::TopicItem;
using testing::UpdateParts;

const TestFederation& Members() {
  static const auto* federation = new TestFederation();
  return *federation;
}

Caller NodeOf(const std::string& state) {
  return {{IdOf(TestFederation::TrustDomainOf(state), "node"), Role::kNode, ""},
          state,
          true};
}

Caller Registrar() {
  return {{IdOf(TestFederation::TrustDomainOf("OAS"), "admin/ana"),
           Role::kRegistrar, "ana"},
          "",
          false};
}

class StatementCheckerTest : public ::testing::Test {
 protected:
  StatementCheckerTest() {
    auto log = ProjectedLog::OpenInMemory(std::make_unique<MemoryLogStore>(),
                                          Members().Empty());
    EXPECT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    Log(SignedStatement("OAS", RegistryParts(Members().FirstChange()), {},
                        Members().SignerKeyOf("OAS")));
    auto documents = DocumentStore::Open(folder_.path());
    EXPECT_TRUE(documents.ok()) << documents.status();
    documents_ = *std::move(documents);
    history_ = std::make_unique<HubHistory>(&log_->index());
    checker_ = std::make_unique<StatementChecker>(
        log_.get(), documents_.get(), history_.get(), std::string(kLogOrigin));
  }

  void Log(const v1::Statement& statement) {
    const StoredEntry entry = StoredEntryOf(statement);
    ASSERT_TRUE(log_->Append(log_->store().Size(), {&entry, 1}).ok());
  }

  v1::Statement Honduras(const StatementParts& parts) const {
    return SignedStatement("HN", parts, {}, Members().SignerKeyOf("HN"));
  }
  v1::Statement Honduras(const v1::Update& update) const {
    return Honduras(UpdateParts(update));
  }

  absl::Status Check(const v1::Statement& statement) const {
    return checker_->Check(NodeOf("HN"), statement).status();
  }
  std::string Refusal(const v1::Statement& statement) const {
    const absl::Status status = Check(statement);
    EXPECT_FALSE(status.ok());
    return Reason(status);
  }

  // A statement whose header says what `change` makes of it.
  template <typename Change>
  v1::Statement Altered(Change change) const {
    v1::Statement statement = Honduras(GoodUpdate("HN"));
    v1::StatementHeader header = HeaderOf(statement);
    change(&header);
    statement.set_header(header.SerializeAsString());
    statement.set_signature(*Members().SignerKeyOf("HN").Sign(
        DssePae(kStatementHeaderType, statement.header())));
    return statement;
  }

  // Stores `text` and returns how an update names it.
  v1::Document Stored(const std::string& text) {
    const std::string hex = ToHex(Sha256(text));
    auto writer =
        documents_->StartWrite(hex, static_cast<std::int64_t>(text.size()), 0);
    EXPECT_TRUE((*writer)->Write(text).ok());
    EXPECT_TRUE((*writer)->Commit().ok());
    v1::Document document;
    document.set_sha256(hex);
    document.set_size(static_cast<std::int64_t>(text.size()));
    document.set_media_type("text/plain");
    document.set_language("es");
    document.set_legal_value(v1::LEGAL_VALUE_OFFICIAL);
    return document;
  }

  const testing::TempFolder folder_;
  std::unique_ptr<ProjectedLog> log_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<HubHistory> history_;
  std::unique_ptr<StatementChecker> checker_;
};

TEST_F(StatementCheckerTest, AGoodStatementPasses) {
  const v1::Statement statement = Honduras(GoodUpdate("HN"));

  auto checked = checker_->Check(NodeOf("HN"), statement);

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->candidate.statement.SerializeAsString(),
            statement.SerializeAsString());
  EXPECT_EQ(checked->candidate.header_digest, Sha256(statement.header()));
  EXPECT_EQ(checked->candidate.registry, log_->registry().Snapshot());
  EXPECT_NE(checked->under_way, nullptr);
}

TEST_F(StatementCheckerTest, AHeaderThatDoesNotParseIsMalformed) {
  v1::Statement statement = Honduras(GoodUpdate("HN"));
  statement.set_header("\xff\xff\xff");

  EXPECT_EQ(Refusal(statement), "MALFORMED_STATEMENT");
  EXPECT_EQ(Refusal(v1::Statement()), "MALFORMED_STATEMENT");
}

TEST_F(StatementCheckerTest, AMalformedFieldIsNamed) {
  const absl::Status status = Check(
      Altered([](v1::StatementHeader* header) { header->set_sequence(0); }));

  EXPECT_EQ(Reason(status), "MALFORMED_STATEMENT");
  EXPECT_THAT(Violations(status),
              Contains(Field(&FieldViolation::field, "header.sequence")));
}

TEST_F(StatementCheckerTest, ANodePublishesForItsOwnStateAlone) {
  const v1::Statement statement = Honduras(GoodUpdate("HN"));

  EXPECT_EQ(Reason(checker_->Check(NodeOf("GT"), statement).status()),
            "WRONG_PUBLISHER");
  EXPECT_EQ(Reason(checker_->Check(Registrar(), statement).status()),
            "WRONG_PUBLISHER");
  const v1::Statement registry =
      SignedStatement("OAS", RegistryParts(Members().FirstChange()),
                      {1, Sha256("x")}, Members().SignerKeyOf("OAS"));
  EXPECT_EQ(Reason(checker_->Check(NodeOf("HN"), registry).status()),
            "WRONG_PUBLISHER");
}

TEST_F(StatementCheckerTest, ACallerOfNoMemberPublishesForNobody) {
  Caller nobody = NodeOf("HN");
  nobody.member = "";

  EXPECT_EQ(Reason(StatementChecker::CheckPublisher(nobody, "")),
            "WRONG_PUBLISHER");
  EXPECT_EQ(Reason(StatementChecker::CheckPublisher(nobody, "HN")),
            "WRONG_PUBLISHER");
}

TEST_F(StatementCheckerTest, AStatementForAnotherLogIsRefused) {
  EXPECT_EQ(Refusal(Altered([](v1::StatementHeader* header) {
              header->set_log_origin("hub.another.example/log");
            })),
            "WRONG_LOG");
}

TEST_F(StatementCheckerTest, APayloadThatIsNotTheOneSignedIsRefused) {
  v1::Statement longer = Honduras(GoodUpdate("HN"));
  longer.set_payload(longer.payload() + "x");
  v1::Statement other = Honduras(GoodUpdate("HN"));
  other.mutable_payload()->back() ^= 1;

  EXPECT_EQ(Refusal(longer), "PAYLOAD_DIGEST_MISMATCH");
  EXPECT_EQ(Refusal(other), "PAYLOAD_DIGEST_MISMATCH");
}

TEST_F(StatementCheckerTest, APayloadThatIsTooLargeIsRefused) {
  v1::Statement statement = Honduras(GoodUpdate("HN"));
  statement.set_payload(std::string(kMaxPayloadBytes + 1, 'x'));

  EXPECT_EQ(Refusal(statement), "TOO_LARGE");
}

TEST_F(StatementCheckerTest, AKeyThatTheRegistryDoesNotHaveIsRefused) {
  EXPECT_EQ(Refusal(SignedStatement("HN", UpdateParts(GoodUpdate("HN")))),
            "UNKNOWN_KEY");
  EXPECT_EQ(Refusal(SignedStatement("HN", UpdateParts(GoodUpdate("HN")), {},
                                    Members().SignerKeyOf("GT"))),
            "UNKNOWN_KEY");
}

TEST_F(StatementCheckerTest, ASignatureThatDoesNotHoldIsRefused) {
  v1::Statement statement = Honduras(GoodUpdate("HN"));
  statement.set_signature(Honduras(GoodUpdate("HN", 2)).signature());

  EXPECT_EQ(Refusal(statement), "BAD_SIGNATURE");
}

TEST_F(StatementCheckerTest, ASuspendedMemberIsRefused) {
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  *change.add_items() = Members().MemberItem("HN");
  change.mutable_items(0)->mutable_member()->set_status(
      v1::Member::STATUS_SUSPENDED);
  Log(SignedStatement("OAS", RegistryParts(change), {1, Sha256("x")},
                      Members().SignerKeyOf("OAS")));

  EXPECT_EQ(Refusal(Honduras(GoodUpdate("HN"))), "MEMBER_SUSPENDED");
}

TEST_F(StatementCheckerTest, OnlyUpdatesArePublished) {
  StatementParts parts = UpdateParts(GoodUpdate("HN"));
  parts.payload_type = "gaceta.v1.Something";
  StatementParts registry = RegistryParts(Members().FirstChange());

  EXPECT_EQ(Refusal(Honduras(parts)), "MALFORMED_PAYLOAD");
  EXPECT_EQ(Refusal(Honduras(registry)), "MALFORMED_PAYLOAD");
}

TEST_F(StatementCheckerTest, APayloadThatDoesNotParseIsRefused) {
  StatementParts parts;
  parts.payload = "\xff\xff\xff";

  EXPECT_EQ(Refusal(Honduras(parts)), "MALFORMED_PAYLOAD");
}

TEST_F(StatementCheckerTest, ANonceIsRequired) {
  v1::Update update = GoodUpdate("HN");
  update.set_nonce("short");

  const absl::Status status = Check(Honduras(update));

  EXPECT_EQ(Reason(status), "RULE_VIOLATION");
  EXPECT_THAT(Violations(status),
              Contains(Field(&FieldViolation::field, "update.nonce")));
}

TEST_F(StatementCheckerTest, EveryBrokenRuleIsNamed) {
  v1::Update update = GoodUpdate("HN");
  update.clear_kind();
  update.mutable_instrument()->clear_titles();

  const absl::Status status = Check(Honduras(update));

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "RULE_VIOLATION");
  EXPECT_GE(Violations(status).size(), 2U);
}

TEST_F(StatementCheckerTest, AnUpdateOfAnotherStatesLawIsRefused) {
  EXPECT_EQ(Refusal(Honduras(GoodUpdate("GT"))), "RULE_VIOLATION");
}

TEST_F(StatementCheckerTest, AnAudienceOfAnUnknownCorridorIsRefused) {
  StatementParts parts = UpdateParts(GoodUpdate("HN"));
  parts.audience.set_scope(v1::Audience::SCOPE_LISTED);
  parts.audience.add_corridors("nowhere");

  EXPECT_EQ(Refusal(Honduras(parts)), "RULE_VIOLATION");
}

TEST_F(StatementCheckerTest, WhatIsUnusualIsWarnedOf) {
  v1::Update update = GoodUpdate("HN");
  update.mutable_dates()->set_publication_date("2020-02-01");
  update.mutable_dates()->set_entry_into_force_date("2020-01-01");

  auto checked = checker_->Check(NodeOf("HN"), Honduras(update));

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_FALSE(checked->candidate.warnings.empty());
}

TEST_F(StatementCheckerTest, ADocumentMustBeHere) {
  v1::Update update = GoodUpdate("HN");
  *update.add_documents() = Stored("a law");
  *update.add_documents() = Stored("another");
  EXPECT_TRUE(Check(Honduras(update)).ok());

  update.mutable_documents(1)->set_sha256(std::string(64, 'a'));
  const absl::Status missing = Check(Honduras(update));
  update.mutable_documents(1)->set_uri("https://example.org/law.txt");
  const absl::Status elsewhere = Check(Honduras(update));

  EXPECT_EQ(missing.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(missing), "DOCUMENT_MISSING");
  EXPECT_EQ(ReasonMetadata(missing, "sha256"), std::string(64, 'a'));
  EXPECT_TRUE(elsewhere.ok()) << elsewhere;
}

TEST_F(StatementCheckerTest, ADocumentOfAnotherSizeIsRefused) {
  v1::Update update = GoodUpdate("HN");
  *update.add_documents() = Stored("a law");
  update.mutable_documents(0)->set_size(4);

  const absl::Status status = Check(Honduras(update));

  EXPECT_EQ(Reason(status), "RULE_VIOLATION");
  EXPECT_THAT(Violations(status), Contains(Field(&FieldViolation::field,
                                                 "update.documents[0].size")));
}

TEST_F(StatementCheckerTest, AnUploadUnderWayIsNotHere) {
  v1::Update update = GoodUpdate("HN");
  *update.add_documents() = Stored("a law");
  const std::string hex = ToHex(Sha256("half"));
  auto writer = documents_->StartWrite(hex, 4, 0);
  ASSERT_TRUE((*writer)->Write("ha").ok());
  update.mutable_documents(0)->set_sha256(hex);
  update.mutable_documents(0)->set_size(4);

  EXPECT_EQ(Refusal(Honduras(update)), "DOCUMENT_MISSING");
}

TEST_F(StatementCheckerTest, ARegistryStatementIsCheckedLater) {
  v1::RegistryChange change;
  *change.add_items() = TopicItem("asylum");
  const v1::Statement statement =
      SignedStatement("OAS", RegistryParts(change), {1, Sha256("x")});

  auto checked = checker_->Check(Registrar(), statement);

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->candidate.registry, nullptr);
  EXPECT_EQ(checked->under_way, nullptr);
}

TEST_F(StatementCheckerTest, WhatIsUnderWayCountsForWhatFollows) {
  v1::Update repeal = GoodUpdate("HN");
  repeal.set_event(v1::UPDATE_EVENT_ANNULMENT);
  repeal.mutable_version()->set_status(v1::VERSION_STATUS_ANNULLED);
  v1::Update after = GoodUpdate("HN");
  after.mutable_version()->set_status(v1::VERSION_STATUS_IN_FORCE);
  ASSERT_TRUE(Check(Honduras(after)).ok());

  auto checked = checker_->Check(NodeOf("HN"), Honduras(repeal));

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(Refusal(Honduras(after)), "RULE_VIOLATION");
  checked->under_way.reset();
  EXPECT_TRUE(Check(Honduras(after)).ok());
}

TEST_F(StatementCheckerTest, WhatWasSentBeforeIsNotJudgedAgain) {
  TestPublisher honduras = Members().PublisherOf("HN");
  v1::Update update = GoodUpdate("HN");
  update.mutable_version()->set_status(v1::VERSION_STATUS_IN_FORCE);
  const v1::Statement first = honduras.Next(update);
  auto checked = checker_->Check(NodeOf("HN"), first);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_TRUE(Check(first).ok());
  Log(first);
  checked->under_way.reset();
  v1::Update end = GoodUpdate("HN");
  end.set_event(v1::UPDATE_EVENT_ANNULMENT);
  end.mutable_version()->set_status(v1::VERSION_STATUS_ANNULLED);
  Log(honduras.Next(end));

  auto again = checker_->Check(NodeOf("HN"), first);

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->under_way, nullptr);
}

TEST_F(StatementCheckerTest, WhatIsInTheLogPassesWithoutItsKey) {
  TestPublisher honduras = Members().PublisherOf("HN");
  const v1::Statement first = honduras.Next(GoodUpdate("HN"));
  Log(first);
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  auto* revocation = change.add_items()->mutable_signer_key_revocation();
  revocation->set_key_id(first.key_id());
  revocation->set_ground("lost");
  Log(SignedStatement("OAS", RegistryParts(change), {1, Sha256("x")},
                      Members().SignerKeyOf("OAS")));

  auto again = checker_->Check(NodeOf("HN"), first);

  ASSERT_TRUE(again.ok()) << again.status();
  // Marked as not checked, so that it can be nothing but answered again.
  EXPECT_EQ(again->candidate.registry, nullptr);
  EXPECT_EQ(Refusal(honduras.Next(GoodUpdate("HN"))), "UNKNOWN_KEY");
}

TEST_F(StatementCheckerTest, AnIdOfAnotherStatementGoesOnToTheSequencer) {
  StatementParts parts = UpdateParts(GoodUpdate("HN", 1));
  parts.statement_id = NewStatementId();
  Log(Honduras(parts));
  parts.payload = GoodUpdate("HN", 2).SerializeAsString();

  auto checked = checker_->Check(NodeOf("HN"), Honduras(parts));

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_NE(checked->candidate.registry, nullptr);
  EXPECT_EQ(checked->under_way, nullptr);
}

}  // namespace
}  // namespace gaceta
