#include "server/hub/sequencer.h"

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/hub/evidence_files.h"
#include "tests/server/hub/faulty_store.h"
#include "tests/support/statements.h"
#include "tests/support/test_hub.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"
#include "verify/openssl_ptr.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

using testing::AwaitTrue;
using testing::EvidenceIn;
using testing::GoodUpdate;
using ::testing::HasSubstr;
using testing::HeaderOf;
using testing::RegistryParts;
using testing::SharedLogSigner;
using testing::SignedStatement;
using testing::StatementParts;
using testing::TestFederation;
using testing::TestPublisher;
using testing::TestTime;
using testing::TopicItem;
using testing::UpdateParts;

using Outcome = absl::StatusOr<v1::Receipt>;

const TestFederation& Members() {
  static const auto* federation = new TestFederation();
  return *federation;
}

v1::Leaf LeafOf(const v1::Receipt& receipt) {
  v1::Leaf leaf;
  EXPECT_TRUE(leaf.ParseFromString(receipt.leaf()));
  return leaf;
}

absl::Status CheckReceipt(const v1::Receipt& receipt) {
  return testing::CheckReceipt(receipt, SharedLogSigner().public_key());
}

absl::Time RecordedTime(const v1::Receipt& receipt) {
  const v1::Leaf leaf = LeafOf(receipt);
  return absl::FromUnixSeconds(leaf.recorded_time().seconds()) +
         absl::Nanoseconds(leaf.recorded_time().nanos());
}

class SequencerTest : public ::testing::Test {
 protected:
  SequencerTest() {
    Open();
    Outcome first =
        Sequence(secretariat_.Next(RegistryParts(Members().FirstChange())));
    EXPECT_TRUE(first.ok()) << first.status();
  }
  ~SequencerTest() override {
    store_.Hold(false);
    sequencer_.reset();
  }

  void Open() {
    auto log = ProjectedLog::OpenInMemory(
        std::make_unique<testing::FaultyStore>(&store_), Members().Empty());
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
    checkpoints_ =
        std::make_unique<CheckpointPublisher>(log_.get(), SharedLogSigner());
    auto evidence = EvidenceFolder::Open(folder_.path());
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    evidence_ = *std::move(evidence);
    Sequencer::Options options;
    options.clock = [this] { return absl::FromUnixMicros(now_micros_.load()); };
    options.quorum_reads = [this](int version) {
      return version <= witnesses_read_.load();
    };
    sequencer_ = std::make_unique<Sequencer>(log_.get(), checkpoints_.get(),
                                             evidence_.get(), options);
  }
  void Restart() {
    sequencer_.reset();
    log_.reset();
    Open();
  }

  void SetClock(absl::Time now) { now_micros_ = absl::ToUnixMicros(now); }

  // As the checker would hand it over.
  Candidate CandidateOf(const v1::Statement& statement) const {
    Candidate candidate;
    candidate.statement = statement;
    candidate.header = HeaderOf(statement);
    candidate.header_digest = Sha256(statement.header());
    if (candidate.header.publisher() != kSecretariat) {
      candidate.registry = log_->registry().Snapshot();
    }
    return candidate;
  }

  std::future<Outcome> Submit(Candidate candidate) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    std::future<Outcome> outcome = promise->get_future();
    sequencer_->Submit(std::move(candidate), [promise](Outcome one) {
      promise->set_value(std::move(one));
    });
    return outcome;
  }
  std::future<Outcome> Submit(const v1::Statement& statement) {
    return Submit(CandidateOf(statement));
  }
  Outcome Sequence(const v1::Statement& statement) {
    return Submit(statement).get();
  }

  // Until the store lets go, what is submitted waits and becomes one unit.
  void HoldTheStore() {
    const int before = store_.appends();
    store_.Hold(true);
    held_ = Submit(guatemala_.Next(GoodUpdate("GT")));
    ASSERT_TRUE(AwaitTrue([&] { return store_.appends() > before; }));
  }
  void LetGo() {
    store_.Hold(false);
    EXPECT_TRUE(held_.get().ok());
  }

  std::vector<v1::Evidence> Evidence() const {
    return EvidenceIn(folder_.path());
  }
  Position Size() const { return store_.memory().Size(); }

  const testing::TempFolder folder_;
  testing::StoreControl store_;
  std::atomic<std::int64_t> now_micros_{absl::ToUnixMicros(TestTime())};
  // Version of the registry's form that a quorum of witnesses reads.
  std::atomic<int> witnesses_read_{kRegistryVersion};
  std::unique_ptr<ProjectedLog> log_;
  std::unique_ptr<CheckpointPublisher> checkpoints_;
  std::unique_ptr<EvidenceFolder> evidence_;
  std::unique_ptr<Sequencer> sequencer_;
  std::future<Outcome> held_;
  TestPublisher secretariat_ = Members().PublisherOf("OAS");
  TestPublisher honduras_ = Members().PublisherOf("HN");
  TestPublisher guatemala_ = Members().PublisherOf("GT");
};

TEST_F(SequencerTest, PositionsFollowTheOrderOfSubmission) {
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 100; ++i) {
    outcomes.push_back(Submit(honduras_.Next(GoodUpdate("HN"))));
    outcomes.push_back(Submit(guatemala_.Next(GoodUpdate("GT"))));
  }

  for (int i = 0; i < 200; ++i) {
    Outcome outcome = outcomes[i].get();
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(outcome->position(), i + 1);
  }
}

TEST_F(SequencerTest, AReceiptHoldsTheLeafOfTheLog) {
  const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));

  Outcome outcome = Sequence(statement);

  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->leaf(),
            store_.memory().Read(outcome->position(), 1, 1)->at(0).leaf);
  EXPECT_EQ(LeafOf(*outcome).header(), statement.header());
  EXPECT_EQ(LeafOf(*outcome).signature(), statement.signature());
  EXPECT_EQ(LeafOf(*outcome).key_id(), statement.key_id());
  EXPECT_EQ(RecordedTime(*outcome), TestTime());
}

TEST_F(SequencerTest, AReceiptProvesThatTheLogHasIt) {
  // Across a tile's edge, one by one and many at once.
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 600; ++i) {
    outcomes.push_back(Submit(honduras_.Next(GoodUpdate("HN"))));
    if (i % 50 == 0) outcomes.back().wait();
  }

  std::int64_t newest = 0;
  for (auto& outcome : outcomes) {
    const Outcome receipt = outcome.get();
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    const absl::Status status = CheckReceipt(*receipt);
    ASSERT_TRUE(status.ok()) << status;
    // Checkpoints do not go back.
    const std::int64_t size = CheckpointOf(receipt->checkpoint())->size;
    EXPECT_GT(size, receipt->position());
    EXPECT_GE(size, newest);
    newest = size;
  }
  EXPECT_EQ(newest, Size());
  EXPECT_EQ(log_->head()->checkpoint.size, Size());
}

TEST_F(SequencerTest, AReceiptOfAnOldStatementProvesItByTheNewestCheckpoint) {
  const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));
  ASSERT_TRUE(Sequence(statement).ok());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(Sequence(guatemala_.Next(GoodUpdate("GT"))).ok());
  }

  const Outcome again = Sequence(statement);

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(CheckReceipt(*again).ok());
  EXPECT_EQ(CheckpointOf(again->checkpoint())->size, 7);
}

TEST_F(SequencerTest, UpdatesWaitForALogPolicyWithThisHubsKey) {
  auto other = NoteSigner::Create(std::string(testing::kLogOrigin),
                                  NoteKeyType::kEd25519, testing::NewKey(true));
  ASSERT_TRUE(other.ok());
  const auto put_policy = [this](const NoteKey& key) {
    v1::RegistryChange change;
    change.set_nonce(std::string(16, 'n'));
    *change.add_items() = testing::LogPolicyItem(key);
    return Sequence(secretariat_.Next(RegistryParts(change))).status();
  };
  ASSERT_TRUE(put_policy(other->public_key()).ok());
  const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));

  const Outcome early = Sequence(statement);

  EXPECT_EQ(early.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(early.status()), "NO_LOG_POLICY");
  EXPECT_THAT(std::string(early.status().message()),
              HasSubstr(SharedLogSigner().public_key().ToString()));
  ASSERT_TRUE(put_policy(SharedLogSigner().public_key()).ok());
  EXPECT_TRUE(Sequence(statement).ok());
}

TEST_F(SequencerTest, AMemberWhoseCaIsNotKeptToItsNamesIsNotAdmitted) {
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  *change.add_items() = TopicItem("health");
  *change.add_items() = Members().MemberItem("HN");
  // The CA is kept from every address.
  change.mutable_items(1)->mutable_member()->add_ip_addresses("192.0.2.17");
  const Position before = Size();

  const ChainHead head = secretariat_.head();
  const Outcome refused = Sequence(SignedStatement(
      "OAS", RegistryParts(change), head, Members().SignerKeyOf("OAS")));

  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(refused.status()), "RULE_VIOLATION");
  ASSERT_FALSE(Violations(refused.status()).empty());
  const FieldViolation first = Violations(refused.status()).front();
  EXPECT_EQ(first.field, "items[1].member.ca_certificates[0]");
  EXPECT_THAT(first.description,
              HasSubstr("permits IP addresses none, expected 192.0.2.17"));
  EXPECT_EQ(Size(), before);

  // Without the address the same is admitted.
  change.mutable_items(1)->mutable_member()->clear_ip_addresses();
  const Outcome admitted = Sequence(secretariat_.Next(RegistryParts(change)));
  EXPECT_TRUE(admitted.ok()) << admitted.status();
}

TEST_F(SequencerTest, WhatWaitsIsCommittedTogether) {
  HoldTheStore();
  const int before = store_.appends();
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 1000; ++i) {
    outcomes.push_back(Submit(honduras_.Next(GoodUpdate("HN"))));
  }

  LetGo();

  for (auto& outcome : outcomes) EXPECT_TRUE(outcome.get().ok());
  EXPECT_EQ(store_.appends(), before + 1);
  EXPECT_EQ(Size(), 1002);
}

TEST_F(SequencerTest, ManyThreadsMaySubmit) {
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (const char* state : {"HN", "GT", "MX"}) {
    threads.emplace_back(
        [&, publisher = Members().PublisherOf(state), state]() mutable {
          std::vector<std::future<Outcome>> outcomes;
          for (int i = 0; i < 100; ++i) {
            outcomes.push_back(Submit(publisher.Next(GoodUpdate(state))));
          }
          for (auto& outcome : outcomes) good += outcome.get().ok() ? 1 : 0;
        });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(good, 300);
  EXPECT_EQ(Size(), 301);
}

TEST_F(SequencerTest, TheSameStatementGetsItsFirstReceiptAgain) {
  const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));
  const Outcome first = Sequence(statement);
  ASSERT_TRUE(first.ok()) << first.status();

  const Outcome later = Sequence(statement);
  Restart();
  const Outcome after_restart = Sequence(statement);

  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ(later->leaf(), first->leaf());
  EXPECT_EQ(later->position(), first->position());
  ASSERT_TRUE(after_restart.ok()) << after_restart.status();
  EXPECT_EQ(after_restart->leaf(), first->leaf());
  EXPECT_EQ(Size(), 2);
  EXPECT_TRUE(Evidence().empty());
}

TEST_F(SequencerTest, TheSameStatementTwiceInOneUnitIsOneEntry) {
  HoldTheStore();
  const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));
  auto first = Submit(statement);
  auto second = Submit(statement);

  LetGo();

  const Outcome one = first.get();
  const Outcome two = second.get();
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(one->leaf(), two->leaf());
  EXPECT_EQ(one->position(), two->position());
  EXPECT_EQ(Size(), 3);
}

TEST_F(SequencerTest, TheSameHeaderSignedAnewIsTheSameStatement) {
  // ECDSA signatures differ each time.
  StatementParts parts = UpdateParts(GoodUpdate("HN"));
  parts.statement_id = NewStatementId();
  const SigningKey key = Members().SignerKeyOf("HN");
  const v1::Statement first = SignedStatement("HN", parts, {}, key);
  const v1::Statement second = SignedStatement("HN", parts, {}, key);
  ASSERT_NE(first.signature(), second.signature());

  const Outcome one = Sequence(first);
  const Outcome two = Sequence(second);

  ASSERT_TRUE(two.ok()) << two.status();
  EXPECT_EQ(one->leaf(), two->leaf());
}

TEST_F(SequencerTest, AReceiptOutlivesItsKey) {
  const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));
  const Outcome first = Sequence(statement);
  Candidate checked = CandidateOf(honduras_.Next(GoodUpdate("HN")));
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  auto* revocation = change.add_items()->mutable_signer_key_revocation();
  revocation->set_key_id(statement.key_id());
  revocation->set_ground("lost");
  ASSERT_TRUE(Sequence(secretariat_.Next(RegistryParts(change))).ok());

  const Outcome again = Sequence(statement);
  const Outcome next = Submit(std::move(checked)).get();

  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->leaf(), first->leaf());
  EXPECT_EQ(Reason(next.status()), "UNKNOWN_KEY");
}

TEST_F(SequencerTest, AnIdWithAnotherContentIsRefusedAndBothAreKept) {
  StatementParts parts = UpdateParts(GoodUpdate("HN", 1));
  parts.statement_id = NewStatementId();
  const v1::Statement first = honduras_.Next(parts);
  ASSERT_TRUE(Sequence(first).ok());
  parts.payload = GoodUpdate("HN", 2).SerializeAsString();
  const v1::Statement second = honduras_.Next(parts);

  const Outcome refused = Sequence(second);
  const Outcome insisted = Sequence(second);

  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Reason(refused.status()), "STATEMENT_ID_TAKEN");
  EXPECT_EQ(ReasonMetadata(refused.status(), "position"), "1");
  EXPECT_EQ(Reason(insisted.status()), "STATEMENT_ID_TAKEN");
  const auto evidence = Evidence();
  ASSERT_EQ(evidence.size(), 1U);
  EXPECT_EQ(evidence[0].reason(), "STATEMENT_ID_TAKEN");
  ASSERT_EQ(evidence[0].leaves_size(), 2);
  EXPECT_EQ(evidence[0].leaves(0).header(), first.header());
  EXPECT_TRUE(evidence[0].leaves(0).has_recorded_time());
  EXPECT_EQ(evidence[0].leaves(1).header(), second.header());
  EXPECT_EQ(evidence[0].leaves(1).signature(), second.signature());
  EXPECT_EQ(Size(), 2);
}

TEST_F(SequencerTest, EvidenceIsKeptWhenBothComeAtOnce) {
  StatementParts parts = UpdateParts(GoodUpdate("HN", 1));
  parts.statement_id = NewStatementId();
  const v1::Statement first = honduras_.Next(parts);
  parts.payload = GoodUpdate("HN", 2).SerializeAsString();
  const v1::Statement same_id = honduras_.Next(parts);
  const v1::Statement same_place = SignedStatement(
      "HN", UpdateParts(GoodUpdate("HN", 3)), {}, Members().SignerKeyOf("HN"));
  HoldTheStore();
  auto one = Submit(first);
  auto two = Submit(same_id);
  auto three = Submit(same_place);

  LetGo();

  EXPECT_TRUE(one.get().ok());
  EXPECT_EQ(Reason(two.get().status()), "STATEMENT_ID_TAKEN");
  EXPECT_EQ(Reason(three.get().status()), "SEQUENCE_TAKEN");
  EXPECT_EQ(Evidence().size(), 2U);
}

TEST_F(SequencerTest, APlaceThatIsTakenIsRefusedAndBothAreKept) {
  const v1::Statement first = honduras_.Next(GoodUpdate("HN", 1));
  ASSERT_TRUE(Sequence(first).ok());
  ASSERT_TRUE(Sequence(honduras_.Next(GoodUpdate("HN", 2))).ok());
  const v1::Statement fork = SignedStatement(
      "HN", UpdateParts(GoodUpdate("HN", 3)), {}, Members().SignerKeyOf("HN"));

  const Outcome refused = Sequence(fork);
  Restart();
  const Outcome after_restart = Sequence(fork);

  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Reason(refused.status()), "SEQUENCE_TAKEN");
  EXPECT_EQ(Reason(after_restart.status()), "SEQUENCE_TAKEN");
  const auto evidence = Evidence();
  ASSERT_EQ(evidence.size(), 1U);
  EXPECT_EQ(evidence[0].leaves(0).header(), first.header());
  EXPECT_EQ(evidence[0].leaves(1).header(), fork.header());
}

TEST_F(SequencerTest, AGapIsRefusedAndSaysWhatWasExpected) {
  const v1::Statement first = honduras_.Next(GoodUpdate("HN", 1));
  const v1::Statement second = honduras_.Next(GoodUpdate("HN", 2));

  const Outcome early = Sequence(second);
  const Outcome one = Sequence(first);
  const Outcome two = Sequence(second);

  EXPECT_EQ(early.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(early.status()), "SEQUENCE_GAP");
  EXPECT_EQ(ReasonMetadata(early.status(), "expected_sequence"), "1");
  EXPECT_TRUE(one.ok()) << one.status();
  EXPECT_TRUE(two.ok()) << two.status();
}

TEST_F(SequencerTest, AWrongPredecessorIsRefused) {
  ASSERT_TRUE(Sequence(honduras_.Next(GoodUpdate("HN", 1))).ok());
  const v1::Statement wrong =
      SignedStatement("HN", UpdateParts(GoodUpdate("HN", 2)),
                      {1, Sha256("another")}, Members().SignerKeyOf("HN"));

  const Outcome refused = Sequence(wrong);

  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reason(refused.status()), "WRONG_PREDECESSOR");
  EXPECT_EQ(Size(), 2);
}

TEST_F(SequencerTest, ARefusalInAUnitLeavesTheRestAlone) {
  HoldTheStore();
  auto one = Submit(honduras_.Next(GoodUpdate("HN", 1)));
  const v1::Statement wrong =
      SignedStatement("MX", UpdateParts(GoodUpdate("MX")), {7, Sha256("x")},
                      Members().SignerKeyOf("MX"));
  auto refused = Submit(wrong);
  auto two = Submit(honduras_.Next(GoodUpdate("HN", 2)));

  LetGo();

  EXPECT_EQ(one.get()->position(), 2);
  EXPECT_EQ(Reason(refused.get().status()), "SEQUENCE_GAP");
  EXPECT_EQ(two.get()->position(), 3);
}

TEST_F(SequencerTest, WhatFollowsAChangeOfTheRegistryIsJudgedByIt) {
  HoldTheStore();
  const int before = store_.appends();
  auto good = Submit(honduras_.Next(GoodUpdate("HN", 1)));
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  *change.add_items() = Members().MemberItem("HN");
  change.mutable_items(0)->mutable_member()->set_status(
      v1::Member::STATUS_SUSPENDED);
  auto suspension = Submit(secretariat_.Next(RegistryParts(change)));
  auto late = Submit(honduras_.Next(GoodUpdate("HN", 2)));
  auto other = Submit(guatemala_.Next(GoodUpdate("GT", 2)));

  LetGo();

  EXPECT_TRUE(good.get().ok());
  EXPECT_TRUE(suspension.get().ok());
  EXPECT_EQ(Reason(late.get().status()), "MEMBER_SUSPENDED");
  EXPECT_TRUE(other.get().ok());
  // The change is a unit of its own.
  EXPECT_EQ(store_.appends(), before + 3);
}

TEST_F(SequencerTest, AKeyRevokedAfterTheCheckIsRefused) {
  const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));
  Candidate checked = CandidateOf(statement);
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  auto* revocation = change.add_items()->mutable_signer_key_revocation();
  revocation->set_key_id(statement.key_id());
  revocation->set_ground("lost");
  ASSERT_TRUE(Sequence(secretariat_.Next(RegistryParts(change))).ok());

  const Outcome refused = Submit(std::move(checked)).get();

  EXPECT_EQ(Reason(refused.status()), "UNKNOWN_KEY");
  EXPECT_EQ(Size(), 2);
}

TEST_F(SequencerTest, RegistryStatementsAreCheckedInTheirPlace) {
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  *change.add_items() = TopicItem("asylum");
  const v1::Statement forged =
      SignedStatement("OAS", RegistryParts(change), secretariat_.head(),
                      Members().SignerKeyOf("HN"));
  v1::Statement unsigned_one = secretariat_.Next(RegistryParts(change));
  unsigned_one.set_signature("nothing");
  StatementParts garbage = RegistryParts(change);
  garbage.payload = "\xff\xff";
  const v1::Statement malformed = SignedStatement(
      "OAS", garbage, {1, HeaderOf(unsigned_one).previous_digest()},
      Members().SignerKeyOf("OAS"));

  EXPECT_EQ(Reason(Sequence(forged).status()), "UNKNOWN_KEY");
  EXPECT_EQ(Reason(Sequence(unsigned_one).status()), "BAD_SIGNATURE");
  EXPECT_EQ(Reason(Sequence(malformed).status()), "MALFORMED_PAYLOAD");
  EXPECT_EQ(Size(), 1);
  EXPECT_FALSE(log_->registry().Snapshot()->HasTopic("asylum"));
}

TEST_F(SequencerTest, ARegistryChangeThatBreaksARuleIsRefused) {
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  *change.add_items() = TopicItem("Not A Topic");

  const Outcome refused = Sequence(secretariat_.Next(RegistryParts(change)));

  EXPECT_EQ(Reason(refused.status()), "RULE_VIOLATION");
  EXPECT_EQ(Size(), 1);
}

TEST_F(SequencerTest, AFailedAppendLeavesNothingAndTheChainGoesOn) {
  for (const absl::Status& failure :
       {absl::UnavailableError("busy"), absl::ResourceExhaustedError("full")}) {
    const Position before = Size();
    const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));
    store_.Fail(failure);

    const Outcome failed = Sequence(statement);
    store_.Fail(absl::OkStatus());
    const Outcome again = Sequence(statement);

    EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(Reason(failed.status()), "");
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->position(), before);
  }
}

TEST_F(SequencerTest, AFailedUnitFailsForAllThatWaitForIt) {
  HoldTheStore();
  const v1::Statement statement = honduras_.Next(GoodUpdate("HN", 1));
  auto one = Submit(statement);
  auto twin = Submit(statement);
  auto two = Submit(honduras_.Next(GoodUpdate("HN", 2)));
  store_.Fail(absl::UnavailableError("busy"));
  store_.Hold(false);

  EXPECT_FALSE(held_.get().ok());
  EXPECT_EQ(one.get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(twin.get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(two.get().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Size(), 1);
}

TEST_F(SequencerTest, AnUnknownOutcomeStopsItUntilARestart) {
  for (const bool lands : {false, true}) {
    const v1::Statement statement = honduras_.Next(GoodUpdate("HN"));
    const Position before = Size();
    store_.Fail(absl::UnknownError("no answer"), lands);

    const Outcome unknown = Sequence(statement);
    store_.Fail(absl::OkStatus());
    const Outcome after = Sequence(statement);
    const Position stopped_at = Size();
    Restart();
    const Outcome restarted = Sequence(statement);

    EXPECT_EQ(unknown.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(after.status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(stopped_at, before + (lands ? 1 : 0));
    ASSERT_TRUE(restarted.ok()) << restarted.status();
    EXPECT_EQ(restarted->position(), before);
    EXPECT_EQ(Size(), before + 1);
  }
}

TEST_F(SequencerTest, SomebodyElsesWritesStopIt) {
  store_.Fail(absl::AbortedError("the log ends elsewhere"));

  EXPECT_FALSE(Sequence(honduras_.Next(GoodUpdate("HN"))).ok());
  store_.Fail(absl::OkStatus());

  EXPECT_EQ(Sequence(guatemala_.Next(GoodUpdate("GT"))).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(Size(), 1);
}

TEST_F(SequencerTest, TimesDoNotFallWhenTheClockIsSetBack) {
  SetClock(TestTime() + absl::Hours(1));
  const Outcome first = Sequence(honduras_.Next(GoodUpdate("HN", 1)));
  SetClock(TestTime());
  const Outcome second = Sequence(honduras_.Next(GoodUpdate("HN", 2)));
  Restart();
  const Outcome third = Sequence(honduras_.Next(GoodUpdate("HN", 3)));
  SetClock(TestTime() + absl::Hours(2));
  const Outcome fourth = Sequence(honduras_.Next(GoodUpdate("HN", 4)));

  EXPECT_EQ(RecordedTime(*first), TestTime() + absl::Hours(1));
  EXPECT_EQ(RecordedTime(*second), TestTime() + absl::Hours(1));
  EXPECT_EQ(RecordedTime(*third), TestTime() + absl::Hours(1));
  EXPECT_EQ(RecordedTime(*fourth), TestTime() + absl::Hours(2));
}

TEST_F(SequencerTest, ALeafThatIsTooLargeIsRefused) {
  StatementParts parts = UpdateParts(GoodUpdate("HN"));
  parts.audience.set_scope(v1::Audience::SCOPE_LISTED);
  for (int i = 0; i < 600; ++i) {
    parts.audience.add_corridors(std::string(60, 'a'));
  }
  v1::Statement statement =
      SignedStatement("HN", parts, {}, Members().SignerKeyOf("HN"));
  Candidate candidate;
  candidate.statement = statement;
  ASSERT_TRUE(candidate.header.ParseFromString(statement.header()));
  candidate.header_digest = Sha256(statement.header());
  candidate.registry = log_->registry().Snapshot();

  const Outcome refused = Submit(std::move(candidate)).get();

  EXPECT_EQ(Reason(refused.status()), "TOO_LARGE");
  EXPECT_EQ(Size(), 1);
}

TEST_F(SequencerTest, ItsEndAnswersEverything) {
  HoldTheStore();
  std::vector<std::future<Outcome>> outcomes;
  for (int i = 0; i < 10; ++i) {
    outcomes.push_back(Submit(honduras_.Next(GoodUpdate("HN"))));
  }
  std::thread ending([this] { sequencer_.reset(); });

  LetGo();
  ending.join();

  for (auto& outcome : outcomes) EXPECT_TRUE(outcome.get().ok());
}

TEST_F(SequencerTest, TheHeadIsThatOfTheLog) {
  EXPECT_EQ(*sequencer_->Head("HN"), ChainHead{});

  ASSERT_TRUE(Sequence(honduras_.Next(GoodUpdate("HN"))).ok());

  EXPECT_EQ(*sequencer_->Head("HN"), honduras_.head());
}

v1::RegistryChange CertificateRevocation() {
  const CertificateName name = NameOf(
      X509FromDer(testing::DerOf(Members().CaOf("MX").certificate_pem)).get());
  v1::RegistryChange change;
  auto* revoked = change.add_items()->mutable_revoked_certificate();
  revoked->set_issuer(name.issuer);
  revoked->set_serial(name.serial);
  revoked->set_ground("stolen");
  return change;
}

TEST_F(SequencerTest, AChangeThatWitnessesCannotReadWouldSilenceThemAll) {
  witnesses_read_ = 1;
  const v1::Statement statement =
      secretariat_.Next(RegistryParts(CertificateRevocation()));

  const Outcome refused = Sequence(statement);

  EXPECT_TRUE(absl::IsFailedPrecondition(refused.status()));
  EXPECT_EQ(Reason(refused.status()), "WITNESSES_TOO_OLD");
  // The nodes are upgraded: the same statement is taken.
  witnesses_read_ = 2;
  EXPECT_TRUE(Sequence(statement).ok());
}

TEST_F(SequencerTest, ARegistrarMayForceAChangeThatWitnessesCannotRead) {
  witnesses_read_ = 1;
  Candidate forced =
      CandidateOf(secretariat_.Next(RegistryParts(CertificateRevocation())));
  forced.accept_older_witnesses = true;

  const Outcome outcome = Submit(std::move(forced)).get();

  EXPECT_TRUE(outcome.ok()) << outcome.status();
}

}  // namespace
}  // namespace gaceta
