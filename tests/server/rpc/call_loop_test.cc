#include "server/rpc/call_loop.h"

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

namespace gaceta {
namespace {

// A loop of a server that serves nothing.
class CallLoopTest : public ::testing::Test {
 protected:
  CallLoopTest() {
    grpc::ServerBuilder builder;
    loop_.Register(builder);
    server_ = builder.BuildAndStart();
  }
  ~CallLoopTest() override { Stop(); }

  void Stop() {
    server_->Shutdown();
    loop_.Stop();
  }
  // Returns when the loop has done what was posted before.
  void AwaitPosted() {
    absl::Notification done;
    loop_.Post([&done] { done.Notify(); });
    done.WaitForNotification();
  }

  CallLoop loop_;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(CallLoopTest, WhatIsPostedRunsInOrderOnOneThread) {
  loop_.Start();
  std::vector<int> seen;
  std::set<std::thread::id> threads;

  for (int i = 0; i < 1000; ++i) {
    loop_.Post([&, i] {
      seen.push_back(i);
      threads.insert(std::this_thread::get_id());
    });
  }
  AwaitPosted();

  ASSERT_EQ(seen.size(), 1000U);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(seen[i], i);
  EXPECT_EQ(threads.size(), 1U);
  EXPECT_FALSE(threads.contains(std::this_thread::get_id()));
}

TEST_F(CallLoopTest, WhatIsPostedByManyThreadsAllRuns) {
  loop_.Start();
  int count = 0;
  std::vector<std::thread> threads;

  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 500; ++j) loop_.Post([&count] { ++count; });
    });
  }
  for (std::thread& thread : threads) thread.join();
  AwaitPosted();

  EXPECT_EQ(count, 4000);
}

TEST_F(CallLoopTest, WhatIsPostedBeforeItStartsIsNotLost) {
  int count = 0;
  for (int i = 0; i < 3; ++i) loop_.Post([&count] { ++count; });

  loop_.Start();
  AwaitPosted();

  EXPECT_EQ(count, 3);
}

TEST_F(CallLoopTest, WhatIsPostedOnTheLoopRunsToo) {
  loop_.Start();
  absl::Notification done;

  loop_.Post([&] { loop_.Post([&] { done.Notify(); }); });

  done.WaitForNotification();
}

TEST_F(CallLoopTest, StoppingRunsWhatWasPostedAndDropsWhatComesLater) {
  loop_.Start();
  int count = 0;
  for (int i = 0; i < 100; ++i) loop_.Post([&count] { ++count; });

  Stop();
  loop_.Post([&count] { ++count; });

  EXPECT_EQ(count, 100);
}

TEST_F(CallLoopTest, OthersMayPostWhileItStops) {
  for (int round = 0; round < 20; ++round) {
    grpc::ServerBuilder builder;
    CallLoop loop;
    loop.Register(builder);
    auto server = builder.BuildAndStart();
    loop.Start();
    std::atomic<bool> end{false};
    std::thread other([&] {
      while (!end) loop.Post([] {});
    });

    server->Shutdown();
    loop.Stop();

    end = true;
    other.join();
  }
}

TEST_F(CallLoopTest, OneThatNeverRanEndsToo) { Stop(); }

TEST_F(CallLoopTest, ItTicks) {
  std::atomic<int> ticks{0};
  absl::Notification third;
  loop_.EveryTick([&](absl::Time /*now*/) {
    if (++ticks == 3) third.Notify();
  });

  loop_.Start();

  third.WaitForNotification();
  Stop();
}

// Counts an operation that has come back.
class Counted : public Operation {
 public:
  void Done(bool ok) override {
    ok_ = ok;
    done_.Notify();
  }
  bool Await() {
    done_.WaitForNotification();
    return ok_;
  }
  bool came() const { return done_.HasBeenNotified(); }

 private:
  bool ok_ = false;
  absl::Notification done_;
};

TEST_F(CallLoopTest, AnOperationThatIsDoneIsTold) {
  loop_.Start();
  Counted rung;
  grpc::Alarm alarm;

  loop_.Post([&] {
    alarm.Set(loop_.queue(), gpr_inf_past(GPR_CLOCK_REALTIME), &rung);
  });

  EXPECT_TRUE(rung.Await());
}

TEST_F(CallLoopTest, StoppingWaitsForWhatIsUnderWay) {
  loop_.Start();
  Counted rung;
  grpc::Alarm alarm;
  loop_.Post([&] {
    const absl::Time later = absl::Now() + absl::Seconds(1);
    alarm.Set(loop_.queue(), absl::ToChronoTime(later), &rung);
  });

  Stop();

  EXPECT_TRUE(rung.came());
}

// Has a number of turns, and writes its name for each.
class Worker : public TurnTaker {
 public:
  Worker(CallLoop* loop, char name, int turns, std::string* trace)
      : loop_(loop), name_(name), turns_(turns), trace_(trace) {}

  void TakeTurn() override {
    *trace_ += name_;
    if (--turns_ > 0) {
      loop_->AwaitTurn(this);
    } else {
      last_.Notify();
    }
  }
  void AwaitLast() { last_.WaitForNotification(); }

 private:
  CallLoop* const loop_;
  const char name_;
  int turns_;
  std::string* const trace_;
  absl::Notification last_;
};

TEST_F(CallLoopTest, WhoWaitsForATurnTakesItAfterTheOthersHadTheirs) {
  loop_.Start();
  std::string trace;
  Worker a(&loop_, 'a', 3, &trace);
  Worker b(&loop_, 'b', 2, &trace);

  loop_.Post([&] {
    loop_.AwaitTurn(&a);
    loop_.AwaitTurn(&b);
    trace += '.';
  });
  a.AwaitLast();
  b.AwaitLast();

  EXPECT_EQ(trace, ".ababa");
}

TEST_F(CallLoopTest, WhoLeavesTheLineHasNoTurn) {
  loop_.Start();
  std::string trace;
  Worker a(&loop_, 'a', 1, &trace);
  Worker b(&loop_, 'b', 1, &trace);

  loop_.Post([&] {
    loop_.AwaitTurn(&a);
    loop_.AwaitTurn(&b);
    loop_.LeaveLine(&a);
  });
  b.AwaitLast();

  EXPECT_EQ(trace, "b");
}

// Never has enough.
class Glutton : public TurnTaker {
 public:
  explicit Glutton(CallLoop* loop) : loop_(loop) {}
  void TakeTurn() override { loop_->AwaitTurn(this); }

 private:
  CallLoop* const loop_;
};

TEST_F(CallLoopTest, TurnsDoNotHoldUpWhatHappens) {
  loop_.Start();
  Glutton glutton(&loop_);
  loop_.Post([&] { loop_.AwaitTurn(&glutton); });

  for (int i = 0; i < 100; ++i) AwaitPosted();

  loop_.Post([&] { loop_.LeaveLine(&glutton); });
  AwaitPosted();
}

}  // namespace
}  // namespace gaceta
