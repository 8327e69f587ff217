#include "gaceta/relay_call.h"

#include <utility>

#include "errors/grpc_status.h"

namespace gaceta::client {

RelayCall::RelayCall(v1::RelayService::Stub* stub, const v1::Open& open) {
  *outgoing_.mutable_open() = open;
  writing_ = true;
  stub->async()->Subscribe(&context_, this);
  // Operations are started from other threads than gRPC's, so it must not end
  // the call under them.
  AddHold();
  StartWrite(&outgoing_);
  StartRead(&incoming_);
  StartCall();
}

RelayCall::~RelayCall() {
  context_.TryCancel();
  Release();
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(&done_));
}

RelayCall::Event RelayCall::Read(absl::Time deadline,
                                 v1::SubscribeResponse* message) {
  {
    absl::MutexLock lock(&mu_);
    const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return have_message_ || done_;
    };
    if (!mu_.AwaitWithDeadline(absl::Condition(&ready), deadline)) {
      return Event::kTimeout;
    }
    if (!have_message_) return Event::kEnded;
    have_message_ = false;
    message->Swap(&incoming_);
  }
  // The hold is there: it goes with a read that failed, or with this object.
  StartRead(&incoming_);
  return Event::kMessage;
}

absl::Status RelayCall::status() const {
  absl::MutexLock lock(&mu_);
  return status_;
}

void RelayCall::Acknowledge(std::int64_t next_position) {
  {
    absl::MutexLock lock(&mu_);
    waiting_acknowledgement_ = next_position;
  }
  MaybeWrite();
}

void RelayCall::MaybeWrite() {
  {
    absl::MutexLock lock(&mu_);
    if (writing_ || !held_ || waiting_acknowledgement_ < 0) return;
    writing_ = true;
    outgoing_.mutable_acknowledgement()->set_next_position(
        std::exchange(waiting_acknowledgement_, -1));
    // Keeps the call until StartWrite() is through, whoever releases it.
    AddHold();
  }
  StartWrite(&outgoing_);
  RemoveHold();
}

void RelayCall::Release() {
  {
    absl::MutexLock lock(&mu_);
    if (!std::exchange(held_, false)) return;
  }
  RemoveHold();
}

void RelayCall::OnReadDone(bool ok) {
  if (!ok) {
    Release();
    return;
  }
  absl::MutexLock lock(&mu_);
  have_message_ = true;
}

void RelayCall::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mu_);
    writing_ = false;
  }
  // After a failed write the reads fail too.
  if (ok) MaybeWrite();
}

void RelayCall::OnDone(const grpc::Status& status) {
  absl::MutexLock lock(&mu_);
  status_ = FromGrpc(status);
  done_ = true;
}

}  // namespace gaceta::client
