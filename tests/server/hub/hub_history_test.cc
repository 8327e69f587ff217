#include "server/hub/hub_history.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/support/statements.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using testing::GoodUpdate;
using testing::HeaderOf;
using testing::StoredEntryOf;
using testing::TestPublisher;

v1::Update UpdateOf(int number, v1::VersionStatus status) {
  v1::Update update = GoodUpdate("HN", number);
  update.mutable_version()->set_status(status);
  return update;
}

std::string UriOf(int number) {
  return GoodUpdate("HN", number).instrument().uri();
}

class HubHistoryTest : public ::testing::Test {
 protected:
  HubHistoryTest() : index_(*StatementIndex::Open(":memory:")) {}

  std::unique_ptr<HubHistory::UnderWay> Send(const v1::Statement& statement,
                                             const v1::Update& update) {
    return std::make_unique<HubHistory::UnderWay>(
        &history_, HeaderOf(statement), Sha256(statement.header()), update);
  }
  void Log(const v1::Statement& statement) {
    const StoredEntry entry = StoredEntryOf(statement);
    ASSERT_TRUE(index_->Apply(index_->NextPosition(), {&entry, 1}).ok());
  }
  bool IsUnderWay(const v1::Statement& statement) const {
    return history_.IsUnderWay(HeaderOf(statement).statement_id(),
                               Sha256(statement.header()));
  }

  std::unique_ptr<StatementIndex> index_;
  HubHistory history_{index_.get()};
  TestPublisher honduras_{"HN"};
};

TEST_F(HubHistoryTest, KnowsNothingAtFirst) {
  EXPECT_FALSE(history_.PublisherOf(NewStatementId()).has_value());
  EXPECT_FALSE(history_.IsKnownInstrument(UriOf(1)));
  EXPECT_EQ(history_.LastStatus(UriOf(1)), v1::VERSION_STATUS_UNSPECIFIED);
}

TEST_F(HubHistoryTest, KnowsWhatIsInTheLog) {
  const v1::Statement statement =
      honduras_.Next(UpdateOf(1, v1::VERSION_STATUS_IN_FORCE));
  Log(statement);

  EXPECT_EQ(history_.PublisherOf(HeaderOf(statement).statement_id()), "HN");
  EXPECT_TRUE(history_.IsKnownInstrument(UriOf(1)));
  EXPECT_EQ(history_.LastStatus(UriOf(1)), v1::VERSION_STATUS_IN_FORCE);
  EXPECT_FALSE(IsUnderWay(statement));
}

TEST_F(HubHistoryTest, WhatIsUnderWayCountsUntilItEnds) {
  const v1::Update update = UpdateOf(1, v1::VERSION_STATUS_REPEALED);
  const v1::Statement statement = honduras_.Next(update);

  auto sent = Send(statement, update);

  EXPECT_TRUE(IsUnderWay(statement));
  EXPECT_FALSE(history_.IsUnderWay(HeaderOf(statement).statement_id(), "x"));
  EXPECT_EQ(history_.PublisherOf(HeaderOf(statement).statement_id()), "HN");
  EXPECT_TRUE(history_.IsKnownInstrument(UriOf(1)));
  EXPECT_EQ(history_.LastStatus(UriOf(1)), v1::VERSION_STATUS_REPEALED);
  sent.reset();
  EXPECT_FALSE(IsUnderWay(statement));
  EXPECT_FALSE(history_.IsKnownInstrument(UriOf(1)));
  EXPECT_EQ(history_.LastStatus(UriOf(1)), v1::VERSION_STATUS_UNSPECIFIED);
}

TEST_F(HubHistoryTest, TheLastStatusUnderWayCountsBeforeTheLogs) {
  const v1::Update in_force = UpdateOf(1, v1::VERSION_STATUS_IN_FORCE);
  const v1::Update repealed = UpdateOf(1, v1::VERSION_STATUS_REPEALED);
  const v1::Update silent = UpdateOf(1, v1::VERSION_STATUS_UNSPECIFIED);
  Log(honduras_.Next(in_force));

  auto one = Send(honduras_.Next(repealed), repealed);
  auto two = Send(honduras_.Next(silent), silent);

  EXPECT_EQ(history_.LastStatus(UriOf(1)), v1::VERSION_STATUS_REPEALED);
  one.reset();
  EXPECT_EQ(history_.LastStatus(UriOf(1)), v1::VERSION_STATUS_IN_FORCE);
}

TEST_F(HubHistoryTest, EachEndTakesItsOwnStatus) {
  // Two streams: the statement that began later is refused sooner.
  const v1::Update first = UpdateOf(1, v1::VERSION_STATUS_REPEALED);
  const v1::Update second = UpdateOf(1, v1::VERSION_STATUS_IN_FORCE);
  auto one = Send(honduras_.Next(first), first);
  auto two = Send(honduras_.Next(second), second);

  two.reset();

  EXPECT_EQ(history_.LastStatus(UriOf(1)), v1::VERSION_STATUS_REPEALED);
}

TEST_F(HubHistoryTest, WhatIsSentTwiceIsUnderWayUntilBothEnd) {
  const v1::Update update = UpdateOf(1, v1::VERSION_STATUS_IN_FORCE);
  const v1::Statement statement = honduras_.Next(update);
  auto one = Send(statement, update);
  auto two = Send(statement, update);

  one.reset();
  EXPECT_TRUE(IsUnderWay(statement));
  two.reset();
  EXPECT_FALSE(IsUnderWay(statement));
}

TEST_F(HubHistoryTest, ManyThreadsMaySend) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      TestPublisher publisher("HN");
      const v1::Update update = UpdateOf(1, v1::VERSION_STATUS_IN_FORCE);
      for (int j = 0; j < 50; ++j) {
        auto sent = Send(publisher.Next(update), update);
        EXPECT_EQ(history_.LastStatus(UriOf(1)), v1::VERSION_STATUS_IN_FORCE);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_FALSE(history_.IsKnownInstrument(UriOf(1)));
}

}  // namespace
}  // namespace gaceta
