#include "testing/fake_stream.h"

#include <algorithm>

#include "errors/grpc_status.h"
#include "testing/fake_relay.h"

namespace gaceta::client {

FakeStream::FakeStream(FakeRelay* relay)
    : relay_(relay), thread_([this] { Run(); }) {
  StartRead(&incoming_);
}

FakeStream::~FakeStream() {
  thread_.join();
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(&done_));
}

void FakeStream::Wake() {
  absl::MutexLock lock(&mu_);
  news_ = true;
}

void FakeStream::Run() { Finish(ToGrpc(Serve())); }

absl::Status FakeStream::Serve() {
  v1::Open open;
  {
    absl::MutexLock lock(&mu_);
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return opened_ || gone_;
    };
    mu_.Await(absl::Condition(&ready));
    if (gone_) return absl::CancelledError("the client is gone");
    open = open_;
  }
  FakeProver prover;
  auto opened = relay_->Open(open, &prover);
  if (!opened.ok()) return opened.status();
  if (!Send(*opened)) return absl::CancelledError("the client is gone");

  const absl::Duration heartbeat = absl::Seconds(open.heartbeat().seconds()) +
                                   absl::Nanoseconds(open.heartbeat().nanos());
  std::int64_t position = opened->opened().start_position();
  v1::SubscribeResponse message;
  while (true) {
    switch (relay_->Next(open, &prover, &position, &message)) {
      case FakeRelay::Step::kMessage:
        if (!Send(message)) return absl::CancelledError("the client is gone");
        break;
      case FakeRelay::Step::kWait: {
        if (AwaitNews(std::max(heartbeat, absl::Milliseconds(1)))) break;
        if (!Send(relay_->Heartbeat(&prover, position))) {
          return absl::CancelledError("the client is gone");
        }
        break;
      }
      case FakeRelay::Step::kCut:
        return absl::UnavailableError("the link was cut");
      case FakeRelay::Step::kStall: {
        absl::MutexLock lock(&mu_);
        mu_.Await(absl::Condition(&gone_));
        return absl::CancelledError("the client is gone");
      }
    }
    absl::MutexLock lock(&mu_);
    if (gone_) return absl::CancelledError("the client is gone");
  }
}

bool FakeStream::Send(const v1::SubscribeResponse& message) {
  outgoing_ = message;
  {
    absl::MutexLock lock(&mu_);
    if (gone_) return false;
    writing_ = true;
  }
  StartWrite(&outgoing_);
  absl::MutexLock lock(&mu_);
  const auto written = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !writing_;
  };
  mu_.Await(absl::Condition(&written));
  return !gone_;
}

bool FakeStream::AwaitNews(absl::Duration timeout) {
  absl::MutexLock lock(&mu_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return news_ || gone_;
  };
  const bool came = mu_.AwaitWithTimeout(absl::Condition(&ready), timeout);
  news_ = false;
  return came;
}

void FakeStream::OnReadDone(bool ok) {
  if (!ok) {
    absl::MutexLock lock(&mu_);
    gone_ = true;
    return;
  }
  if (incoming_.has_open()) {
    absl::MutexLock lock(&mu_);
    open_ = incoming_.open();
    opened_ = true;
  } else {
    std::string subscription;
    {
      absl::MutexLock lock(&mu_);
      subscription = open_.subscription();
    }
    relay_->Acknowledge(subscription,
                        incoming_.acknowledgement().next_position());
  }
  StartRead(&incoming_);
}

void FakeStream::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mu_);
  writing_ = false;
  if (!ok) gone_ = true;
}

void FakeStream::OnCancel() {
  absl::MutexLock lock(&mu_);
  gone_ = true;
}

void FakeStream::OnDone() {
  absl::MutexLock lock(&mu_);
  done_ = true;
}

}  // namespace gaceta::client
