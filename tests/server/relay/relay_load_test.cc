// Many streams at once: those that stall, those that come and go.
#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/relay/test_subscription.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using testing::BigUpdate;
using testing::OpenAt;
using testing::StatementParts;
using testing::TestHub;
using testing::TestSubscription;
using testing::UpdateParts;

// Sanitizers make everything slower and larger.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr int kEntries = 1'000;
constexpr bool kMeasures = false;
#else
constexpr int kEntries = 20'000;
constexpr bool kMeasures = true;
#endif

std::vector<StatementParts> KibibyteUpdates(int count) {
  const StatementParts one = UpdateParts(BigUpdate("HN", 1, 1024));
  return std::vector<StatementParts>(count, one);
}

TEST(RelayLoadTest, StalledReadersDelayNobodyAndCostLittle) {
  // A process of its own, whose memory is that of the hub alone.
  TestHub::Options options;
  options.as_process = true;
  TestHub hub(options);
  // So that what any hub has is not counted.
  hub.PublishMany("HN", KibibyteUpdates(1000));
  std::vector<std::unique_ptr<TestSubscription>> stalled;
  for (int i = 0; i < 100; ++i) {
    stalled.push_back(std::make_unique<TestSubscription>(
        hub.As("HN", absl::StrCat("subscriber/stalled-", i % 4)), OpenAt(0)));
  }
  for (auto& one : stalled) ASSERT_TRUE(one->Read());
  const double before = hub.process().ResidentMegabytes();
  constexpr Position begin = 1001;
  constexpr Position end = begin + kEntries;

  std::atomic<int> complete{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&hub, &complete, i] {
      TestSubscription reader(
          hub.As("MX", absl::StrCat("subscriber/quick-", i)), OpenAt(begin));
      std::size_t seen = 0;
      while (reader.progress().next_position() < end && reader.Read()) {
        seen += reader.entries().size();
        reader.Forget();
      }
      if (seen == kEntries) ++complete;
    });
  }
  for (int sent = 0; sent < kEntries; sent += 1000) {
    hub.PublishMany("HN", KibibyteUpdates(1000));
  }
  const absl::Time published = absl::Now();
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(complete, 3);
  if (kMeasures) {
    EXPECT_LT(absl::Now() - published, absl::Seconds(10));
    // Queues would hold 100 times 20,000 KiB: 2 GB.
    EXPECT_LT(hub.process().ResidentMegabytes() - before, 150);
  }
  // A stalled reader misses nothing.
  EXPECT_TRUE(stalled[0]->ReadTo(end));
  EXPECT_EQ(stalled[0]->entries().size(), static_cast<std::size_t>(end));
}

TEST(RelayLoadTest, AStalledReaderDoesNotHoldUpTheEndForLong) {
  TestHub hub;
  TestSubscription stalled(hub.As("HN", "subscriber/stalled"), OpenAt(0));
  hub.PublishMany("HN", KibibyteUpdates(3000));
  const absl::Time begin = absl::Now();

  hub.hub().Drain(absl::Now() + absl::Seconds(2));

  EXPECT_LT(absl::Now() - begin, absl::Seconds(8));
}

TEST(RelayLoadTest, SubscribersComeAndGoWhileOthersPublish) {
  TestHub hub;
  hub.PublishMany("HN", KibibyteUpdates(200));
  constexpr int kThreads = 8;
  constexpr int kSessions = 25;
  std::atomic<int> good{0};
  std::atomic<bool> publishing{true};
  std::thread publisher([&] {
    while (publishing) hub.PublishMany("HN", KibibyteUpdates(20));
  });
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&hub, &good, thread] {
      std::mt19937 random(thread);
      const auto channel =
          hub.As("HN", absl::StrCat("subscriber/restless-", thread));
      Position resume = 0;
      for (int session = 0; session < kSessions; ++session) {
        v1::Open open = OpenAt(resume);
        if (random() % 2 == 0) open.set_subscription("restless");
        TestSubscription subscription(channel, open);
        const Position until = resume + static_cast<Position>(random() % 150);
        while (subscription.progress().next_position() < until &&
               subscription.Read()) {
          if (random() % 4 == 0 &&
              subscription.progress().next_position() > 0) {
            subscription.Acknowledge(subscription.progress().next_position());
          }
        }
        // In order, each once, none missing.
        Position next = resume;
        bool right = true;
        for (const v1::Entry& entry : subscription.entries()) {
          right = right && entry.position() == next++;
        }
        good += right ? 1 : 0;
        resume = next;
        if (random() % 3 == 0) subscription.Cancel();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  publishing = false;
  publisher.join();

  EXPECT_EQ(good, kThreads * kSessions);
}

TEST(RelayLoadTest, TheHubMayEndWhileSubscribersComeAndGo) {
  for (int round = 0; round < 5; ++round) {
    TestHub hub;
    std::atomic<bool> going{true};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&hub, &going, thread] {
        const auto channel =
            hub.As("HN", absl::StrCat("subscriber/restless-", thread));
        while (going) {
          TestSubscription subscription(channel, OpenAt(0));
          subscription.Read();
          subscription.Read();
        }
      });
    }
    hub.PublishMany("HN", KibibyteUpdates(50));

    hub.hub().Drain(absl::Now() + absl::Milliseconds(100 * round));
    going = false;
    for (std::thread& thread : threads) thread.join();
  }
}

}  // namespace
}  // namespace gaceta
