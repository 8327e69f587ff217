#include "gaceta/publisher.h"

#include <thread>

#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/fake_federation.h"
#include "testing/fake_node.h"
#include "verify/statement.h"

namespace gaceta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class PublisherTest : public ::testing::Test {
 protected:
  PublisherTest() {
    PublisherOptions options;
    options.backoff = {absl::Milliseconds(1), absl::Milliseconds(2), 2};
    publisher_ = Publisher::Create(node_.channel(), options);
  }

  static UpdateSubmission Law(int number) {
    UpdateSubmission submission;
    submission.submission_id = NewStatementId();
    submission.update = FakeUpdate("HN", number);
    return submission;
  }
  static absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

  FakeNode node_;
  std::unique_ptr<Publisher> publisher_;
};

TEST_F(PublisherTest, SubmitsAnUpdate) {
  const UpdateSubmission law = Law(1);

  auto submission = publisher_->Submit(law, Soon());

  ASSERT_TRUE(submission.ok()) << submission.status();
  EXPECT_EQ(submission->submission_id(), law.submission_id);
  EXPECT_EQ(submission->state(), v1::Submission::STATE_PENDING);
  EXPECT_THAT(node_.submissions(), SizeIs(1));
}

TEST_F(PublisherTest, AnAnswerThatWasLostIsAskedForAgainAndTakenOnce) {
  node_.FailNext(3, absl::UnavailableError("the link was cut"));

  EXPECT_TRUE(publisher_->Submit(Law(1), Soon()).ok());

  EXPECT_EQ(node_.calls(), 4);
  EXPECT_THAT(node_.submissions(), SizeIs(1));
}

TEST_F(PublisherTest, WaitsOutARateLimit) {
  node_.FailNext(
      2, WithReason(absl::ResourceExhaustedError("slow down"), "RATE_LIMITED"));

  EXPECT_TRUE(publisher_->Submit(Law(1), Soon()).ok());
}

TEST_F(PublisherTest, ReturnsWhatDoesNotPassAtOnce) {
  node_.FailNext(
      1, WithReason(absl::ResourceExhaustedError("too large"), "TOO_LARGE"));

  EXPECT_EQ(Reason(publisher_->Submit(Law(1), Soon()).status()), "TOO_LARGE");
  EXPECT_EQ(node_.calls(), 1);
}

TEST_F(PublisherTest, GivesUpAtTheDeadlineWithTheLastError) {
  node_.FailNext(1 << 20, absl::UnavailableError("away"));

  const absl::Status status =
      publisher_->Submit(Law(1), absl::Now() + absl::Milliseconds(50)).status();

  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(status.message(), HasSubstr("gave up after"));
}

TEST_F(PublisherTest, ReturnsEveryViolation) {
  UpdateSubmission law = Law(1);
  law.update.mutable_instrument()->clear_titles();

  const absl::Status status = publisher_->Submit(law, Soon()).status();

  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_EQ(Reason(status), "RULE_VIOLATION");
  ASSERT_THAT(Violations(status), SizeIs(1));
  EXPECT_EQ(Violations(status)[0].field, "update.instrument.titles");
}

TEST_F(PublisherTest, RefusesAnIdThatIsNoUuidBeforeItIsSent) {
  UpdateSubmission law = Law(1);
  law.submission_id = "mine";

  EXPECT_TRUE(
      absl::IsInvalidArgument(publisher_->Submit(law, Soon()).status()));
  EXPECT_EQ(node_.calls(), 0);
}

TEST_F(PublisherTest, SameIdWithAnotherUpdateIsRefused) {
  UpdateSubmission law = Law(1);
  ASSERT_TRUE(publisher_->Submit(law, Soon()).ok());
  law.update = FakeUpdate("HN", 2);

  EXPECT_EQ(Reason(publisher_->Submit(law, Soon()).status()),
            "SUBMISSION_ID_TAKEN");
}

TEST_F(PublisherTest, ValidatesWithoutPublishing) {
  auto warnings = publisher_->Validate(FakeUpdate("HN", 1), {}, Soon());

  ASSERT_TRUE(warnings.ok()) << warnings.status();
  EXPECT_THAT(*warnings, SizeIs(1));
  EXPECT_THAT(node_.submissions(), SizeIs(0));
}

TEST_F(PublisherTest, WaitsUntilTheHubHasIt) {
  const UpdateSubmission law = Law(1);
  ASSERT_TRUE(publisher_->Submit(law, Soon()).ok());
  std::thread hub([&] { node_.Accept(law.submission_id, 42); });

  auto submission = publisher_->Wait(law.submission_id, Soon());

  hub.join();
  ASSERT_TRUE(submission.ok()) << submission.status();
  EXPECT_EQ(submission->receipt().position(), 42);
  EXPECT_TRUE(SubmissionError(*submission).ok());
}

TEST_F(PublisherTest, WaitsAcrossLostConnections) {
  const UpdateSubmission law = Law(1);
  ASSERT_TRUE(publisher_->Submit(law, Soon()).ok());
  node_.FailNext(5, absl::UnavailableError("the link was cut"));
  node_.Accept(law.submission_id, 42);

  auto submission = publisher_->Wait(law.submission_id, Soon());

  ASSERT_TRUE(submission.ok()) << submission.status();
  EXPECT_EQ(submission->state(), v1::Submission::STATE_ACCEPTED);
}

TEST_F(PublisherTest, RefusalSaysWhy) {
  const UpdateSubmission law = Law(1);
  ASSERT_TRUE(publisher_->Submit(law, Soon()).ok());
  node_.Refuse(law.submission_id,
               WithReason(absl::FailedPreconditionError("no document"),
                          "DOCUMENT_MISSING"));

  auto submission = publisher_->Wait(law.submission_id, Soon());

  ASSERT_TRUE(submission.ok()) << submission.status();
  EXPECT_EQ(Reason(SubmissionError(*submission)), "DOCUMENT_MISSING");
}

TEST_F(PublisherTest, PendingAtTheDeadlineIsNoFailure) {
  const UpdateSubmission law = Law(1);
  ASSERT_TRUE(publisher_->Submit(law, Soon()).ok());

  EXPECT_TRUE(absl::IsDeadlineExceeded(
      publisher_->Wait(law.submission_id, absl::Now() + absl::Milliseconds(50))
          .status()));
}

TEST_F(PublisherTest, WaitingForWhatWasNeverSentIsNotFound) {
  EXPECT_TRUE(
      absl::IsNotFound(publisher_->Wait(NewStatementId(), Soon()).status()));
  EXPECT_TRUE(
      absl::IsNotFound(publisher_->Get(NewStatementId(), Soon()).status()));
}

TEST_F(PublisherTest, SubmitsManyWithEachInstrumentInOrder) {
  std::vector<UpdateSubmission> laws;
  for (int i = 0; i < 200; ++i) {
    laws.push_back(Law(i % 7));
    laws.back().update.set_ground(std::to_string(i));
  }
  laws[50].update.mutable_instrument()->clear_titles();
  int taken = 0;
  std::vector<std::size_t> refused;

  publisher_->SubmitMany(
      laws, 8, Soon(),
      [&](std::size_t i, const absl::StatusOr<v1::Submission>& result) {
        if (result.ok()) {
          ++taken;
        } else {
          refused.push_back(i);
        }
      });

  EXPECT_EQ(taken, 199);
  EXPECT_THAT(refused, ::testing::ElementsAre(50));
  std::map<std::string, int> last;
  for (const auto& request : node_.submissions()) {
    const std::string& uri = request.update().instrument().uri();
    const int order = std::stoi(request.update().ground());
    EXPECT_TRUE(!last.contains(uri) || last[uri] < order);
    last[uri] = order;
  }
}

}  // namespace
}  // namespace gaceta::client
