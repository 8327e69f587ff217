#include "tests/bench/raw_call.h"

#include <string>
#include <utility>

namespace gaceta::bench {

bool HandleNext(grpc::CompletionQueue* queue) {
  void* tag = nullptr;
  bool ok = false;
  if (!queue->Next(&tag, &ok)) return false;
  static_cast<Event*>(tag)->Happened(ok);
  return true;
}

RawCall::RawCall(std::shared_ptr<grpc::Channel> channel,
                 const std::string& method, grpc::CompletionQueue* queue)
    : channel_(std::move(channel)) {
  context_.set_wait_for_ready(true);
  call_ = grpc::GenericStub(channel_).PrepareCall(&context_, method, queue);
}

void RawCall::Read() {
  reading_ = true;
  call_->Read(&message_, &read_);
}

void RawCall::Write(const grpc::ByteBuffer& message) {
  writing_ = true;
  call_->Write(message, &written_);
}

void RawCall::WritesDone() {
  writing_ = true;
  call_->WritesDone(&half_closed_);
}

void RawCall::Started(bool ok) {
  if (ok) {
    OnStarted();
  } else {
    Finish();
  }
}

void RawCall::HaveRead(bool ok) {
  reading_ = false;
  if (ok) {
    OnRead(message_);
  } else {
    Finish();
  }
}

void RawCall::Written(bool ok) {
  writing_ = false;
  // If it failed, reading fails as well and ends the call.
  if (ok) {
    OnWritten();
  } else if (!reading_) {
    Finish();
  }
}

void RawCall::HalfClosed(bool /*ok*/) { writing_ = false; }

void RawCall::Finish() {
  if (finishing_) return;
  finishing_ = true;
  call_->Finish(&status_, &finished_);
}

void RawCall::Finished(bool /*ok*/) { OnEnded(status_); }

}  // namespace gaceta::bench
