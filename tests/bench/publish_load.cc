#include "tests/bench/publish_load.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/publishing.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "tests/bench/raw_call.h"

namespace gaceta::bench {
namespace {

// What all streams of a load share.
struct Shared {
  PublishLoadOptions options;
  grpc::CompletionQueue queue;
  std::size_t streams_started = 0;
  std::size_t streams_open = 0;
  absl::Time begin;
  absl::Time end;
  PublishOutcome outcome;
  absl::Status status;
};

class PublishCall : public RawCall {
 public:
  PublishCall(Shared* shared, PublisherWork work)
      : RawCall(work.channel, "/gaceta.v1.PublishingService/Publish",
                &shared->queue),
        shared_(shared),
        requests_(std::move(work.requests)) {}

  void Advance() {
    if (done_ || writing()) return;
    if (sent_ == requests_.size()) {
      if (sent_times_.empty()) {
        done_ = true;
        WritesDone();
      }
      return;
    }
    if (static_cast<int>(sent_times_.size()) >= shared_->options.in_flight) {
      return;
    }
    const absl::Time now = absl::Now();
    if (now < Due()) {
      if (!std::exchange(waiting_, true)) {
        alarm_.Set(&shared_->queue, absl::ToChronoTime(Due()), &due_);
      }
      return;
    }
    if (shared_->options.on_send) shared_->options.on_send(sent_);
    sent_times_.push_back(now);
    Write(requests_[sent_]);
    // Its memory is not needed any more.
    requests_[sent_++].Clear();
  }

 private:
  absl::Time Due() const {
    if (shared_->options.per_second == 0) return shared_->begin;
    return shared_->begin + absl::Seconds(static_cast<double>(sent_) /
                                          shared_->options.per_second);
  }

  void OnStarted() override {
    ++shared_->streams_started;
    Read();
  }

  void OnWritten() override { Advance(); }

  void OnDue(bool /*ok*/) {
    waiting_ = false;
    Advance();
  }

  void OnRead(const grpc::ByteBuffer& message) override {
    grpc::ByteBuffer bytes = message;
    v1::PublishResponse response;
    const bool parsed =
        grpc::SerializationTraits<v1::PublishResponse>::Deserialize(&bytes,
                                                                    &response)
            .ok();
    if (!parsed || !response.has_receipt() || sent_times_.empty()) {
      shared_->status.Update(absl::InternalError(absl::StrCat(
          "refused: ", response.error().message().substr(0, 1000))));
      Cancel();
    } else {
      shared_->end = absl::Now();
      shared_->outcome.latencies.push_back(shared_->end - sent_times_.front());
      sent_times_.pop_front();
      if (shared_->options.on_answer) shared_->options.on_answer(shared_->end);
    }
    Read();
    Advance();
  }

  void OnEnded(const grpc::Status& status) override {
    --shared_->streams_open;
    if (!status.ok()) {
      shared_->status.Update(FromGrpc(status));
    } else if (!done_) {
      shared_->status.Update(absl::UnavailableError("the hub ended a stream"));
    }
    done_ = true;
  }

  Shared* const shared_;
  std::vector<grpc::ByteBuffer> requests_;
  std::size_t sent_ = 0;
  bool done_ = false;
  // Of what is not answered; answers keep the order.
  std::deque<absl::Time> sent_times_;
  bool waiting_ = false;
  grpc::Alarm alarm_;
  EventOf<PublishCall> due_{this, &PublishCall::OnDue};
};

}  // namespace

absl::StatusOr<PublishOutcome> RunPublishLoad(std::vector<PublisherWork> work,
                                              PublishLoadOptions options) {
  Shared shared;
  shared.options = std::move(options);
  std::vector<std::unique_ptr<PublishCall>> calls;
  std::size_t statements = 0;
  for (PublisherWork& one : work) {
    statements += one.requests.size();
    calls.push_back(std::make_unique<PublishCall>(&shared, std::move(one)));
  }
  shared.outcome.latencies.reserve(statements);
  shared.streams_open = calls.size();
  for (auto& call : calls) call->Start();
  while (shared.streams_started < calls.size() && shared.streams_open > 0) {
    HandleNext(&shared.queue);
  }
  if (shared.options.on_begin) shared.options.on_begin();
  shared.begin = shared.end = absl::Now();
  for (auto& call : calls) call->Advance();
  while (shared.streams_open > 0) HandleNext(&shared.queue);

  shared.queue.Shutdown();
  while (HandleNext(&shared.queue)) {
  }
  if (!shared.status.ok()) return shared.status;
  shared.outcome.elapsed = shared.end - shared.begin;
  return std::move(shared.outcome);
}

}  // namespace gaceta::bench
