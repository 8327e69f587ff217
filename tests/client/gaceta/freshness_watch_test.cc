// Silent witnesses are told from clocks that differ, whoever's clock is wrong.
#include "gaceta/freshness_watch.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "gaceta/evidence_folder.h"
#include "testing/fake_federation.h"
#include "tests/support/temp_folder.h"
#include "verify/checkpoint.h"

namespace gaceta::client {
namespace {

using Kind = FreshnessWatch::Finding::Kind;

constexpr absl::Duration kGrace = absl::Minutes(2);
constexpr absl::Duration kTurn = absl::Seconds(15);
const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

class FreshnessWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Apply(federation_->First().payload());
    v1::RegistryChange change;
    change.set_nonce(std::string(16, 'n'));
    *change.add_items() = federation_->LogPolicyItem(1, kGrace);
    Apply(change.SerializeAsString());
  }
  void Apply(const std::string& payload) {
    v1::RegistryChange change;
    ASSERT_TRUE(change.ParseFromString(payload));
    const absl::Status s = registry_.Apply(change, registry_.next_position());
    ASSERT_TRUE(s.ok()) << s;
  }

  // The server is heard after `passed`, at the end of the log. If `vouched`,
  // there is a delivery, for which witnesses have vouched, by clocks that are
  // right; a heartbeat without news is none. This computer's clock is ahead by
  // `ahead_`. Returns what is found.
  std::optional<FreshnessWatch::Finding> Turn(absl::Duration passed,
                                              bool vouched) {
    passed_ += passed;
    if (vouched) {
      delivery_.quorum_time = kStart + passed_;
      delivery_.cosigned_checkpoint = Note(++size_);
      delivery_.live = true;
      delivery_.checkpoint = Note(size_);
      watch_.Saw(delivery_);
    }
    return watch_.Check(&registry_,
                        {kStart + passed_ + ahead_, absl::ZeroDuration()});
  }
  std::string Note(std::int64_t size) const {
    return *SignCheckpoint(
        {std::string(FakeFederation::kLogOrigin), size, EmptyRoot()},
        federation_->log_signer());
  }
  // Nobody vouches until something is found.
  std::optional<FreshnessWatch::Finding> AwaitFinding() {
    for (int i = 0; i < 20; ++i) {
      if (auto found = Turn(kTurn, false)) return found;
    }
    return std::nullopt;
  }
  int CountEvidence(const std::string& below = "") const {
    const std::string folder = folder_.Path("evidence") + below;
    if (!std::filesystem::exists(folder)) return 0;
    return static_cast<int>((*EvidenceFolder::Open(folder))->List()->size());
  }

  testing::TempFolder folder_;
  const std::unique_ptr<FakeFederation> federation_ =
      *FakeFederation::Create({"GT", "HN", "MX"});
  Federation registry_ = *Federation::Create(
      federation_->root_pem(), std::string(FakeFederation::kName));
  absl::Duration passed_;
  absl::Duration ahead_;
  std::int64_t size_ = 3;
  Delivery delivery_;
  FreshnessWatch watch_{folder_.Path("evidence"),
                        [this] { return absl::UnixEpoch() + passed_; }};
};

TEST_F(FreshnessWatchTest, WitnessesThatVouchAreNothingToSay) {
  for (int i = 0; i < 20; ++i) EXPECT_FALSE(Turn(kTurn, true).has_value());
}

TEST_F(FreshnessWatchTest, SilenceIsStaleAfterTheGraceAndKeptAsEvidence) {
  Turn(kTurn, true);
  const absl::Time vouched = kStart + passed_;

  const auto found = AwaitFinding();

  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->kind, Kind::kStale);
  EXPECT_EQ(found->since, vouched);
  EXPECT_GT(kStart + passed_ - vouched, kGrace);
  EXPECT_EQ(ReadEvidence(found->evidence_file)->reason(), kLogStale);
  // Once.
  EXPECT_FALSE(AwaitFinding().has_value());
}

TEST_F(FreshnessWatchTest, AnAlarmIsClosedWhenAQuorumVouchesAgain) {
  Turn(kTurn, true);
  ASSERT_EQ(AwaitFinding()->kind, Kind::kStale);
  ASSERT_EQ(CountEvidence(), 1);

  const auto found = Turn(kTurn, true);

  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->kind, Kind::kOver);
  EXPECT_EQ(CountEvidence(), 0);
  EXPECT_EQ(CountEvidence("/closed"), 1);
  EXPECT_FALSE(Turn(kTurn, true).has_value());
}

TEST_F(FreshnessWatchTest, AnAlarmOfAnEarlierRunIsClosedToo) {
  v1::Evidence missing;
  missing.set_reason(std::string(kQuorumMissing));
  missing.add_checkpoints(Note(size_));
  ASSERT_TRUE(
      (*EvidenceFolder::Open(folder_.Path("evidence")))->Keep(missing).ok());

  Turn(kTurn, true);

  EXPECT_EQ(CountEvidence(), 0);
}

TEST_F(FreshnessWatchTest, AnOwnClockThatIsWrongIsNamedWithoutEvidence) {
  for (const absl::Duration ahead : {absl::Minutes(10), -absl::Minutes(10)}) {
    ahead_ = ahead;
    const auto found = Turn(kTurn, true);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->kind, Kind::kClocksDiffer);
    EXPECT_EQ(found->since, kStart + passed_);
    EXPECT_EQ(found->own_clock, kStart + passed_ + ahead);
    // However long it stays so.
    for (int i = 0; i < 20; ++i) EXPECT_FALSE(Turn(kTurn, true).has_value());

    ahead_ = absl::ZeroDuration();
    EXPECT_EQ(Turn(kTurn, true)->kind, Kind::kOver);
  }
  EXPECT_EQ(CountEvidence(), 0);
}

TEST_F(FreshnessWatchTest, SilenceIsFoundWhateverTheOwnClockSays) {
  for (const absl::Duration ahead : {absl::Minutes(10), -absl::Minutes(10)}) {
    ahead_ = ahead;
    Turn(kTurn, true);

    EXPECT_EQ(AwaitFinding()->kind, Kind::kStale);
  }
  EXPECT_EQ(CountEvidence(), 2);
}

TEST_F(FreshnessWatchTest, AConnectionThatWasLostIsNoSilenceOfWitnesses) {
  Turn(kTurn, true);

  EXPECT_FALSE(Turn(10 * kGrace, false).has_value());
  EXPECT_FALSE(Turn(kTurn, true).has_value());
}

}  // namespace
}  // namespace gaceta::client
