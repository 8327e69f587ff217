#include "server/log/subscription_table.h"

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/temp_folder.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kTime = absl::FromUnixSeconds(1'772'366'400);

NamedSubscription Named(const std::string& name, Position next_position = 0) {
  NamedSubscription one;
  one.name = name;
  one.identity = "spiffe://mx.gaceta.example/subscriber/monitor";
  one.filter.add_states("HN");
  one.next_position = next_position;
  one.update_time = kTime;
  return one;
}

class SubscriptionTableTest : public ::testing::Test {
 protected:
  SubscriptionTableTest() { Reopen(); }

  void Reopen() {
    table_.reset();
    auto table = SubscriptionTable::Open(path_);
    ASSERT_TRUE(table.ok()) << table.status();
    table_ = *std::move(table);
  }

  void FlushAndReopen() {
    const absl::Status status = table_->Flush();
    ASSERT_TRUE(status.ok()) << status;
    Reopen();
  }

  std::vector<std::string> Names(const std::string& prefix = "",
                                 const std::string& after = "",
                                 int max_count = 100) {
    std::vector<std::string> names;
    for (const auto& one : table_->List(prefix, after, max_count)) {
      names.push_back(one.name);
    }
    return names;
  }

  const testing::TempFolder folder_;
  const std::string path_ = folder_.path() + "/subscriptions.db";
  std::unique_ptr<SubscriptionTable> table_;
};

TEST_F(SubscriptionTableTest, WhatWasFlushedIsThereAfterReopen) {
  table_->Put(Named("mx/a:laws", 7));

  FlushAndReopen();

  const auto found = table_->Get("mx/a:laws");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->identity, "spiffe://mx.gaceta.example/subscriber/monitor");
  EXPECT_THAT(found->filter.states(), ElementsAre("HN"));
  EXPECT_EQ(found->next_position, 7);
  EXPECT_EQ(found->update_time, kTime);
}

TEST_F(SubscriptionTableTest, WhatWasNotFlushedIsAsItWas) {
  table_->Put(Named("a", 7));
  FlushAndReopen();
  table_->Acknowledge("a", 9, kTime);
  table_->Put(Named("b"));

  Reopen();

  EXPECT_EQ(table_->Get("a")->next_position, 7);
  EXPECT_FALSE(table_->Get("b").has_value());
}

TEST_F(SubscriptionTableTest, AcknowledgementsMoveItOn) {
  table_->Put(Named("a", 7));
  table_->Acknowledge("a", 9, kTime + absl::Seconds(5));
  EXPECT_EQ(table_->Get("a")->next_position, 9);

  FlushAndReopen();

  EXPECT_EQ(table_->Get("a")->next_position, 9);
  EXPECT_EQ(table_->Get("a")->update_time, kTime + absl::Seconds(5));
}

TEST_F(SubscriptionTableTest, AnAcknowledgementOfADeletedOneDoesNothing) {
  table_->Put(Named("a"));
  ASSERT_TRUE(table_->Delete("a"));

  table_->Acknowledge("a", 9, kTime);

  EXPECT_FALSE(table_->Get("a").has_value());
}

TEST_F(SubscriptionTableTest, ADeletedOneStaysDeleted) {
  table_->Put(Named("a"));
  table_->Put(Named("b"));
  FlushAndReopen();
  EXPECT_TRUE(table_->Delete("a"));
  EXPECT_FALSE(table_->Delete("a"));
  EXPECT_FALSE(table_->Delete("c"));

  FlushAndReopen();

  EXPECT_THAT(Names(), ElementsAre("b"));
}

TEST_F(SubscriptionTableTest, OneThatIsMadeAgainIsTheNewOne) {
  table_->Put(Named("a", 7));
  FlushAndReopen();
  table_->Delete("a");
  table_->Put(Named("a", 1));

  FlushAndReopen();

  EXPECT_EQ(table_->Get("a")->next_position, 1);
}

TEST_F(SubscriptionTableTest, ListsInOrderOfNameWithinAPrefix) {
  for (const char* name : {"mx/b:1", "hn/a:1", "mx/a:2", "mx/a:1", "us/a:1"}) {
    table_->Put(Named(name));
  }

  EXPECT_THAT(Names("mx/"), ElementsAre("mx/a:1", "mx/a:2", "mx/b:1"));
  EXPECT_THAT(Names("mx/", "mx/a:1"), ElementsAre("mx/a:2", "mx/b:1"));
  EXPECT_THAT(Names("mx/", "", 2), ElementsAre("mx/a:1", "mx/a:2"));
  EXPECT_THAT(Names("mx/", "mx/b:1"), IsEmpty());
  EXPECT_THAT(Names("mx/", "aa"), ElementsAre("mx/a:1", "mx/a:2", "mx/b:1"));
  EXPECT_THAT(Names("mx/", "us/"), IsEmpty());
  EXPECT_EQ(Names().size(), 5u);
}

}  // namespace
}  // namespace gaceta
