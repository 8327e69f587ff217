#include "server/hub/rate_limiter.h"

#include "gtest/gtest.h"

namespace gaceta {
namespace {

class RateLimiterTest : public ::testing::Test {
 protected:
  // So many waits are zero before the first that is not.
  int FreeNow(absl::string_view identity) {
    int free = 0;
    while (limiter_.Take(identity, now_) == absl::ZeroDuration()) ++free;
    return free;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  RateLimiter limiter_{{.per_second = 10, .burst = 5}};
};

TEST_F(RateLimiterTest, ABurstIsFree) { EXPECT_EQ(FreeNow("a"), 5); }

TEST_F(RateLimiterTest, ThenEachWaitsLongerByTheRate) {
  for (int i = 0; i < 5; ++i) limiter_.Take("a", now_);

  EXPECT_EQ(limiter_.Take("a", now_), absl::Milliseconds(100));
  EXPECT_EQ(limiter_.Take("a", now_), absl::Milliseconds(200));
}

TEST_F(RateLimiterTest, WhoWaitsAsToldKeepsTheRate) {
  for (int i = 0; i < 5; ++i) limiter_.Take("a", now_);

  for (int i = 0; i < 20; ++i) {
    const absl::Duration wait = limiter_.Take("a", now_);
    EXPECT_NEAR(absl::ToDoubleSeconds(wait), 0.1, 1e-6);
    now_ += wait;
  }
}

TEST_F(RateLimiterTest, TheBucketFillsAgainAndNoFurther) {
  FreeNow("a");

  now_ += absl::Milliseconds(350);
  EXPECT_EQ(FreeNow("a"), 2);
  now_ += absl::Hours(1);
  EXPECT_EQ(FreeNow("a"), 5);
}

TEST_F(RateLimiterTest, EachIdentityHasItsOwn) {
  FreeNow("a");

  EXPECT_EQ(FreeNow("b"), 5);
}

TEST_F(RateLimiterTest, AClockThatIsSetBackGivesNothing) {
  FreeNow("a");
  now_ -= absl::Hours(1);

  EXPECT_EQ(FreeNow("a"), 0);
}

}  // namespace
}  // namespace gaceta
