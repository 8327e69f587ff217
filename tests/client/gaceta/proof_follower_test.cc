#include "gaceta/proof_follower.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gtest/gtest.h"
#include "testing/fake_federation.h"
#include "testing/fake_log.h"
#include "verify/checkpoint.h"

namespace gaceta::client {
namespace {

constexpr absl::Duration kGrace = absl::Seconds(30);

class ProofFollowerTest : public ::testing::Test {
 protected:
  ProofFollowerTest()
      : federation_(*FakeFederation::Create({"GT", "HN", "MX"})),
        registry_(std::make_shared<const Federation>(*Federation::Create(
            federation_->root_pem(), std::string(FakeFederation::kName)))) {}
  void SetUp() override {
    v1::RegistryChange change;
    ASSERT_TRUE(change.ParseFromString(federation_->First().payload()));
    Apply(change);
    RequireQuorum(2);
    Grow(10);
    Forget("");
  }

  void Apply(const v1::RegistryChange& change) {
    Federation next = *registry_;
    const absl::Status status = next.Apply(change, next.next_position());
    ASSERT_TRUE(status.ok()) << status;
    registry_ = std::make_shared<const Federation>(std::move(next));
  }
  void RequireQuorum(int quorum) {
    v1::RegistryChange change;
    change.set_nonce(std::string(16, 'n'));
    *change.add_items() = federation_->LogPolicyItem(quorum, kGrace);
    Apply(change);
  }

  static std::string Leaf(std::int64_t position) {
    return absl::StrCat("leaf ", position);
  }
  // Adds leaves and a checkpoint that has them.
  void Grow(int count) {
    for (int i = 0; i < count; ++i) tree_.Append(Leaf(tree_.size()));
    SignHead(federation_->log_signer());
  }
  void SignHead(const NoteSigner& signer) {
    head_.size = tree_.size();
    head_.note = *SignCheckpoint(
        {signer.public_key().name(), head_.size, tree_.Root(head_.size)},
        signer);
  }
  // These nodes cosign the checkpoint of `size`.
  void Cosign(const std::vector<std::string>& states, std::int64_t size,
              absl::Time time) {
    head_.cosigned_note = *SignCheckpoint(
        {std::string(FakeFederation::kLogOrigin), size, tree_.Root(size)},
        federation_->log_signer());
    const std::string text = ParseNote(head_.cosigned_note)->text;
    for (const std::string& state : states) {
      head_.cosigned_note +=
          *gaceta::Cosign(text, federation_->witness(state), time);
    }
    head_.cosigned_size = size;
    ++head_.cosigned_number;
  }

  // Begins anew, knowing this note alone.
  void Forget(const std::string& known) {
    follower_ = std::make_unique<ProofFollower>(
        std::string(FakeFederation::kLogOrigin), known,
        [this]() -> absl::StatusOr<ProofFollower::Registry> {
          ++reads_;
          if (!read_failure_.ok()) return read_failure_;
          return registry_;
        });
  }

  // A stream opens.
  absl::Status Open(std::int64_t start) {
    v1::SubscribeResponse message;
    message.mutable_opened()->set_start_position(start);
    message.mutable_opened()->set_log_size(tree_.size());
    prover_ = FakeProver();
    prover_.Prove(tree_, head_, follower_->known_size(), &message);
    position_ = start;
    return follower_->OnOpened(message);
  }
  // All up to `next` is shown.
  absl::Status Show(std::int64_t next) {
    v1::SubscribeResponse message;
    std::vector<ShownLeaf> leaves;
    for (; position_ < next; ++position_) {
      message.add_entries()->set_position(position_);
      leaves.emplace_back(position_, HashLeaf(Leaf(position_)));
    }
    message.mutable_progress()->set_next_position(next);
    prover_.Prove(tree_, head_, 0, &message);
    return follower_->OnProgress(leaves, message, stream_registry_, now_);
  }
  // A heartbeat.
  absl::Status Beat() { return Show(position_); }

  const std::unique_ptr<FakeFederation> federation_;
  std::shared_ptr<const Federation> registry_;
  // That of the stream is empty: it began beyond.
  std::shared_ptr<const Federation> stream_registry_;
  FakeTree tree_;
  FakeHead head_;
  FakeProver prover_;
  std::int64_t position_ = 0;
  std::unique_ptr<ProofFollower> follower_;
  absl::Time now_ = absl::FromUnixSeconds(1772366400);
  int reads_ = 0;
  absl::Status read_failure_;
};

TEST_F(ProofFollowerTest, RemembersTheNewestCheckpoint) {
  EXPECT_EQ(follower_->known_size(), 0);
  ASSERT_TRUE(Open(3).ok());
  EXPECT_EQ(follower_->known_size(), 10);
  EXPECT_EQ(follower_->checkpoint(), head_.note);

  Grow(5);
  ASSERT_TRUE(Show(4).ok());
  EXPECT_EQ(follower_->known_size(), 15);
  EXPECT_EQ(follower_->checkpoint(), head_.note);

  const std::string known = head_.note;
  Grow(1);
  Forget(known);
  EXPECT_EQ(follower_->known_size(), 15);
  EXPECT_EQ(follower_->checkpoint(), known);
  EXPECT_TRUE(Open(0).ok());
  EXPECT_EQ(follower_->known_size(), 16);
}

TEST_F(ProofFollowerTest, ACheckpointThatDoesNotHoldIsNotRemembered) {
  ASSERT_TRUE(Open(3).ok());
  const std::string before = head_.note;
  tree_.Replace(5, "another leaf");
  Grow(1);

  EXPECT_EQ(Reason(Show(4)), "LOG_FORKED");

  EXPECT_EQ(follower_->checkpoint(), before);
  EXPECT_EQ(follower_->offered(), head_.note);
}

// --- The policy
// ------------------------------------------------------------------

TEST_F(ProofFollowerTest, WithoutAPolicyItWaits) {
  auto with_policy = std::exchange(
      registry_,
      std::make_shared<const Federation>(*Federation::Create(
          federation_->root_pem(), std::string(FakeFederation::kName))));

  const absl::Status status = Open(0);
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(Reason(status), "NO_LOG_POLICY");

  registry_ = with_policy;
  EXPECT_TRUE(Open(0).ok());
}

TEST_F(ProofFollowerTest, AnEmptyLogNeedsNoPolicy) {
  registry_ = nullptr;
  tree_ = FakeTree();
  head_ = FakeHead();

  EXPECT_TRUE(Open(0).ok());
  EXPECT_EQ(reads_, 0);
}

TEST_F(ProofFollowerTest, AnErrorOfTheRegistryIsPassedOn) {
  read_failure_ = absl::UnavailableError("away");

  EXPECT_EQ(Open(0), read_failure_);
}

TEST_F(ProofFollowerTest, AKeyThatIsNotKnownIsLookedUpAgain) {
  ASSERT_TRUE(Open(0).ok());
  auto other = NewNoteSigner(std::string(FakeFederation::kLogOrigin),
                             NoteKeyType::kEd25519);
  Grow(1);
  SignHead(*other);
  v1::RegistryChange change;
  change.set_nonce(std::string(16, 'n'));
  *change.add_items() =
      federation_->LogPolicyItem(0, kGrace, other->public_key());
  const int reads = reads_;
  const auto old = registry_;
  Apply(change);

  EXPECT_TRUE(Show(3).ok());
  EXPECT_EQ(reads_, reads + 1);

  // The old key counts no longer.
  Grow(1);
  EXPECT_EQ(Reason(Show(4)), "BAD_CHECKPOINT_SIGNATURE");
}

TEST_F(ProofFollowerTest, ThePolicyOfTheStreamCountsIfItIsNewer) {
  ASSERT_TRUE(Open(0).ok());
  const int reads = reads_;
  RequireQuorum(0);
  stream_registry_ = registry_;

  ASSERT_TRUE(Show(3).ok());
  now_ += 2 * kGrace;

  EXPECT_TRUE(Beat().ok());
  EXPECT_EQ(reads_, reads);
}

// --- The quorum
// ------------------------------------------------------------------

TEST_F(ProofFollowerTest, AQuorumMayBeMissingForTheGrace) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Show(3).ok());
  now_ += kGrace / 2;
  // What is shown later does not begin it anew.
  ASSERT_TRUE(Show(6).ok());
  now_ += kGrace / 2;
  EXPECT_TRUE(Beat().ok());
  EXPECT_EQ(follower_->cosigned_checkpoint(), "");

  now_ += absl::Seconds(1);

  const absl::Status status = Beat();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(Reason(status), "QUORUM_MISSING");
}

TEST_F(ProofFollowerTest, AReconnectGivesNoMoreTime) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Show(3).ok());
  now_ += kGrace;
  ASSERT_TRUE(Open(3).ok());
  EXPECT_TRUE(Beat().ok());

  now_ += absl::Seconds(1);

  EXPECT_EQ(Reason(Beat()), "QUORUM_MISSING");
}

TEST_F(ProofFollowerTest, AQuorumOfEnoughWitnessesEndsTheWait) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Show(3).ok());
  now_ += kGrace;
  Cosign({"HN"}, 10, now_);
  ASSERT_TRUE(Beat().ok());
  EXPECT_EQ(follower_->cosigned_checkpoint(), "");
  const absl::Time earlier = now_ - absl::Seconds(5);
  Cosign({"GT", "HN"}, 3, earlier);

  ASSERT_TRUE(Beat().ok());
  EXPECT_EQ(follower_->cosigned_checkpoint(), head_.cosigned_note);
  EXPECT_EQ(follower_->quorum_time(), earlier);

  // Long after: the three entries stay covered.
  now_ += 10 * kGrace;
  EXPECT_TRUE(Beat().ok());
  // One more has a grace of its own.
  ASSERT_TRUE(Show(4).ok());
  now_ += kGrace + absl::Seconds(1);
  EXPECT_EQ(Reason(Beat()), "QUORUM_MISSING");
}

TEST_F(ProofFollowerTest, AQuorumForABeginningOfWhatWasShownIsNotEnough) {
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Show(5).ok());
  now_ += kGrace;
  Cosign({"GT", "HN"}, 4, now_);
  ASSERT_TRUE(Beat().ok());

  now_ += absl::Seconds(1);

  EXPECT_EQ(Reason(Beat()), "QUORUM_MISSING");
}

TEST_F(ProofFollowerTest, AnOlderCosignedCheckpointTakesNothingBack) {
  Cosign({"GT", "HN", "MX"}, 10, now_);
  const std::string newest = head_.cosigned_note;
  ASSERT_TRUE(Open(0).ok());
  ASSERT_TRUE(Show(10).ok());

  Cosign({"GT", "HN"}, 7, now_ + absl::Seconds(9));
  ASSERT_TRUE(Beat().ok());

  EXPECT_EQ(follower_->cosigned_checkpoint(), newest);
  EXPECT_EQ(follower_->quorum_time(), now_);
  // The same again, later, is news.
  Cosign({"GT", "HN"}, 10, now_ + absl::Seconds(20));
  ASSERT_TRUE(Beat().ok());
  EXPECT_EQ(follower_->quorum_time(), now_ + absl::Seconds(20));
}

TEST_F(ProofFollowerTest, ACosignedCheckpointOfAnotherHistoryIsAFork) {
  Cosign({"GT", "HN"}, 7, now_);
  FakeTree other = tree_;
  other.Replace(2, "another leaf");
  std::swap(tree_, other);
  Cosign({"GT", "HN"}, 7, now_);
  std::swap(tree_, other);

  EXPECT_EQ(Reason(Open(0)), "LOG_FORKED");
}

TEST_F(ProofFollowerTest, ACosignatureThatDoesNotVerifyIsRefused) {
  Cosign({"GT", "HN"}, 7, now_);
  head_.cosigned_note[head_.cosigned_note.size() - 20] ^= 1;

  EXPECT_TRUE(absl::IsDataLoss(Open(0)));
}

}  // namespace
}  // namespace gaceta::client
