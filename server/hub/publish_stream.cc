#include "server/hub/publish_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"

namespace gaceta {

PublishStream::PublishStream(PublishingService* service, OpenCalls* calls)
    : Call(calls), service_(service), stream_(context()) {
  service->RequestPublish(context(), &stream_, loop()->queue(), loop()->queue(),
                          WaitForCall());
}

void PublishStream::OnOpen() {
  auto caller = service_->authorizer_->Authorize(
      *context()->auth_context(), "gaceta.v1.PublishingService/Publish");
  if (caller.ok()) {
    caller_ = *std::move(caller);
  } else {
    end_ = caller.status();
  }
  Advance();
}

void PublishStream::Drain() {
  if (!end_.has_value()) {
    end_ = WithReason(
        absl::UnavailableError("the hub shuts down; send again what was not "
                               "answered"),
        "DRAINING");
  }
  delay_.Cancel();
  Advance();
}

void PublishStream::OnOver() { delay_.Cancel(); }

void PublishStream::Advance() {
  if (finished_ || is_over()) return;
  if (!writing_ && !slots_.empty() && slots_.front().outcome.has_value()) {
    WriteAnswer();
  }
  if (!end_.has_value()) {
    const int unanswered = static_cast<int>(slots_.size());
    if (!reading_ && unanswered < service_->options_.window) Read();
  } else if (!writing_ && slots_.empty()) {
    finished_ = true;
    stream_.Finish(ToGrpc(*end_), finish_.Begin());
  }
}

void PublishStream::Read() {
  reading_ = true;
  stream_.Read(&request_, read_.Begin());
}

void PublishStream::OnRead(bool ok) {
  if (is_over() || finished_) return;
  if (!ok) {
    // The client has nothing more to send, or went away.
    reading_ = false;
    if (!end_.has_value()) end_ = absl::OkStatus();
    Advance();
    return;
  }
  const absl::Time now = absl::Now();
  const absl::Duration wait =
      service_->limiter_.Take(caller_->peer.id.ToString(), now);
  if (wait == absl::ZeroDuration()) {
    TakeStatement();
  } else {
    delay_.Set(loop()->queue(), absl::ToChronoTime(now + wait), due_.Begin());
  }
}

void PublishStream::OnDue(bool ok) {
  // Cancelled: the call ends.
  if (ok) TakeStatement();
}

void PublishStream::TakeStatement() {
  reading_ = false;
  // What came in while draining is not answered, and comes again.
  if (!end_.has_value()) {
    PublishingService::Slot* slot = &slots_.emplace_back();
    slot->message.Swap(&request_);
    Expect();
    service_->checks_.Add(this, [this, slot] { service_->Check(this, slot); });
  }
  Advance();
}

void PublishStream::WriteAnswer() {
  PublishingService::Slot& slot = slots_.front();
  v1::PublishResponse response;
  response.set_statement_id(slot.statement_id);
  if (slot.outcome->ok()) {
    *response.mutable_receipt() = **std::move(slot.outcome);
  } else {
    *response.mutable_error() = ToRpcStatus(slot.outcome->status());
  }
  slots_.pop_front();
  grpc::WriteOptions options;
  // It goes out with the next one, which is written as soon as this is taken.
  // Not the first: headers go with it, and until they are out it is not taken.
  if (wrote_ && !slots_.empty() && slots_.front().outcome.has_value()) {
    options.set_buffer_hint();
  }
  const grpc::Slice bytes(response.SerializeAsString());
  writing_ = wrote_ = true;
  stream_.Write(grpc::ByteBuffer(&bytes, 1), options, write_.Begin());
}

void PublishStream::OnWritten(bool /*ok*/) {
  writing_ = false;
  Advance();
}

}  // namespace gaceta
