#include "tests/bench/subscriber_load.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/grpc_status.h"
#include "google/protobuf/io/coded_stream.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "grpcpp/support/proto_buffer_reader.h"
#include "tests/bench/bench_federation.h"

namespace gaceta::bench {

using google::protobuf::io::CodedInputStream;

class SubscribeCall : public RawCall {
 public:
  SubscribeCall(SubscriberLoad* load, int number,
                std::shared_ptr<grpc::Channel> channel)
      : RawCall(std::move(channel), "/gaceta.v1.RelayService/Subscribe",
                &load->queue_),
        load_(load),
        number_(number) {}

  // Notices that the call was cancelled, if nothing else would.
  void ReadIfIdle() {
    if (opened_ && !reading() && !ended_) Read();
  }

 private:
  void OnStarted() override {
    v1::SubscribeRequest request;
    *request.mutable_open() = load_->options_.open;
    if (load_->options_.filter_of) {
      *request.mutable_open()->mutable_filter() =
          load_->options_.filter_of(number_);
    }
    const grpc::Slice slice(request.SerializeAsString());
    Write(grpc::ByteBuffer(&slice, 1));
    Read();
  }

  void OnWritten() override {}

  void OnRead(const grpc::ByteBuffer& message) override {
    if (!opened_) {
      Open(message);
    } else {
      Look(message);
    }
    if (load_->options_.pause > absl::ZeroDuration() && !load_->stopping_) {
      pause_.Set(&load_->queue_,
                 absl::ToChronoTime(absl::Now() + load_->options_.pause),
                 &paused_);
    } else if (load_->options_.read || load_->stopping_ || !opened_) {
      Read();
    }
  }

  void OnPaused(bool /*ok*/) { ReadIfIdle(); }

  void Open(const grpc::ByteBuffer& message) {
    grpc::ByteBuffer bytes = message;
    v1::SubscribeResponse response;
    grpc::Status parsed =
        grpc::SerializationTraits<v1::SubscribeResponse>::Deserialize(
            &bytes, &response);
    opened_ = parsed.ok() && response.has_opened();
    if (opened_) {
      load_->Opened(response.opened().log_size());
    } else {
      Cancel();
    }
  }

  // Entries by their length and position; progress.
  void Look(const grpc::ByteBuffer& message) {
    grpc::ByteBuffer bytes = message;
    grpc::ProtoBufferReader reader(&bytes);
    CodedInputStream in(&reader);
    while (const std::uint32_t tag = in.ReadTag()) {
      std::uint32_t size = 0;
      if (!in.ReadVarint32(&size)) return;
      const int field = static_cast<int>(tag >> 3);
      const CodedInputStream::Limit limit =
          in.PushLimit(static_cast<int>(size));
      if (field == v1::SubscribeResponse::kEntriesFieldNumber) {
        if (load_->options_.on_entry) load_->options_.on_entry(entries_++);
        // Before progress says so: who waits for that counts.
        load_->Came();
      } else if (field == v1::SubscribeResponse::kProgressFieldNumber) {
        Progress(First(&in));
      }
      in.Skip(in.BytesUntilLimit());
      in.PopLimit(limit);
    }
  }

  // The number in field 1: of progress, where the stream is. Absent if 0.
  static std::int64_t First(CodedInputStream* in) {
    constexpr std::uint32_t kVarintOfField1 = 1 << 3;
    std::uint64_t number = 0;
    if (in->ReadTag() == kVarintOfField1) in->ReadVarint64(&number);
    return static_cast<std::int64_t>(number);
  }

  void Progress(std::int64_t next_position) {
    if (!reached_ && next_position >= load_->target_.load()) {
      reached_ = true;
      load_->Reached();
    }
  }

  void OnEnded(const grpc::Status& status) override {
    ended_ = true;
    load_->Ended(status);
  }

  SubscriberLoad* const load_;
  const int number_;
  std::size_t entries_ = 0;
  grpc::Alarm pause_;
  EventOf<SubscribeCall> paused_{this, &SubscribeCall::OnPaused};
  bool opened_ = false;
  bool reached_ = false;
  bool ended_ = false;
};

SubscriberLoad::SubscriberLoad(Options options) : options_(std::move(options)) {
  for (int i = 0; i < options_.subscribers; ++i) {
    channels_.push_back(NewChannel(options_.server, options_.credentials));
    calls_.push_back(
        std::make_unique<SubscribeCall>(this, i, channels_.back()));
  }
}

SubscriberLoad::~SubscriberLoad() {
  if (!thread_.joinable()) return;
  for (auto& call : calls_) call->Cancel();
  stop_alarm_.Set(&queue_, gpr_inf_past(GPR_CLOCK_REALTIME), &stop_);
  thread_.join();
}

absl::Status SubscriberLoad::Connect(absl::Time deadline) {
  for (auto& channel : channels_) channel->GetState(/*try_to_connect=*/true);
  for (auto& channel : channels_) {
    if (!channel->WaitForConnected(absl::ToChronoTime(deadline))) {
      return absl::DeadlineExceededError(
          absl::StrCat("cannot connect to ", options_.server));
    }
  }
  return absl::OkStatus();
}

void SubscriberLoad::Start() {
  open_ = static_cast<int>(calls_.size());
  for (auto& call : calls_) call->Start();
  thread_ = std::thread([this] { Loop(); });
}

void SubscriberLoad::Loop() {
  while (open_ > 0 || !stopping_) HandleNext(&queue_);
  queue_.Shutdown();
  while (HandleNext(&queue_)) {
  }
}

void SubscriberLoad::OnStop(bool /*ok*/) {
  stopping_ = true;
  for (auto& call : calls_) call->ReadIfIdle();
}

absl::Status SubscriberLoad::WaitOpened(absl::Time deadline) {
  return Wait(&opened_, deadline);
}

absl::Status SubscriberLoad::WaitReached(absl::Time deadline) {
  return Wait(&reached_, deadline);
}

absl::Status SubscriberLoad::Wait(const int* count, absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto done = [this, count] {
    mu_.AssertHeld();
    return *count == options_.subscribers || !ended_.ok();
  };
  if (!mu_.AwaitWithDeadline(absl::Condition(&done), deadline)) {
    return absl::DeadlineExceededError(
        absl::StrCat(*count, " of ", options_.subscribers,
                     " subscribers are there, with ", entries(), " entries"));
  }
  return ended_;
}

absl::Status SubscriberLoad::WaitEntries(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto done = [this] {
    mu_.AssertHeld();
    return all_came_ || !ended_.ok();
  };
  if (!mu_.AwaitWithDeadline(absl::Condition(&done), deadline)) {
    return absl::DeadlineExceededError(absl::StrCat(
        entries(), " of ", target_entries_.load(), " entries came"));
  }
  return ended_;
}

absl::Status SubscriberLoad::WaitEnded(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto done = [this] {
    mu_.AssertHeld();
    return ended_streams_ == options_.subscribers;
  };
  if (!mu_.AwaitWithDeadline(absl::Condition(&done), deadline)) {
    return absl::DeadlineExceededError("the server does not end its streams");
  }
  return absl::OkStatus();
}

void SubscriberLoad::Came() {
  if (entries_.fetch_add(1) + 1 < target_entries_.load()) return;
  absl::MutexLock lock(&mu_);
  all_came_ = true;
}

std::int64_t SubscriberLoad::log_size() const {
  absl::MutexLock lock(&mu_);
  return log_size_;
}

void SubscriberLoad::Opened(std::int64_t log_size) {
  absl::MutexLock lock(&mu_);
  ++opened_;
  log_size_ = log_size;
}

void SubscriberLoad::Reached() {
  absl::MutexLock lock(&mu_);
  ++reached_;
}

void SubscriberLoad::Ended(const grpc::Status& status) {
  --open_;
  absl::MutexLock lock(&mu_);
  ++ended_streams_;
  if (!ended_.ok() || stopping_) return;
  ended_ = status.ok() ? absl::UnavailableError("the server ended a stream")
                       : FromGrpc(status);
}

}  // namespace gaceta::bench
