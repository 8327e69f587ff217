#include "server/registry/registry.h"

#include <memory>
#include <string>

#include "errors/errors.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/support/statements.h"

namespace gaceta {
namespace {

using testing::GoodUpdate;
using testing::RegistryParts;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation;
  return *federation;
}

// A log whose first entry makes the registry, and two copies that follow it:
// one that applies what is appended, one that catches up.
class RegistryTest : public ::testing::Test {
 protected:
  RegistryTest() : index_(*StatementIndex::Open(":memory:")) {}

  Position Append(const v1::Statement& statement) {
    const StoredEntry stored = StoredEntryOf(statement);
    const Position position = log_.Size();
    EXPECT_TRUE(log_.Append(position, {&stored, 1}).ok());
    EXPECT_TRUE(index_->CatchUp(log_).ok());
    const absl::Status status = live_.Apply(position, stored);
    EXPECT_TRUE(status.ok()) << status;
    return position;
  }

  Position AppendChange(const v1::RegistryChange& change) {
    return Append(secretariat_.Next(RegistryParts(change)));
  }

  // Honduras takes part, or does not.
  Position AppendStatus(v1::Member::Status status) {
    v1::RegistryChange change;
    *change.add_items() = TheFederation().MemberItem("HN");
    change.mutable_items(0)->mutable_member()->set_status(status);
    return AppendChange(change);
  }

  void CatchUp(Registry* registry) {
    const absl::Status status = registry->CatchUp(log_, *index_);
    ASSERT_TRUE(status.ok()) << status;
  }

  // Why Honduras may not sign the entry at `position`; empty if it may.
  static std::string Refusal(const Registry& registry, Position position) {
    const std::string key_id =
        TheFederation().SignerKeyOf("HN").public_key().key_id();
    return Reason(
        registry.Snapshot()->FindKey("HN", key_id, position).status());
  }

  MemoryLogStore log_;
  std::unique_ptr<StatementIndex> index_;
  Registry live_{TheFederation().Empty()};
  Registry rebuilt_{TheFederation().Empty()};
  TestPublisher secretariat_ = TheFederation().PublisherOf("OAS");
  TestPublisher honduras_ = TheFederation().PublisherOf("HN");
};

TEST_F(RegistryTest, ARebuiltRegistryJudgesEachPositionAsTheLiveOne) {
  AppendChange(TheFederation().FirstChange());
  Append(honduras_.Next(GoodUpdate("HN")));
  const Position suspended = AppendStatus(v1::Member::STATUS_SUSPENDED);
  const Position back = AppendStatus(v1::Member::STATUS_ACTIVE);
  CatchUp(&rebuilt_);

  for (const Registry* registry : {&live_, &rebuilt_}) {
    EXPECT_EQ(Refusal(*registry, 1), "");
    EXPECT_EQ(Refusal(*registry, suspended), "");
    EXPECT_EQ(Refusal(*registry, back), "MEMBER_SUSPENDED");
    EXPECT_EQ(Refusal(*registry, kLatest), "");
  }
}

TEST_F(RegistryTest, CatchingUpWithWhatIsAppliedChangesNothing) {
  AppendChange(TheFederation().FirstChange());
  AppendStatus(v1::Member::STATUS_SUSPENDED);
  const auto snapshot = live_.Snapshot();

  CatchUp(&live_);

  EXPECT_EQ(live_.Snapshot(), snapshot);
}

TEST_F(RegistryTest, AnEntryThatComesAgainChangesNothing) {
  AppendChange(TheFederation().FirstChange());
  const auto snapshot = live_.Snapshot();

  auto first = log_.Read(0, 1, 1);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(live_.Apply(0, (*first)[0]).ok());

  EXPECT_EQ(live_.Snapshot(), snapshot);
}

}  // namespace
}  // namespace gaceta
