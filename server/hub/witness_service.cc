#include "server/hub/witness_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"

namespace gaceta {

// One Witness call. Owned by its service and, while it is open, by the question
// that may be asked on it.
class WitnessLine
    : public grpc::ServerBidiReactor<v1::WitnessRequest, v1::WitnessResponse>,
      public std::enable_shared_from_this<WitnessLine> {
 public:
  WitnessLine(WitnessService* service, std::uint64_t number, std::string name)
      : service_(service), number_(number), name_(std::move(name)) {}

  // Takes questions and answers from now on.
  void Start() {
    service_->cosigning_.Open(name_, number_,
                              [weak = weak_from_this()](std::string body) {
                                if (const auto line = weak.lock())
                                  line->Ask(std::move(body));
                              });
    StartRead(&request_);
  }

  void Drain() {
    End(WithReason(absl::UnavailableError("the server shuts down; reconnect"),
                   "DRAINING"));
  }

  void End(const absl::Status& status) {
    absl::MutexLock lock(&mu_);
    if (finished_) return;
    finished_ = true;
    Finish(ToGrpc(status));
  }

  void OnReadDone(bool ok) override {
    if (!ok) {
      End(absl::OkStatus());
      return;
    }
    service_->cosigning_.Answer(name_, number_, request_.status(),
                                request_.body());
    StartRead(&request_);
  }

  void OnWriteDone(bool ok) override {
    if (!ok) {
      End(absl::UnavailableError("the witness is gone"));
      return;
    }
    absl::MutexLock lock(&mu_);
    writing_ = false;
    WriteNext();
  }

  void OnDone() override {
    service_->cosigning_.Close(name_, number_);
    service_->streams_.Remove(this);
  }

 private:
  // The one before has been answered; but gRPC may not have said yet that it
  // has been written.
  void Ask(std::string body) {
    absl::MutexLock lock(&mu_);
    question_ = std::move(body);
    WriteNext();
  }

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (finished_ || writing_ || !question_.has_value()) return;
    writing_ = true;
    response_.set_add_checkpoint(*std::exchange(question_, std::nullopt));
    StartWrite(&response_);
  }

  WitnessService* const service_;
  const std::uint64_t number_;
  const std::string name_;
  v1::WitnessRequest request_;
  // In use while writing_ is set.
  v1::WitnessResponse response_;

  absl::Mutex mu_;
  std::optional<std::string> question_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

WitnessService::WitnessService(ProjectedLog* log, const Authorizer* authorizer,
                               Cosigning::Options options)
    : authorizer_(authorizer), cosigning_(log, options) {
  thread_ = std::thread([this] { Loop(); });
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

void WitnessService::Loop() {
  absl::Time next = absl::Now();
  while (true) {
    {
      absl::MutexLock lock(&mu_);
      mu_.AwaitWithDeadline(absl::Condition(
                                +[](WitnessService* self) {
                                  self->mu_.AssertHeld();
                                  return self->woken_ || self->stopping_;
                                },
                                this),
                            next);
      if (stopping_) return;
      woken_ = false;
    }
    next = cosigning_.Tick(absl::Now());
  }
}

void WitnessService::Drain(absl::Time deadline) { streams_.Drain(deadline); }

grpc::ServerBidiReactor<v1::WitnessRequest, v1::WitnessResponse>*
WitnessService::Witness(grpc::CallbackServerContext* context) {
  auto caller = authorizer_->Authorize(*context->auth_context(),
                                       "gaceta.v1.WitnessService/Witness");
  const std::string name =
      caller.ok() ? absl::StrCat("node.", caller->peer.id.trust_domain()) : "";
  auto line = std::make_shared<WitnessLine>(this, next_line_++, name);
  const bool draining = !streams_.Add(line);
  if (!caller.ok()) {
    line->End(caller.status());
  } else if (draining) {
    line->Drain();
  } else {
    line->Start();
  }
  return line.get();
}

}  // namespace gaceta
