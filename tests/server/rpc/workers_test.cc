#include "server/rpc/workers.h"

#include <atomic>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"

namespace gaceta {
namespace {

TEST(WorkersTest, OneThreadRunsTasksInTheirOrder) {
  Workers workers(1);
  std::vector<int> seen;

  for (int i = 0; i < 1000; ++i) {
    workers.Add([&seen, i] { seen.push_back(i); });
  }
  workers.Stop();

  ASSERT_EQ(seen.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[i], i);
}

TEST(WorkersTest, SeveralThreadsRunTasksAtTheSameTime) {
  Workers workers(2);
  absl::Notification first;
  absl::Notification second;

  workers.Add([&] {
    first.Notify();
    second.WaitForNotification();
  });
  workers.Add([&] {
    first.WaitForNotification();
    second.Notify();
  });

  workers.Stop();
}

TEST(WorkersTest, StoppingRunsWhatTasksAdd) {
  Workers workers(2);
  std::atomic<int> count{0};

  workers.Add([&] {
    ++count;
    workers.Add([&] {
      ++count;
      workers.Add([&] { ++count; });
    });
  });
  workers.Stop();

  EXPECT_EQ(count, 3);
}

}  // namespace
}  // namespace gaceta
