#include "server/rpc/call_loop.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/time/clock.h"

namespace gaceta {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);
// Events that are handled before those who wait have a turn again, and how long
// their turns take together: an event waits no longer.
constexpr int kEventsBetweenTurns = 64;
constexpr absl::Duration kTurns = absl::Microseconds(500);

}  // namespace

void CallLoop::Register(grpc::ServerBuilder& builder) {
  queue_ = builder.AddCompletionQueue();
}

void CallLoop::EveryTick(std::function<void(absl::Time now)> tick) {
  tick_function_ = std::move(tick);
}

void CallLoop::Start() {
  SetTick();
  bool wake = false;
  {
    absl::MutexLock lock(&mu_);
    started_ = true;
    wake = !posted_.empty();
  }
  if (wake) SetWakeAlarm();
  thread_ = std::thread([this] { Run(); });
}

void CallLoop::Stop() {
  if (thread_.joinable()) {
    // The loop itself shuts its queue down, so that it sets no alarm after.
    Post([this] { ShutDownQueue(); });
    thread_.join();
  } else if (queue_ != nullptr && !queue_down_) {
    // It never ran; but the server has left something in its queue.
    queue_down_ = true;
    queue_->Shutdown();
    while (HandleEvents()) {
    }
  }
}

void CallLoop::Post(std::function<void()> work) {
  bool wake = false;
  {
    absl::MutexLock lock(&mu_);
    if (closed_) return;
    posted_.push_back(std::move(work));
    wake = started_ && posted_.size() == 1;
  }
  if (wake) SetWakeAlarm();
}

void CallLoop::SetWakeAlarm() {
  wake_alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_REALTIME), &wake_);
}

void CallLoop::RunPosted() {
  std::vector<std::function<void()>> posted;
  {
    absl::MutexLock lock(&mu_);
    posted.swap(posted_);
  }
  for (const std::function<void()>& work : posted) work();
}

void CallLoop::ShutDownQueue() {
  bool closed = false;
  {
    absl::MutexLock lock(&mu_);
    closed = closed_ = posted_.empty();
  }
  // Who has posted meanwhile has set the alarm, or is about to: it has to come
  // back first.
  if (!closed) {
    Post([this] { ShutDownQueue(); });
    return;
  }
  queue_down_ = true;
  tick_alarm_.Cancel();
  queue_->Shutdown();
}

void CallLoop::Run() {
  while (HandleEvents()) {
    TakeTurns();
    if (!tick_set_ && !queue_down_) SetTick();
  }
}

bool CallLoop::HandleEvents() {
  void* tag = nullptr;
  bool ok = false;
  for (int i = 0; i < kEventsBetweenTurns; ++i) {
    const gpr_timespec deadline = line_.empty() && i == 0
                                      ? gpr_inf_future(GPR_CLOCK_REALTIME)
                                      : gpr_inf_past(GPR_CLOCK_REALTIME);
    switch (queue_->AsyncNext(&tag, &ok, deadline)) {
      case grpc::CompletionQueue::SHUTDOWN:
        return false;
      case grpc::CompletionQueue::TIMEOUT:
        return true;
      case grpc::CompletionQueue::GOT_EVENT:
        static_cast<Operation*>(tag)->Done(ok);
        break;
    }
    // It costs a system call to learn that nothing has happened.
    if (line_.empty()) return true;
  }
  return true;
}

void CallLoop::TakeTurns() {
  if (line_.empty()) return;
  const absl::Time end = absl::Now() + kTurns;
  // Each once at most.
  for (std::size_t turns = line_.size(); turns > 0 && !line_.empty(); --turns) {
    TurnTaker* taker = line_.front();
    line_.pop_front();
    taker->TakeTurn();
    if (absl::Now() >= end) return;
  }
}

void CallLoop::LeaveLine(TurnTaker* taker) {
  line_.erase(std::remove(line_.begin(), line_.end(), taker), line_.end());
}

void CallLoop::SetTick() {
  tick_set_ = true;
  tick_alarm_.Set(queue_.get(), absl::ToChronoTime(absl::Now() + kTick),
                  &tick_);
}

void CallLoop::Tick() {
  tick_set_ = false;
  if (tick_function_) tick_function_(absl::Now());
}

}  // namespace gaceta
