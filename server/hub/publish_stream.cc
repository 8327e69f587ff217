#include "server/hub/publish_stream.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "grpcpp/impl/codegen/proto_utils.h"

namespace gaceta {

PublishStream::PublishStream(PublishingService* service,
                             absl::StatusOr<Caller> caller)
    : service_(service), caller_(std::move(caller)) {}

void PublishStream::Start() {
  {
    absl::MutexLock lock(&mu_);
    if (!caller_.ok()) end_ = caller_.status();
  }
  Advance();
}

void PublishStream::Drain() {
  {
    absl::MutexLock lock(&mu_);
    if (!end_.has_value()) {
      end_ = WithReason(
          absl::UnavailableError("the hub shuts down; send again what was not "
                                 "answered"),
          "DRAINING");
    }
    if (delay_ != nullptr) delay_->Cancel();
  }
  Advance();
}

void PublishStream::OnReadDone(bool ok) {
  absl::Duration wait = absl::ZeroDuration();
  {
    absl::MutexLock lock(&mu_);
    // The client has nothing more to send, or went away.
    if (!ok && !end_.has_value()) end_ = absl::OkStatus();
    if (ok) {
      handling_ = true;
      const absl::Time now = absl::Now();
      wait = service_->limiter_.Take(caller_->peer.id.ToString(), now);
      if (wait > absl::ZeroDuration()) Delay(now + wait);
    } else {
      reading_ = false;
    }
  }
  if (!ok) {
    Advance();
  } else if (wait == absl::ZeroDuration()) {
    HandleRead(/*due=*/true);
  }
}

void PublishStream::Delay(absl::Time until) {
  // A new one each time: the last may still run its function.
  delay_ = std::make_unique<grpc::Alarm>();
  delay_->Set(absl::ToChronoTime(until), [this](bool due) {
    const std::shared_ptr<PublishStream> self = shared_from_this();
    self->HandleRead(due);
  });
}

void PublishStream::HandleRead(bool due) {
  Slot* slot = nullptr;
  {
    absl::MutexLock lock(&mu_);
    // What came in while draining is not answered, and comes again.
    if (due && !end_.has_value()) slot = &slots_.emplace_back();
  }
  if (slot != nullptr) Handle(slot, ParseRequest());
  {
    // Only now may the next be read: the message is in use until here, and
    // statements reach the sequencer in the order in which they came.
    absl::MutexLock lock(&mu_);
    reading_ = handling_ = false;
  }
  Advance();
}

absl::StatusOr<v1::Statement> PublishStream::ParseRequest() {
  v1::PublishRequest request;
  if (grpc::SerializationTraits<v1::PublishRequest>::Deserialize(&request_,
                                                                 &request)
          .ok()) {
    return std::move(*request.mutable_statement());
  }
  return WithReason(absl::InvalidArgumentError(
                        "message does not parse as gaceta.v1.PublishRequest"),
                    "MALFORMED_STATEMENT");
}

void PublishStream::Handle(Slot* slot,
                           absl::StatusOr<v1::Statement> statement) {
  if (!statement.ok()) {
    Decide(slot, statement.status());
    return;
  }
  // Where it can be read, so that the publisher knows what is answered.
  v1::StatementHeader header;
  if (header.ParseFromString(statement->header())) {
    slot->statement_id = header.statement_id();
  }
  auto checked = service_->checker_->Check(*caller_, *std::move(statement));
  if (!checked.ok()) {
    Decide(slot, checked.status());
    return;
  }
  // The callback keeps the stream until it has been called, and what is under
  // way until it is in the log and in the index.
  service_->sequencer_->Submit(
      std::move(checked->candidate),
      [self = shared_from_this(), slot,
       under_way = std::shared_ptr<HubHistory::UnderWay>(std::move(
           checked->under_way))](absl::StatusOr<v1::Receipt> outcome) {
        self->Decide(slot, std::move(outcome));
        self->Advance();
      });
}

void PublishStream::Decide(Slot* slot, absl::StatusOr<v1::Receipt> outcome) {
  absl::MutexLock lock(&mu_);
  slot->outcome = std::move(outcome);
}

void PublishStream::Advance() {
  bool read = false;
  bool write = false;
  grpc::WriteOptions write_options;
  std::optional<absl::Status> finish;
  {
    absl::MutexLock lock(&mu_);
    if (finished_) return;
    if (!writing_ && !slots_.empty() && slots_.front().outcome.has_value()) {
      write_options = TakeAnswer();
      writing_ = write = true;
    }
    if (end_.has_value()) {
      if (!writing_ && !starting_read_ && !handling_ && slots_.empty()) {
        finished_ = true;
        finish = *end_;
      }
    } else if (!reading_ && !starting_read_ &&
               static_cast<int>(slots_.size()) < service_->options_.window) {
      reading_ = starting_read_ = read = true;
    }
  }
  // Not under the lock: gRPC may call back on this thread.
  if (read) Read();
  if (write) StartWrite(&response_, write_options);
  if (finish.has_value()) Finish(ToGrpc(*finish));
}

void PublishStream::Read() {
  StartRead(&request_);
  {
    absl::MutexLock lock(&mu_);
    starting_read_ = false;
  }
  // The next read, or the end, may have waited for this.
  Advance();
}

grpc::WriteOptions PublishStream::TakeAnswer() {
  Slot& slot = slots_.front();
  v1::PublishResponse response;
  response.set_statement_id(slot.statement_id);
  if (slot.outcome->ok()) {
    *response.mutable_receipt() = **std::move(slot.outcome);
  } else {
    *response.mutable_error() = ToRpcStatus(slot.outcome->status());
  }
  slots_.pop_front();
  const grpc::Slice bytes(response.SerializeAsString());
  response_ = grpc::ByteBuffer(&bytes, 1);
  grpc::WriteOptions options;
  // It goes out with the next one, which is written as soon as this is taken.
  if (!slots_.empty() && slots_.front().outcome.has_value()) {
    options.set_buffer_hint();
  }
  return options;
}

void PublishStream::OnWriteDone(bool /*ok*/) {
  {
    absl::MutexLock lock(&mu_);
    writing_ = false;
  }
  Advance();
}

void PublishStream::OnDone() { service_->streams_.Remove(this); }

}  // namespace gaceta
