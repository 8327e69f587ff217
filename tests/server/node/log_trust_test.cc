#include "server/node/log_trust.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/statements.h"
#include "tests/support/temp_folder.h"
#include "verify/merkle.h"

namespace gaceta {
namespace {

using testing::GoodUpdate;
using ::testing::IsEmpty;
using testing::RegistryParts;
using testing::SharedLogSigner;
using ::testing::SizeIs;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;

const TestFederation& Members() {
  static const auto* federation = new TestFederation();
  return *federation;
}

// A mirrored log, and another one that the same hub has signed: they part at
// position kFork.
class LogTrustTest : public ::testing::Test {
 protected:
  static constexpr Position kFork = 4;
  static constexpr Position kSize = 9;

  void SetUp() override {
    mirrored_ = NewLog();
    other_ = NewLog();
    TestPublisher honduras = Members().PublisherOf("HN");
    TestPublisher guatemala = Members().PublisherOf("GT");
    Append(mirrored_.get(), Members().PublisherOf("OAS").Next(
                                RegistryParts(Members().FirstChange())));
    Append(other_.get(), mirrored_->store().Read(0, 1, 1)->at(0));
    for (Position p = 1; p < kSize; ++p) {
      const StoredEntry entry =
          StoredEntryOf(honduras.Next(GoodUpdate("HN", static_cast<int>(p))));
      Append(mirrored_.get(), entry);
      Append(
          other_.get(),
          p < kFork ? entry : StoredEntryOf(guatemala.Next(GoodUpdate("GT"))));
    }
    evidence_ = *EvidenceFolder::Open(folder_.path());
    Restart();
  }

  static std::unique_ptr<ProjectedLog> NewLog() {
    return *ProjectedLog::OpenInMemory(std::make_unique<MemoryLogStore>(),
                                       Members().Empty());
  }
  static void Append(ProjectedLog* log, const StoredEntry& entry) {
    ASSERT_TRUE(log->Append(log->store().Size(), {&entry, 1}).ok());
  }
  static void Append(ProjectedLog* log, const v1::Statement& statement) {
    Append(log, StoredEntryOf(statement));
  }
  void Restart() {
    trust_ = std::make_unique<LogTrust>(mirrored_.get(), evidence_.get());
  }

  static Checkpoint CheckpointOf(const ProjectedLog& log, Position size) {
    return {std::string(testing::kLogOrigin), size, *log.tree().Root(size)};
  }
  static std::string NoteOf(const ProjectedLog& log, Position size) {
    return *SignCheckpoint(CheckpointOf(log, size), SharedLogSigner());
  }
  void Publish(Position size) {
    ASSERT_TRUE(
        mirrored_
            ->Publish(CheckpointOf(*mirrored_, size), NoteOf(*mirrored_, size))
            .ok());
    trust_->Check();
  }
  void Saw(const ProjectedLog& log, Position size) {
    trust_->Saw(CheckpointOf(log, size), NoteOf(log, size));
  }
  static v1::Receipt ReceiptOf(const ProjectedLog& log, Position position,
                               Position size) {
    v1::Receipt receipt;
    receipt.set_position(position);
    receipt.set_leaf(log.store().Read(position, 1, 1)->at(0).leaf);
    receipt.set_inclusion_proof(
        JoinHashes(*log.tree().Inclusion(position, size)));
    receipt.set_checkpoint(NoteOf(log, size));
    return receipt;
  }

  // Two checkpoints of the log's key, and the proof that the later begins with
  // another tree than the earlier.
  void ExpectEvidenceOfAFork() {
    const auto paths = evidence_->List();
    ASSERT_TRUE(paths.ok()) << paths.status();
    ASSERT_THAT(*paths, SizeIs(1));
    const auto evidence = ReadEvidence(paths->front());
    ASSERT_TRUE(evidence.ok()) << evidence.status();
    EXPECT_EQ(evidence->reason(), "LOG_FORKED");
    ASSERT_EQ(evidence->checkpoints_size(), 2);
    const std::vector<NoteKey> keys = {SharedLogSigner().public_key()};
    const auto one = OpenCheckpoint(evidence->checkpoints(0), keys);
    const auto two = OpenCheckpoint(evidence->checkpoints(1), keys);
    ASSERT_TRUE(one.ok() && two.ok()) << one.status() << two.status();
    const auto prefix = SplitHashes(evidence->prefix_root());
    const auto proof = SplitHashes(evidence->prefix_consistency());
    ASSERT_TRUE(prefix.ok() && proof.ok());
    ASSERT_THAT(*prefix, SizeIs(1));
    EXPECT_NE(prefix->front(), one->root);
    EXPECT_TRUE(VerifyConsistency(one->size, prefix->front(), two->size,
                                  two->root, *proof)
                    .ok());
  }

  const testing::TempFolder folder_;
  std::unique_ptr<ProjectedLog> mirrored_;
  std::unique_ptr<ProjectedLog> other_;
  std::unique_ptr<EvidenceFolder> evidence_;
  std::unique_ptr<LogTrust> trust_;
};

TEST_F(LogTrustTest, CheckpointsOfTheMirroredLogAreTrusted) {
  Publish(6);
  for (Position size = 1; size <= kSize; ++size) Saw(*mirrored_, size);
  // Where both logs are the same still.
  for (Position size = 1; size <= kFork; ++size) Saw(*other_, size);
  Publish(kSize);

  EXPECT_TRUE(trust_->status().ok()) << trust_->status();
  EXPECT_THAT(*evidence_->List(), IsEmpty());
}

TEST_F(LogTrustTest, ACheckpointOfAnotherHistoryEndsTrust) {
  Publish(8);

  Saw(*other_, 6);

  EXPECT_TRUE(absl::IsDataLoss(trust_->status())) << trust_->status();
  EXPECT_EQ(Reason(trust_->status()), "LOG_FORKED");
  ExpectEvidenceOfAFork();
}

TEST_F(LogTrustTest, ACheckpointBeyondTheMirrorIsComparedWhenItHasComeSoFar) {
  Publish(3);
  Saw(*mirrored_, 5);
  Saw(*other_, 6);
  Saw(*mirrored_, 7);
  Publish(5);
  EXPECT_TRUE(trust_->status().ok());

  Publish(7);

  EXPECT_EQ(Reason(trust_->status()), "LOG_FORKED");
  ExpectEvidenceOfAFork();
}

TEST_F(LogTrustTest, ACheckpointOfTheSameSizeIsEvidenceToo) {
  Publish(8);

  Saw(*other_, 8);

  ExpectEvidenceOfAFork();
}

TEST_F(LogTrustTest, TrustStaysLostUntilAPersonHasLooked) {
  Publish(8);
  Saw(*other_, 6);

  Restart();
  EXPECT_EQ(Reason(trust_->status()), "LOG_DISTRUSTED") << trust_->status();

  ASSERT_TRUE(DismissEvidence(evidence_->List()->front()).ok());
  EXPECT_FALSE(trust_->status().ok());
  Restart();
  EXPECT_TRUE(trust_->status().ok());
}

TEST_F(LogTrustTest, TheFirstReasonIsKept) {
  trust_->Lose(WithReason(absl::DataLossError("one"), "ONE"));
  trust_->Lose(WithReason(absl::DataLossError("two"), "TWO"));

  EXPECT_EQ(Reason(trust_->status()), "ONE");
}

TEST_F(LogTrustTest, AReceiptOfTheMirroredLogHolds) {
  Publish(6);
  for (Position position = 0; position < kSize; ++position) {
    const absl::Status status =
        trust_->CheckReceipt(ReceiptOf(*mirrored_, position, kSize));
    EXPECT_TRUE(status.ok()) << status;
  }
  Publish(kSize);

  EXPECT_TRUE(trust_->status().ok());
}

TEST_F(LogTrustTest, AReceiptOfAnotherHistoryIsFoundOut) {
  Publish(6);
  // It proves itself: the hub answers a publisher by one history and shows
  // another.
  EXPECT_TRUE(trust_->CheckReceipt(ReceiptOf(*other_, 1, 7)).ok());
  EXPECT_TRUE(trust_->status().ok());

  Publish(8);

  EXPECT_EQ(Reason(trust_->status()), "LOG_FORKED");
  ExpectEvidenceOfAFork();
}

TEST_F(LogTrustTest, AReceiptThatDoesNotHoldIsRefused) {
  Publish(kSize);
  v1::Receipt proof = ReceiptOf(*mirrored_, 3, kSize);
  proof.mutable_inclusion_proof()->back() ^= 1;
  v1::Receipt position = ReceiptOf(*mirrored_, 3, kSize);
  position.set_position(2);
  v1::Receipt leaf = ReceiptOf(*mirrored_, 3, kSize);
  leaf.mutable_leaf()->back() ^= 1;
  v1::Receipt checkpoint = ReceiptOf(*mirrored_, 3, kSize);
  checkpoint.mutable_checkpoint()->at(30) ^= 1;
  v1::Receipt bare = ReceiptOf(*mirrored_, 3, kSize);
  bare.clear_inclusion_proof();
  bare.clear_checkpoint();
  for (const v1::Receipt& bad : {proof, position, leaf, checkpoint, bare}) {
    const absl::Status status = trust_->CheckReceipt(bad);

    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  }
}

TEST_F(LogTrustTest, AReceiptWaitsForTheLogPolicy) {
  const auto empty = NewLog();
  LogTrust trust(empty.get(), evidence_.get());

  EXPECT_TRUE(
      absl::IsUnavailable(trust.CheckReceipt(ReceiptOf(*mirrored_, 0, kSize))));
}

// Whatever comes first: what was seen, or the mirror.
TEST_F(LogTrustTest, NothingIsMissedBetweenThreads) {
  for (int round = 0; round < 20; ++round) {
    SetUp();
    std::thread seer([this] { Saw(*other_, 6); });
    Publish(7);
    seer.join();

    EXPECT_FALSE(trust_->status().ok());
    const auto paths = evidence_->List();
    for (const std::string& path : *paths) {
      ASSERT_TRUE(DismissEvidence(path).ok());
    }
  }
}

}  // namespace
}  // namespace gaceta
