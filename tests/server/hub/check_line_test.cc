#include "server/hub/check_line.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gaceta {
namespace {

TEST(CheckLineTest, ThoseOfOneStreamRunOneAfterTheOtherInTheirOrder) {
  CheckLine line(4);
  const int streams[3] = {};
  // Each stream's are written without a lock of their own.
  std::vector<int> seen[3];

  for (int i = 0; i < 1000; ++i) {
    for (int s = 0; s < 3; ++s) {
      line.Add(&streams[s], [&seen, s, i] { seen[s].push_back(i); });
    }
  }
  line.Stop();

  for (const std::vector<int>& of_stream : seen) {
    ASSERT_EQ(of_stream.size(), 1000U);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(of_stream[i], i);
  }
}

TEST(CheckLineTest, ThoseOfDifferentStreamsRunAtTheSameTime) {
  CheckLine line(2);
  const int streams[2] = {};
  absl::Notification first;
  absl::Notification second;

  line.Add(&streams[0], [&] {
    first.Notify();
    second.WaitForNotification();
  });
  line.Add(&streams[1], [&] {
    first.WaitForNotification();
    second.Notify();
  });

  line.Stop();
}

TEST(CheckLineTest, AStreamWithMuchToCheckDoesNotHoldUpAnother) {
  CheckLine line(1);
  const int streams[2] = {};
  absl::Notification begin;
  std::string trace;

  line.Add(&streams[0], [&] { begin.WaitForNotification(); });
  for (int i = 0; i < 100; ++i) line.Add(&streams[0], [&] { trace += 'a'; });
  line.Add(&streams[1], [&] { trace += 'b'; });
  begin.Notify();
  line.Stop();

  EXPECT_EQ(trace.size(), 101U);
  EXPECT_LT(trace.find('b'), 20U);
}

}  // namespace
}  // namespace gaceta
