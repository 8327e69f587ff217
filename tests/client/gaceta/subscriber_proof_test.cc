// What the log's tree, its checkpoints and its witnesses prove to a subscriber.
#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "errors/errors.h"
#include "gaceta/evidence_folder.h"
#include "gmock/gmock.h"
#include "subscriber_fixture.h"
#include "verify/checkpoint.h"

namespace gaceta::client {
namespace {

using ::testing::HasSubstr;

class SubscriberProofTest : public SubscriberTest {
 protected:
  void SetUp() override {
    SubscriberTest::SetUp();
    relay_->PublishMany(9);
  }

  Checkpoint Opened(const std::string& note) {
    auto checkpoint =
        OpenCheckpoint(note, {relay_->federation().log_signer().public_key()});
    EXPECT_TRUE(checkpoint.ok()) << checkpoint.status() << note;
    return checkpoint.ok() ? *checkpoint : Checkpoint();
  }

  // What is delivered ends before `end`, for this reason.
  void ExpectStops(SubscriberOptions options, std::int64_t end,
                   const std::string& reason) {
    Subscribe(std::move(options));
    EXPECT_EQ(ReadTo(relay_->size()), Range(0, end));
    EXPECT_EQ(Reason(status_), reason) << status_;
  }

  // Reads all, acknowledges up to `position` and dies.
  void RunTo(std::int64_t position) {
    SubscriberOptions options = Options();
    options.cursor_file = CursorFile();
    Subscribe(options);
    ReadTo(relay_->size());
    ASSERT_TRUE(subscriber_->Acknowledge(position).ok());
    subscriber_.reset();
  }
};

TEST_F(SubscriberProofTest, ADeliveryNamesTheCheckpointThatHasIt) {
  relay_->SetMessageEntries(3);
  Subscribe(Options());
  for (std::int64_t next = 0; next < 10;) {
    auto delivery = Next();
    ASSERT_TRUE(delivery.ok()) << delivery.status();
    next = delivery->next_position;

    const Checkpoint checkpoint = Opened(delivery->checkpoint);
    EXPECT_GE(checkpoint.size, next);
    EXPECT_EQ(checkpoint.origin, FakeFederation::kLogOrigin);
    EXPECT_EQ(delivery->cosigned_checkpoint, "");
    EXPECT_EQ(delivery->quorum_time, absl::InfinitePast());
  }
}

TEST_F(SubscriberProofTest, GoesOnWhileTheLogGrowsUnderIt) {
  relay_->SetMessageEntries(1);
  SubscriberOptions options = Options();
  options.filter.add_states("HN");
  options.read_ahead = 1;
  Subscribe(options);
  std::vector<std::int64_t> positions;
  while (positions.size() < 40) {
    auto delivery = Next();
    ASSERT_TRUE(delivery.ok()) << delivery.status();
    for (const VerifiedEntry& entry : delivery->entries) {
      positions.push_back(entry.position);
    }
    if (relay_->size() < 130) relay_->PublishMany(7);
  }
}

// --- Another history
// -------------------------------------------------------------

TEST_F(SubscriberProofTest, AForkIsFoundAtAReconnect) {
  for (const bool cut : {true, false}) {
    SubscriberOptions options = Options();
    options.evidence_folder = folder_ / (cut ? "one" : "two");
    Subscribe(options);
    ASSERT_EQ(ReadTo(relay_->size()), Range(0, relay_->size()));

    // All of it is signed by its publishers, and chained.
    relay_->Fork(4);
    if (cut) {
      relay_->CutBefore(relay_->size());
    } else {
      relay_->PublishMany(1);
    }

    const absl::Status status = Next().status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_EQ(Reason(status), cut ? "LOG_FORKED" : "BAD_CONSISTENCY_PROOF");

    // Two checkpoints of the log's own key, which cannot both be.
    auto evidence = ReadEvidence(ReasonMetadata(status, "evidence"));
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    EXPECT_EQ(evidence->reason(), Reason(status));
    ASSERT_EQ(evidence->checkpoints_size(), 2);
    EXPECT_NE(Opened(evidence->checkpoints(0)).root,
              Opened(evidence->checkpoints(1)).root);
    auto again = Subscriber::Create(options);
    EXPECT_EQ(Reason(again.status()), "LOG_DISTRUSTED") << again.status();
  }
}

TEST_F(SubscriberProofTest, AForkIsFoundAfterARestartWhereverItStopped) {
  for (const std::int64_t stopped : {0, 3, 5, 10}) {
    std::filesystem::remove(CursorFile());
    RunTo(stopped);
    relay_->Fork(4);
    SubscriberOptions options = Options();
    options.cursor_file = CursorFile();
    options.evidence_folder = folder_ / absl::StrCat("evidence-", stopped);

    Subscribe(options);

    EXPECT_EQ(Reason(Next().status()), "LOG_FORKED") << Next().status();
    EXPECT_EQ(relay_->opens().back().known_size(), 10);
  }
}

TEST_F(SubscriberProofTest, WhoKnewNothingOfTheOtherHistoryReadsThisOne) {
  relay_->Fork(4);

  Subscribe(Options());

  EXPECT_EQ(ReadTo(10), Range(0, 10));
}

TEST_F(SubscriberProofTest, ALogThatEndsBeforeItsKnownCheckpointIsShortened) {
  RunTo(2);
  relay_->Shorten(8);
  SubscriberOptions options = Options();
  options.cursor_file = CursorFile();

  Subscribe(options);

  EXPECT_EQ(Reason(Next().status()), "LOG_SHORTENED") << Next().status();
}

// --- What is not in the log
// ------------------------------------------------------

TEST_F(SubscriberProofTest, ABackDatedEntryIsNotInTheLog) {
  // The hub's own part of a leaf, which no publisher has signed.
  relay_->OnSend([](v1::SubscribeResponse* message) {
    for (v1::Entry& entry : *message->mutable_entries()) {
      if (entry.position() != 5) continue;
      v1::Leaf leaf;
      ASSERT_TRUE(leaf.ParseFromString(entry.leaf()));
      leaf.mutable_recorded_time()->set_seconds(1);
      entry.set_leaf(leaf.SerializeAsString());
    }
  });

  ExpectStops(Options(), 0, "BAD_CONSISTENCY_PROOF");
  relay_->SetMessageEntries(1);
  ExpectStops(Options(), 5, "BAD_CONSISTENCY_PROOF");
}

TEST_F(SubscriberProofTest, AnEntryThatIsDroppedFromAFilteredStreamIsFound) {
  SubscriberOptions options = Options();
  options.filter.add_topics("entry-visa");
  relay_->OnProof([](v1::SubscribeResponse* message) {
    for (int i = 0; i < message->entries_size(); ++i) {
      if (message->entries(i).position() == 5) {
        message->mutable_entries()->DeleteSubrange(i, 1);
      }
    }
  });

  ExpectStops(options, 0, "MALFORMED_STREAM");
}

TEST_F(SubscriberProofTest, WithoutProofNothingIsShown) {
  relay_->OnProof(
      [](v1::SubscribeResponse* message) { message->clear_proof(); });
  ExpectStops(Options(), 0, "MALFORMED_STREAM");

  relay_->OnProof([](v1::SubscribeResponse* message) {
    if (!message->has_opened()) message->clear_proof();
  });
  SubscriberOptions options = Options();
  options.filter.add_states("HN");
  ExpectStops(options, 0, "MALFORMED_STREAM");
}

TEST_F(SubscriberProofTest, EveryFieldOfAProofCounts) {
  using Proof = v1::StreamProof;
  const std::vector<std::function<std::string*(Proof*)>> fields = {
      [](Proof* proof) { return proof->mutable_skipped(); },
      [](Proof* proof) { return proof->mutable_consistency(); },
      [](Proof* proof) { return proof->mutable_checkpoint(); }};
  std::vector<std::atomic<int>> altered(fields.size());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    relay_->OnProof([&, i](v1::SubscribeResponse* message) {
      std::string* field = fields[i](message->mutable_proof());
      if (message->has_opened() || field->empty()) return;
      field->back() ^= 1;
      ++altered[i];
    });
    SubscriberOptions options = Options();
    options.filter.add_states("HN");
    relay_->SetMessageEntries(4);
    Subscribe(options);
    ReadTo(relay_->size());
    relay_->PublishMany(3);

    ReadTo(relay_->size());

    EXPECT_TRUE(absl::IsDataLoss(status_)) << i << " " << status_;
    EXPECT_GT(altered[i], 0) << i;
    subscriber_.reset();
    relay_->OnProof(nullptr);
  }
}

TEST_F(SubscriberProofTest, AnOldCheckpointForEverProvesNothingNew) {
  relay_->FreezeCheckpoint(6);
  relay_->SetMessageEntries(1);

  ExpectStops(Options(), 6, "BAD_CONSISTENCY_PROOF");
}

// --- Keys of the log
// -------------------------------------------------------------

TEST_F(SubscriberProofTest, ACheckpointOfAnotherKeyIsRefused) {
  auto other = NewNoteSigner(std::string(FakeFederation::kLogOrigin),
                             NoteKeyType::kEd25519);
  ASSERT_TRUE(other.ok());
  relay_->SignLogWith(*other);

  ExpectStops(Options(), 0, "BAD_CHECKPOINT_SIGNATURE");
}

TEST_F(SubscriberProofTest, ACheckpointOfAnotherLogIsRefused) {
  auto other = NewNoteSigner("other.example/log", NoteKeyType::kEd25519);
  ASSERT_TRUE(other.ok());
  v1::RegistryChange change;
  *change.add_items() = relay_->federation().LogPolicyItem(0, absl::Seconds(60),
                                                           other->public_key());
  relay_->ChangeRegistry(change);
  relay_->SignLogWith(*other);

  ExpectStops(Options(), 0, "WRONG_LOG");
}

TEST_F(SubscriberProofTest, TheNewestPolicySaysWhoseKeyIsTheLogs) {
  Subscribe(Options());
  ASSERT_EQ(ReadTo(10), Range(0, 10));
  auto other = NewNoteSigner(std::string(FakeFederation::kLogOrigin),
                             NoteKeyType::kEd25519);
  ASSERT_TRUE(other.ok());
  v1::RegistryChange change;
  *change.add_items() = relay_->federation().LogPolicyItem(0, absl::Seconds(60),
                                                           other->public_key());
  relay_->SignLogWith(*other);
  relay_->ChangeRegistry(change);
  relay_->PublishMany(2);
  EXPECT_EQ(ReadTo(13), Range(10, 13));

  // Who begins below it cannot read the entries' checkpoint by the policy of
  // their time.
  Subscribe(Options());
  EXPECT_EQ(ReadTo(13), Range(0, 13));
  EXPECT_TRUE(status_.ok()) << status_;
}

TEST_F(SubscriberProofTest, NothingIsLostBeforeThereIsALogPolicy) {
  relay_ = *FakeRelay::StartEmpty({"GT", "HN", "MX"});
  std::atomic<int> waits = 0;
  SubscriberOptions options = Options();
  options.on_disconnect = [&waits](const absl::Status& why, absl::Duration) {
    EXPECT_EQ(Reason(why), "NO_LOG_POLICY") << why;
    ++waits;
  };
  Subscribe(options);
  relay_->AwaitOpens(1);
  relay_->Append(relay_->federation().First(false));
  relay_->AwaitOpens(4);
  EXPECT_TRUE(
      absl::IsDeadlineExceeded(subscriber_->Next(absl::Now()).status()));

  relay_->RequireQuorum(0, absl::Seconds(60));
  relay_->PublishMany(2);

  EXPECT_EQ(ReadTo(4), Range(0, 4)) << status_;
  subscriber_.reset();
  EXPECT_GE(waits, 3);
}

TEST_F(SubscriberProofTest, NothingIsLostWhileTheRegistryCannotBeRead) {
  // A checkpoint of a key that is new makes the client ask for it.
  Subscribe(Options());
  ASSERT_EQ(ReadTo(10), Range(0, 10));
  auto other = NewNoteSigner(std::string(FakeFederation::kLogOrigin),
                             NoteKeyType::kEd25519);
  ASSERT_TRUE(other.ok());
  relay_->FailRegistry(absl::UnavailableError("away"));
  relay_->SignLogWith(*other);
  relay_->PublishMany(1);
  relay_->AwaitOpens(3);
  v1::RegistryChange change;
  *change.add_items() = relay_->federation().LogPolicyItem(0, absl::Seconds(60),
                                                           other->public_key());
  relay_->ChangeRegistry(change);
  relay_->FailRegistry(absl::OkStatus());

  EXPECT_EQ(ReadTo(12), Range(10, 12)) << status_;
}

// --- Witnesses
// -------------------------------------------------------------------

class SubscriberQuorumTest : public SubscriberProofTest {
 protected:
  void SetUp() override {
    SubscriberProofTest::SetUp();
    relay_->RequireQuorum(2, absl::Seconds(1));
  }
  SubscriberOptions Options() const {
    SubscriberOptions options = SubscriberProofTest::Options();
    options.heartbeat = absl::Milliseconds(50);
    return options;
  }

  // Reads until Next() fails.
  absl::Status AwaitFailure() {
    while (true) {
      auto delivery = Next();
      if (!delivery.ok()) return delivery.status();
    }
  }
};

TEST_F(SubscriberQuorumTest, WhatNoQuorumCosignsIsShownForTheGraceAlone) {
  Subscribe(Options());
  const absl::Time begin = absl::Now();
  // At once, all the same.
  ASSERT_EQ(ReadTo(11), Range(0, 11));
  relay_->Cosign({"HN"});

  const absl::Status status = AwaitFailure();

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(Reason(status), "QUORUM_MISSING");
  EXPECT_THAT(std::string(status.message()), HasSubstr("below position 11"));
  EXPECT_GE(absl::Now() - begin, absl::Seconds(1));
  EXPECT_EQ(Next().status(), status);
}

TEST_F(SubscriberQuorumTest, WhatAQuorumHasCosignedGoesOn) {
  const absl::Time cosigned = absl::FromUnixSeconds(1772366400);
  relay_->Cosign({"HN", "MX"}, cosigned);
  Subscribe(Options());
  ASSERT_EQ(ReadTo(11), Range(0, 11));

  // Longer than the grace, and then another entry, cosigned in time.
  EXPECT_TRUE(absl::IsDeadlineExceeded(
      subscriber_->Next(absl::Now() + absl::Milliseconds(1300)).status()));
  relay_->PublishMany(1);
  auto delivery = Next();
  ASSERT_TRUE(delivery.ok()) << delivery.status();
  EXPECT_EQ(delivery->next_position, 12);
  EXPECT_EQ(Opened(delivery->cosigned_checkpoint).size, 11);
  EXPECT_EQ(delivery->quorum_time, cosigned);

  relay_->Cosign({"GT", "HN"});

  // That alone is news.
  delivery = Next();
  ASSERT_TRUE(delivery.ok()) << delivery.status();
  EXPECT_EQ(delivery->next_position, 12);
  EXPECT_EQ(Opened(delivery->cosigned_checkpoint).size, 12);
  EXPECT_GT(delivery->quorum_time, cosigned);
}

TEST_F(SubscriberQuorumTest, ACosignatureThatDoesNotVerifyIsRefused) {
  relay_->Cosign({"HN", "MX"});
  relay_->OnProof([](v1::SubscribeResponse* message) {
    std::string* note = message->mutable_proof()->mutable_cosigned_checkpoint();
    // In the last signature.
    if (!note->empty()) note->at(note->size() - 20) ^= 1;
  });

  Subscribe(Options());

  EXPECT_TRUE(absl::IsDataLoss(Next().status())) << Next().status();
}

}  // namespace
}  // namespace gaceta::client
