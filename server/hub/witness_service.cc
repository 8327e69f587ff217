#include "server/hub/witness_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "grpcpp/support/async_stream.h"
#include "server/rpc/call.h"

namespace gaceta {

// One Witness call.
class WitnessLine : public Call {
 public:
  WitnessLine(WitnessService* service, OpenCalls* calls)
      : Call(calls), service_(service), stream_(context()) {
    service->RequestWitness(context(), &stream_, loop()->queue(),
                            loop()->queue(), WaitForCall());
  }

  // 0 before it is open.
  std::uint64_t number() const { return number_; }
  // Of the witness' key.
  const std::string& name() const { return name_; }

  void Drain() override {
    End(WithReason(absl::UnavailableError("the server shuts down; reconnect"),
                   "DRAINING"));
  }

  // The one before has been answered; but gRPC may not have said yet that it
  // has been written.
  void Ask(std::string body) {
    question_ = std::move(body);
    WriteNext();
  }

 private:
  void OnOpen() override {
    auto caller = service_->authorizer_->Authorize(
        *context()->auth_context(), "gaceta.v1.WitnessService/Witness");
    if (!caller.ok()) {
      End(caller.status());
      return;
    }
    name_ = absl::StrCat("node.", caller->peer.id.trust_domain());
    Read();
  }

  void OnOver() override {
    if (number_ != 0) service_->Close(this);
  }

  void Read() {
    if (!end_.has_value() && !is_over()) stream_.Read(&request_, read_.Begin());
  }

  void OnRead(bool ok) {
    if (end_.has_value() || is_over()) return;
    if (!ok) {
      End(absl::OkStatus());
      return;
    }
    if (number_ == 0) {
      Open();
      return;
    }
    if (request_.has_open()) {
      End(InvalidField("open", "is in a later message, expected in the first"));
      return;
    }
    // The next is read when this one has been dealt with.
    Expect();
    service_->Answer(this, std::move(request_), [this] {
      Read();
      Returned();
    });
  }

  // The first message says what the witness reads.
  void Open() {
    const int version = request_.open().registry_version();
    if (version < 1) {
      End(InvalidField(
          "open.registry_version",
          absl::StrCat("is ", version,
                       ", expected 1 or more in the first message")));
      return;
    }
    number_ = service_->next_line_++;
    service_->Open(this, version);
    Read();
  }

  void WriteNext() {
    if (end_.has_value() || is_over() || writing_ || !question_.has_value())
      return;
    writing_ = true;
    v1::WitnessResponse response;
    response.set_add_checkpoint(*std::exchange(question_, std::nullopt));
    stream_.Write(response, write_.Begin());
  }

  void OnWritten(bool ok) {
    writing_ = false;
    if (!ok) End(absl::UnavailableError("the witness is gone"));
    WriteNext();
    FinishIfIdle();
  }

  void End(const absl::Status& status) {
    if (!end_.has_value()) end_ = status;
    FinishIfIdle();
  }

  void FinishIfIdle() {
    if (!end_.has_value() || writing_ || finished_ || is_over()) return;
    finished_ = true;
    stream_.Finish(ToGrpc(*end_), finish_.Begin());
  }

  void OnFinished(bool /*ok*/) {}

  WitnessService* const service_;
  grpc::ServerAsyncReaderWriter<v1::WitnessResponse, v1::WitnessRequest>
      stream_;
  std::uint64_t number_ = 0;
  std::string name_;
  Step<WitnessLine> read_{this, &WitnessLine::OnRead};
  Step<WitnessLine> write_{this, &WitnessLine::OnWritten};
  Step<WitnessLine> finish_{this, &WitnessLine::OnFinished};

  v1::WitnessRequest request_;
  std::optional<std::string> question_;
  bool writing_ = false;
  bool finished_ = false;
  // How the call ends, once it does.
  std::optional<absl::Status> end_;
};

WitnessService::WitnessService(ProjectedLog* log, const Authorizer* authorizer,
                               CallLoop* loop, Cosigning::Options options)
    : authorizer_(authorizer),
      loop_(loop),
      cosigning_(log, options),
      lines_(loop,
             [this] { return std::make_unique<WitnessLine>(this, &lines_); }) {
  thread_ = std::thread([this] { Run(); });
}

WitnessService::~WitnessService() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void WitnessService::Wake() {
  absl::MutexLock lock(&mu_);
  woken_ = true;
}

void WitnessService::Drain(absl::Time deadline) {
  lines_.Drain();
  lines_.AwaitEnd(deadline);
}

void WitnessService::Open(WitnessLine* line, int registry_version) {
  const std::uint64_t number = line->number();
  open_lines_[number] = line;
  // Questions come from the other thread; the line may be gone by then.
  const auto ask = [this, number](std::string body) {
    loop_->Post([this, number, body = std::move(body)] {
      auto found = open_lines_.find(number);
      if (found != open_lines_.end()) found->second->Ask(body);
    });
  };
  AddTask([this, number, name = line->name(), registry_version, ask] {
    cosigning_.Open(name, number, registry_version, ask);
  });
}

void WitnessService::Answer(WitnessLine* line, v1::WitnessRequest answer,
                            std::function<void()> handled) {
  AddTask([this, number = line->number(), name = line->name(),
           answer = std::move(answer), handled = std::move(handled)] {
    cosigning_.Answer(name, number, answer.status(), answer.body());
    loop_->Post(handled);
  });
}

void WitnessService::Close(WitnessLine* line) {
  open_lines_.erase(line->number());
  AddTask([this, number = line->number(), name = line->name()] {
    cosigning_.Close(name, number);
  });
}

void WitnessService::AddTask(std::function<void()> task) {
  absl::MutexLock lock(&mu_);
  tasks_.push_back(std::move(task));
}

void WitnessService::Run() {
  absl::Time next = absl::Now();
  while (true) {
    std::vector<std::function<void()>> tasks;
    {
      absl::MutexLock lock(&mu_);
      mu_.AwaitWithDeadline(absl::Condition(
                                +[](WitnessService* self) {
                                  self->mu_.AssertHeld();
                                  return self->woken_ || self->stopping_ ||
                                         !self->tasks_.empty();
                                },
                                this),
                            next);
      if (stopping_) return;
      woken_ = false;
      tasks.swap(tasks_);
    }
    for (const std::function<void()>& task : tasks) task();
    next = cosigning_.Tick(absl::Now());
  }
}

}  // namespace gaceta
