// What a node takes of its agencies, and what it says of the rest.
#include "server/node/submission_intake.h"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/support/statements.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using testing::GoodUpdate;
using testing::HeaderOf;
using testing::kLogOrigin;
using testing::RegistryParts;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;
using testing::TestTime;

class SubmissionIntakeTest : public ::testing::Test {
 protected:
  SubmissionIntakeTest()
      : folder_(absl::StrCat(::testing::TempDir(), "intake-", getpid(), "-",
                             NewStatementId())),
        signer_(std::string(kLogOrigin), "HN", federation().SignerKeyOf("HN")),
        hn_(federation().PublisherOf("HN")),
        gt_(federation().PublisherOf("GT")) {
    std::filesystem::create_directories(folder_);
    documents_ = *DocumentStore::Open(folder_ + "/documents");
    mirror_ = *ProjectedLog::OpenInMemory(std::make_unique<MemoryLogStore>(),
                                          federation().Empty());
    Mirror(federation().PublisherOf("OAS").Next(
        RegistryParts(federation().FirstChange())));
    OpenOutbox("outbox.db");
  }
  ~SubmissionIntakeTest() override {
    intake_.reset();
    outbox_.reset();
    std::filesystem::remove_all(folder_);
  }

  static const TestFederation& federation() {
    static const auto* federation = new TestFederation();
    return *federation;
  }

  void OpenOutbox(const std::string& name) {
    outbox_.reset();
    Outbox::Options options;
    options.path = absl::StrCat(folder_, "/", name);
    options.now = [] { return TestTime(); };
    outbox_ = *Outbox::Open(std::move(options), &signer_);
    intake_ = std::make_unique<SubmissionIntake>(SubmissionIntake::Dependencies{
        "HN", outbox_.get(), mirror_.get(), documents_.get(),
        [] { return TestTime(); }});
  }

  // Puts a statement at the end of the mirrored log.
  void Mirror(const v1::Statement& statement) {
    const StoredEntry entry = StoredEntryOf(statement);
    ASSERT_TRUE(mirror_->Append(mirror_->store().Size(), {entry}).ok());
  }

  static v1::SubmitUpdateRequest Request(const v1::Update& update) {
    v1::SubmitUpdateRequest request;
    request.set_submission_id(NewStatementId());
    *request.mutable_update() = update;
    request.mutable_update()->clear_nonce();
    return request;
  }

  absl::StatusOr<v1::Submission> Submit(
      const v1::SubmitUpdateRequest& request,
      absl::string_view agency = "migracion") {
    return intake_->Submit(agency, request);
  }
  absl::StatusOr<v1::Submission> Submit(const v1::Update& update) {
    return Submit(Request(update));
  }

  // The one statement that is pending.
  v1::Statement Pending() {
    return outbox_->ListPending(0, 100)->at(0).statement;
  }

  void PutDocument(const std::string& bytes) {
    auto writer = *documents_->StartWrite(
        ToHex(Sha256(bytes)), static_cast<std::int64_t>(bytes.size()), 0);
    EXPECT_TRUE(writer->Write(bytes).ok());
    EXPECT_TRUE(writer->Commit().ok());
  }

  static v1::Document DocumentOf(const std::string& bytes) {
    v1::Document document;
    document.set_sha256(ToHex(Sha256(bytes)));
    document.set_size(static_cast<std::int64_t>(bytes.size()));
    document.set_media_type("text/plain");
    document.set_language("es");
    document.set_legal_value(v1::LEGAL_VALUE_OFFICIAL);
    return document;
  }

  const std::string folder_;
  StatementSigner signer_;
  TestPublisher hn_;
  TestPublisher gt_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<ProjectedLog> mirror_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<SubmissionIntake> intake_;
};

TEST_F(SubmissionIntakeTest, AGoodUpdateIsSignedUnderItsAgencysName) {
  v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  request.mutable_audience()->set_scope(v1::Audience::SCOPE_MEMBERS);

  auto taken = Submit(request);

  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->state(), v1::Submission::STATE_PENDING);
  EXPECT_EQ(taken->sequence(), 1U);
  EXPECT_EQ(taken->agency(), "migracion");
  const v1::Statement statement = Pending();
  const v1::StatementHeader header = HeaderOf(statement);
  EXPECT_EQ(header.statement_id(), request.submission_id());
  EXPECT_EQ(header.publisher(), "HN");
  EXPECT_EQ(header.agency(), "migracion");
  EXPECT_EQ(header.audience().scope(), v1::Audience::SCOPE_MEMBERS);
  v1::Update update;
  ASSERT_TRUE(update.ParseFromString(statement.payload()));
  EXPECT_EQ(update.nonce().size(), 16U);
  update.clear_nonce();
  EXPECT_EQ(update.SerializeAsString(), request.update().SerializeAsString());
}

TEST_F(SubmissionIntakeTest, TheNonceIsTheNodesWhateverTheClientSends) {
  v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  request.mutable_update()->set_nonce("mine");

  ASSERT_TRUE(Submit(request).ok());

  v1::Update update;
  ASSERT_TRUE(update.ParseFromString(Pending().payload()));
  EXPECT_EQ(update.nonce().size(), 16U);
}

TEST_F(SubmissionIntakeTest, EveryViolationIsListedByField) {
  v1::SubmitUpdateRequest request = Request(GoodUpdate("GT"));
  request.set_submission_id("UPPER");
  request.mutable_update()->clear_kind();
  request.mutable_update()->mutable_instrument()->add_topics("unknown-topic");
  request.mutable_audience()->set_scope(v1::Audience::SCOPE_LISTED);

  const absl::Status status = Submit(request).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "RULE_VIOLATION");
  const std::vector<FieldViolation> violations = Violations(status);
  for (const char* field :
       {"submission_id", "update.kind", "update.instrument.uri",
        "update.instrument.topics[1]", "audience.scope"}) {
    EXPECT_THAT(violations, Contains(Field(&FieldViolation::field, field)));
  }
  EXPECT_EQ(*outbox_->PendingCount(), 0U);
}

TEST_F(SubmissionIntakeTest, AMissingUpdateIsAViolation) {
  v1::SubmitUpdateRequest request;
  request.set_submission_id(NewStatementId());

  const absl::Status status = Submit(request).status();

  EXPECT_THAT(Violations(status),
              ElementsAre(Field(&FieldViolation::field, "update")));
}

TEST_F(SubmissionIntakeTest, ValidateOnlyKeepsNothing) {
  v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  request.set_validate_only(true);

  auto checked = Submit(request);

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->state(), v1::Submission::STATE_UNSPECIFIED);
  EXPECT_EQ(*outbox_->PendingCount(), 0U);
  request.mutable_update()->clear_event();
  EXPECT_EQ(Reason(Submit(request).status()), "RULE_VIOLATION");
}

TEST_F(SubmissionIntakeTest, TheSameSubmissionIsAnsweredAsTheFirstTime) {
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  auto first = Submit(request);

  auto second = Submit(request);

  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->SerializeAsString(), first->SerializeAsString());
  EXPECT_EQ(*outbox_->PendingCount(), 1U);
}

TEST_F(SubmissionIntakeTest, AnIdForAnotherUpdateAudienceOrAgencyIsRefused) {
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  ASSERT_TRUE(Submit(request).ok());

  v1::SubmitUpdateRequest other = request;
  other.mutable_update()->mutable_instrument()->add_topics("education");
  EXPECT_EQ(Reason(Submit(other).status()), "SUBMISSION_ID_TAKEN");
  other = request;
  other.mutable_audience()->set_scope(v1::Audience::SCOPE_MEMBERS);
  EXPECT_EQ(Reason(Submit(other).status()), "SUBMISSION_ID_TAKEN");
  EXPECT_EQ(Reason(Submit(request, "trabajo").status()), "SUBMISSION_ID_TAKEN");
}

TEST_F(SubmissionIntakeTest, AnUpdateMayCorrectOneThatIsStillPending) {
  const v1::SubmitUpdateRequest first = Request(GoodUpdate("HN"));
  ASSERT_TRUE(Submit(first).ok());
  v1::Update correction = GoodUpdate("HN");
  correction.set_corrects(first.submission_id());

  EXPECT_TRUE(Submit(correction).ok());
  correction.set_corrects(NewStatementId());
  EXPECT_EQ(Reason(Submit(correction).status()), "RULE_VIOLATION");
}

TEST_F(SubmissionIntakeTest, AnUpdateOfAnotherStateCannotBeCorrected) {
  const v1::Statement foreign = gt_.Next(GoodUpdate("GT"));
  Mirror(foreign);
  v1::Update correction = GoodUpdate("HN");
  correction.set_corrects(HeaderOf(foreign).statement_id());

  EXPECT_EQ(Reason(Submit(correction).status()), "RULE_VIOLATION");
}

TEST_F(SubmissionIntakeTest, TheLastStatusIsThatOfWhatIsPending) {
  v1::Update repeal = GoodUpdate("HN");
  repeal.set_event(v1::UPDATE_EVENT_REPEAL);
  repeal.set_corrects("");
  repeal.mutable_version()->set_status(v1::VERSION_STATUS_REPEALED);
  v1::Relation* relation = repeal.add_relations();
  relation->set_type(v1::RELATION_TYPE_REPEALS);
  relation->set_target(GoodUpdate("HN", 1).instrument().uri());
  ASSERT_TRUE(Submit(repeal).ok());

  v1::Update revived = GoodUpdate("HN");
  revived.mutable_version()->set_status(v1::VERSION_STATUS_IN_FORCE);

  const absl::Status status = Submit(revived).status();
  EXPECT_THAT(Violations(status),
              Contains(Field(&FieldViolation::field, "update.version.status")));
}

TEST_F(SubmissionIntakeTest, TheLastStatusIsThatOfTheMirroredLogOtherwise) {
  v1::Update repealed = GoodUpdate("HN");
  repealed.mutable_version()->set_status(v1::VERSION_STATUS_REPEALED);
  Mirror(hn_.Next(repealed));
  v1::Update revived = GoodUpdate("HN");
  revived.mutable_version()->set_status(v1::VERSION_STATUS_IN_FORCE);

  EXPECT_EQ(Reason(Submit(revived).status()), "RULE_VIOLATION");
}

TEST_F(SubmissionIntakeTest, ADocumentMustBeHereOrHaveAnAddress) {
  v1::Update update = GoodUpdate("HN");
  *update.add_documents() = DocumentOf("here");
  *update.add_documents() = DocumentOf("missing");
  *update.add_documents() = DocumentOf("elsewhere");
  update.mutable_documents(2)->set_uri("https://example.org/law.txt");
  PutDocument("here");

  const absl::Status status = Submit(update).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(status), "DOCUMENT_MISSING");
  EXPECT_EQ(ReasonMetadata(status, "sha256"), ToHex(Sha256("missing")));

  PutDocument("missing");
  ASSERT_TRUE(Submit(update).ok());
  EXPECT_THAT(outbox_->ListPending(0, 1)->at(0).documents,
              ElementsAre(ToHex(Sha256("here")), ToHex(Sha256("missing"))));
}

TEST_F(SubmissionIntakeTest, ADocumentOfAnotherSizeIsAViolation) {
  v1::Update update = GoodUpdate("HN");
  *update.add_documents() = DocumentOf("here");
  update.mutable_documents(0)->set_size(5);
  PutDocument("here");

  EXPECT_THAT(
      Violations(Submit(update).status()),
      ElementsAre(Field(&FieldViolation::field, "update.documents[0].size")));
}

TEST_F(SubmissionIntakeTest, AnUpdateOver64KibIsTooLarge) {
  v1::Update update = GoodUpdate("HN");
  update.set_ground(std::string(kMaxPayloadBytes, 'x'));

  const absl::Status status = Submit(update).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(status), "TOO_LARGE");
  EXPECT_EQ(ReasonMetadata(status, "limit"), "65536");
}

TEST_F(SubmissionIntakeTest, WarningsStayWithTheSubmission) {
  v1::Update update = GoodUpdate("HN");
  update.mutable_instrument()->mutable_titles(0)->set_language("pt");
  const v1::SubmitUpdateRequest request = Request(update);

  auto taken = Submit(request);

  ASSERT_TRUE(taken.ok()) << taken.status();
  ASSERT_EQ(taken->warnings_size(), 1);
  EXPECT_EQ(intake_->Find("", request.submission_id())->warnings_size(), 1);
}

TEST_F(SubmissionIntakeTest, WithoutARegistryNothingIsJudged) {
  mirror_ = *ProjectedLog::OpenInMemory(std::make_unique<MemoryLogStore>(),
                                        federation().Empty());
  OpenOutbox("outbox.db");

  const absl::Status status = Submit(GoodUpdate("HN")).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(status), "REGISTRY_UNKNOWN");
}

TEST_F(SubmissionIntakeTest, AnAgencySeesItsOwnSubmissionsAlone) {
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  ASSERT_TRUE(Submit(request, "migracion").ok());

  EXPECT_TRUE(intake_->Find("migracion", request.submission_id()).ok());
  EXPECT_TRUE(intake_->Find("", request.submission_id()).ok());
  EXPECT_EQ(intake_->Find("trabajo", request.submission_id()).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(intake_->Find("", NewStatementId()).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(intake_->Find("", "nonsense").status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(SubmissionIntakeTest, WhatALostOutboxHadIsAnsweredFromTheLog) {
  const v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  ASSERT_TRUE(Submit(request).ok());
  Mirror(Pending());
  OpenOutbox("new.db");

  auto again = Submit(request);

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->state(), v1::Submission::STATE_ACCEPTED);
  EXPECT_EQ(again->receipt().position(), 1);
  EXPECT_EQ(*outbox_->PendingCount(), 0U);
  EXPECT_EQ(intake_->Find("migracion", request.submission_id())->sequence(),
            1U);
  v1::SubmitUpdateRequest other = request;
  other.mutable_update()->set_ground("another");
  EXPECT_EQ(Reason(Submit(other).status()), "SUBMISSION_ID_TAKEN");
}

TEST_F(SubmissionIntakeTest, AnIdOfAnotherStateIsTaken) {
  const v1::Statement foreign = gt_.Next(GoodUpdate("GT"));
  Mirror(foreign);
  v1::SubmitUpdateRequest request = Request(GoodUpdate("HN"));
  request.set_submission_id(HeaderOf(foreign).statement_id());

  EXPECT_EQ(Reason(Submit(request).status()), "SUBMISSION_ID_TAKEN");
  EXPECT_EQ(intake_->Find("", request.submission_id()).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gaceta
