#include "server/rpc/open_calls.h"

#include <utility>

namespace gaceta {
namespace {

// Calls that may come in at once before the loop has to answer one.
constexpr int kWaitingCalls = 16;

}  // namespace

void OpenCalls::Start() {
  for (int i = 0; i < kWaitingCalls; ++i) WaitForOne();
}

void OpenCalls::WaitForOne() {
  std::unique_ptr<Call> call = make_();
  Call* const key = call.get();
  calls_[key] = std::move(call);
}

void OpenCalls::Opened(Call* call) {
  WaitForOne();
  call->is_open_ = true;
  call->place_ = open_calls_.size();
  open_calls_.push_back(call);
  absl::MutexLock lock(&mu_);
  ++open_;
}

void OpenCalls::Remove(Call* call) {
  const bool was_open = call->is_open_;
  if (was_open) {
    // The last one takes its place.
    open_calls_.back()->place_ = call->place_;
    open_calls_[call->place_] = open_calls_.back();
    open_calls_.pop_back();
  }
  calls_.erase(call);
  if (was_open) {
    absl::MutexLock lock(&mu_);
    --open_;
  }
}

void OpenCalls::Drain() {
  // Those that come from now on see it themselves.
  draining_.store(true);
  loop_->Post([this] {
    ForAll<Call>([](Call* call) {
      if (!call->is_over()) call->Drain();
    });
  });
}

void OpenCalls::AwaitEnd(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  mu_.AwaitWithDeadline(absl::Condition(
                            +[](OpenCalls* self) {
                              self->mu_.AssertHeld();
                              return self->open_ == 0;
                            },
                            this),
                        deadline);
}

int OpenCalls::open() const {
  absl::MutexLock lock(&mu_);
  return open_;
}

}  // namespace gaceta
