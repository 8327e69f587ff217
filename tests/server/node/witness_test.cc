#include "server/node/witness.h"

#include <memory>
#include <optional>
#include <string>

#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/statements.h"
#include "tests/support/temp_folder.h"
#include "verify/tree_proofs.h"

namespace gaceta {
namespace {

using testing::GoodUpdate;
using testing::NewKey;
using testing::RegistryParts;
using testing::SharedLogSigner;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;

const TestFederation& Members() {
  static const auto* federation = new TestFederation();
  return *federation;
}

// Keeps nothing while it fails.
class FailingStore : public CheckpointStore {
 public:
  absl::Status Put(CheckpointKind kind, absl::string_view note) override {
    if (fails) return absl::UnavailableError("the disk is full");
    EXPECT_EQ(kind, CheckpointKind::kWitnessed);
    kept = std::string(note);
    return absl::OkStatus();
  }
  absl::Status Remove(CheckpointKind /*kind*/) override {
    kept.reset();
    return absl::OkStatus();
  }
  absl::StatusOr<std::optional<std::string>> Get(
      CheckpointKind /*kind*/) const override {
    return kept;
  }

  bool fails = false;
  std::optional<std::string> kept;
};

class WitnessTest : public ::testing::Test {
 protected:
  WitnessTest()
      : log_(NewLog()),
        evidence_(*EvidenceFolder::Open(folder_.path() + "/evidence")),
        trust_(std::make_unique<LogTrust>(log_.get(), evidence_.get())),
        signer_(*NoteSigner::Create("node.hn.gaceta.example",
                                    NoteKeyType::kCosignature,
                                    NewKey(/*ed25519=*/true))) {
    Grow(log_.get(), &honduras_, 20);
    Mirror(21);
    Open();
  }

  // What is in the log up to `size` counts as mirrored.
  void Mirror(Position size) {
    const Checkpoint checkpoint{std::string(testing::kLogOrigin), size,
                                *log_->tree().Root(size)};
    ASSERT_TRUE(log_->Publish(checkpoint,
                              *SignCheckpoint(checkpoint, SharedLogSigner()))
                    .ok());
  }

  static std::unique_ptr<ProjectedLog> NewLog() {
    auto log = ProjectedLog::OpenInMemory(std::make_unique<MemoryLogStore>(),
                                          Members().Empty());
    const StoredEntry first = StoredEntryOf(Members().PublisherOf("OAS").Next(
        RegistryParts(Members().FirstChange())));
    EXPECT_TRUE((*log)->Append(0, {&first, 1}).ok());
    return *std::move(log);
  }
  static void Grow(ProjectedLog* log, TestPublisher* publisher, int count) {
    for (int i = 0; i < count; ++i) {
      const StoredEntry entry =
          StoredEntryOf(publisher->Next(GoodUpdate("HN")));
      ASSERT_TRUE(log->Append(log->store().Size(), {&entry, 1}).ok());
    }
  }

  // A node that starts.
  void Open() {
    auto witness =
        CheckpointWitness::Open(log_.get(), &store_, signer_, trust_.get());
    ASSERT_TRUE(witness.ok()) << witness.status();
    witness_ = *std::move(witness);
  }

  static std::string Question(const ProjectedLog& log, Position old_size,
                              Position size,
                              const NoteSigner& signer = SharedLogSigner()) {
    AddCheckpoint question;
    question.old_size = old_size;
    question.proof = *log.tree().Consistency(old_size, size);
    question.checkpoint = *SignCheckpoint(
        {std::string(testing::kLogOrigin), size, *log.tree().Root(size)},
        signer);
    return FormatAddCheckpoint(question);
  }
  int StatusOf(const std::string& question) {
    auto answer = witness_->Answer(question, testing::TestTime());
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? answer->status : 0;
  }

  const testing::TempFolder folder_;
  TestPublisher honduras_ = Members().PublisherOf("HN");
  const std::unique_ptr<ProjectedLog> log_;
  const std::unique_ptr<EvidenceFolder> evidence_;
  std::unique_ptr<LogTrust> trust_;
  const NoteSigner signer_;
  FailingStore store_;
  std::unique_ptr<CheckpointWitness> witness_;
};

TEST_F(WitnessTest, CosignsWhatExtendsTheLastAndKeepsItBefore) {
  auto answer = witness_->Answer(Question(*log_, 0, 5), testing::TestTime());

  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->status, 200) << answer->body;
  ASSERT_TRUE(store_.kept.has_value());
  auto note = ParseNote(*store_.kept);
  ASSERT_TRUE(note.ok());
  note->signatures = *ParseSignatureLines(answer->body);
  const auto cosigned = CheckCosignatures(*note, {signer_.public_key()});
  ASSERT_TRUE(cosigned.ok()) << cosigned.status();
  ASSERT_EQ(cosigned->size(), 1U);
  EXPECT_EQ(cosigned->front().time, testing::TestTime());
}

TEST_F(WitnessTest, WhatCannotBeKeptIsNotCosigned) {
  store_.fails = true;
  EXPECT_FALSE(witness_->Answer(Question(*log_, 0, 5), absl::Now()).ok());

  // And is not taken for known.
  store_.fails = false;
  EXPECT_EQ(StatusOf(Question(*log_, 5, 7)), 409);
  EXPECT_EQ(StatusOf(Question(*log_, 0, 5)), 200);
}

TEST_F(WitnessTest, KnowsAfterARestartWhatItHasCosigned) {
  ASSERT_EQ(StatusOf(Question(*log_, 0, 9)), 200);
  Open();

  EXPECT_EQ(StatusOf(Question(*log_, 0, 12)), 409);
  EXPECT_EQ(StatusOf(Question(*log_, 9, 12)), 200);
}

TEST_F(WitnessTest, TheSameCheckpointIsCosignedAgainWithoutBeingKeptAgain) {
  ASSERT_EQ(StatusOf(Question(*log_, 0, 9)), 200);
  store_.fails = true;

  EXPECT_EQ(StatusOf(Question(*log_, 9, 9)), 200);
}

TEST_F(WitnessTest, NeverCosignsASecondHistory) {
  const auto other = NewLog();
  TestPublisher another = Members().PublisherOf("GT");
  Grow(other.get(), &another, 20);
  ASSERT_EQ(StatusOf(Question(*log_, 0, 9)), 200);
  // Nor a shorter one.
  EXPECT_NE(StatusOf(Question(*log_, 5, 5)), 200);
  EXPECT_EQ(StatusOf(Question(*other, 0, 12)), 409);
  EXPECT_TRUE(trust_->status().ok());

  EXPECT_EQ(StatusOf(Question(*other, 9, 12)), 422);

  // The log has signed both: that is kept, and nothing of it cosigned any more.
  EXPECT_EQ(Reason(trust_->status()), "LOG_FORKED");
  EXPECT_FALSE(evidence_->CheckTrusted().ok());
  EXPECT_EQ(StatusOf(Question(*log_, 9, 12)), 403);
}

TEST_F(WitnessTest, ASecondRootOfTheSizeThatItCosignedEndsTrust) {
  const auto other = NewLog();
  TestPublisher another = Members().PublisherOf("GT");
  Grow(other.get(), &another, 20);
  ASSERT_EQ(StatusOf(Question(*log_, 0, 9)), 200);

  EXPECT_EQ(StatusOf(Question(*other, 9, 9)), 422);

  EXPECT_EQ(Reason(trust_->status()), "LOG_FORKED");
}

TEST_F(WitnessTest, AnHonestCheckpointWithABadProofIsRefusedAndTrustGoesOn) {
  ASSERT_EQ(StatusOf(Question(*log_, 0, 9)), 200);
  AddCheckpoint question;
  question.old_size = 9;
  question.proof = *log_->tree().Consistency(8, 12);
  question.checkpoint = *SignCheckpoint(
      {std::string(testing::kLogOrigin), 12, *log_->tree().Root(12)},
      SharedLogSigner());

  EXPECT_EQ(StatusOf(FormatAddCheckpoint(question)), 422);

  EXPECT_TRUE(trust_->status().ok());
  EXPECT_EQ(StatusOf(Question(*log_, 9, 12)), 200);
}

TEST_F(WitnessTest, CosignsOnlyWhatIsMirrored) {
  Grow(log_.get(), &honduras_, 5);

  EXPECT_EQ(StatusOf(Question(*log_, 0, 26)), 503);
  EXPECT_FALSE(store_.kept.has_value());
  EXPECT_EQ(StatusOf(Question(*log_, 0, 21)), 200);
  EXPECT_EQ(StatusOf(Question(*log_, 21, 26)), 503);
  Mirror(26);
  EXPECT_EQ(StatusOf(Question(*log_, 21, 26)), 200);
}

TEST_F(WitnessTest, AFirstCheckpointThatIsNotTheMirroredLogsEndsTrust) {
  const auto other = NewLog();
  TestPublisher another = Members().PublisherOf("GT");
  Grow(other.get(), &another, 20);

  EXPECT_EQ(StatusOf(Question(*other, 0, 12)), 403);

  EXPECT_FALSE(store_.kept.has_value());
  EXPECT_EQ(Reason(trust_->status()), "LOG_FORKED");
  EXPECT_FALSE(evidence_->CheckTrusted().ok());
}

TEST_F(WitnessTest, RefusesAStrangersLogAndSignature) {
  const NoteSigner other_log =
      *NoteSigner::Create(std::string(testing::kLogOrigin),
                          NoteKeyType::kEd25519, NewKey(/*ed25519=*/true));

  EXPECT_EQ(StatusOf(Question(*log_, 0, 5, other_log)), 403);
  EXPECT_EQ(StatusOf("rubbish"), 400);
}

TEST_F(WitnessTest, CosignsNothingOnceTheLogIsNotTrusted) {
  trust_->Lose(absl::DataLossError("two histories"));

  EXPECT_EQ(StatusOf(Question(*log_, 0, 5)), 403);
  EXPECT_FALSE(store_.kept.has_value());
}

}  // namespace
}  // namespace gaceta
