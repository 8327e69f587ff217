#include "server/relay/relay_service.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "grpcpp/alarm.h"
#include "server/relay/subscribe_stream.h"
#include "server/relay/subscription_names.h"
#include "server/services/page_token.h"
#include "spdlog/spdlog.h"

namespace gaceta {
namespace {

// How often heartbeats are looked at.
constexpr absl::Duration kTick = absl::Milliseconds(250);
constexpr absl::Duration kFlushInterval = absl::Seconds(1);
// Events that are handled before those who wait have a turn again, and how long
// their turns take together: an event waits no longer.
constexpr int kEventsBetweenTurns = 64;
constexpr absl::Duration kTurns = absl::Microseconds(500);
// Calls that may come in at once before the loop has to answer one.
constexpr int kWaitingCalls = 16;
constexpr int kDefaultPage = 100;
constexpr int kMaxPage = 1000;
constexpr absl::string_view kService = "gaceta.v1.RelayService/";

}  // namespace

class RelayService::Impl : public SubscribeLoop {
 public:
  Impl(RelayDependencies dependencies, RelayOptions options)
      : deps_(std::move(dependencies)), options_(options), unary_(this) {}

  void Register(grpc::ServerBuilder& builder) {
    builder.RegisterService(&unary_);
    queue_ = builder.AddCompletionQueue();
  }

  void Start() {
    for (int i = 0; i < kWaitingCalls; ++i) WaitForCall();
    SetTick();
    deps_.cache->SetListener([this] { Wake(); });
    loop_thread_ = std::thread([this] { Loop(); });
    flush_thread_ = std::thread([this] { FlushLoop(); });
  }

  void Drain(absl::Time deadline) {
    draining_.store(true);
    Wake();
    absl::MutexLock lock(&mu_);
    mu_.AwaitWithDeadline(absl::Condition(
                              +[](Impl* self) {
                                self->mu_.AssertHeld();
                                return self->open_streams_ == 0;
                              },
                              this),
                          deadline);
  }

  void Stop() {
    deps_.cache->SetListener(nullptr);
    {
      absl::MutexLock lock(&mu_);
      stopping_ = true;
    }
    // The loop itself shuts its queue down, so that it sets no alarm after. An
    // alarm of its own, since nobody may set one when the queue is down.
    stop_alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_REALTIME), &stop_);
    loop_thread_.join();
    flush_thread_.join();
    if (absl::Status s = deps_.subscriptions->Flush(); !s.ok()) {
      spdlog::error("cannot keep acknowledgements error=\"{}\"",
                    std::string(s.message()));
    }
  }

  int open_streams() const {
    absl::MutexLock lock(&mu_);
    return open_streams_;
  }

  // --- SubscribeLoop -------------------------------------------------------

  bool Admit(const std::string& identity) override {
    int& count = streams_of_[identity];
    if (count >= options_.max_streams_per_identity) return false;
    ++count;
    return true;
  }

  void Release(const std::string& identity) override {
    auto found = streams_of_.find(identity);
    if (--found->second == 0) streams_of_.erase(found);
  }

  void Connected(const std::string& name, bool connected) override {
    absl::MutexLock lock(&mu_);
    int& count = connected_[name];
    count += connected ? 1 : -1;
    if (count == 0) connected_.erase(name);
  }

  void AwaitTurn(SubscribeStream* stream) override { line_.push_back(stream); }

  void Accepted() override {
    WaitForCall();
    absl::MutexLock lock(&mu_);
    ++open_streams_;
  }

  void Ended(SubscribeStream* stream, bool was_accepted) override {
    line_.erase(std::remove(line_.begin(), line_.end(), stream), line_.end());
    streams_.erase(stream);
    if (was_accepted) {
      absl::MutexLock lock(&mu_);
      --open_streams_;
    }
  }

  const RelayDependencies& dependencies() const override { return deps_; }
  const RelayOptions& options() const override { return options_; }
  bool draining() const override { return draining_.load(); }

 private:
  // The rpcs that are no streams, on gRPC's own threads.
  class Unary : public RawRelayService {
   public:
    explicit Unary(Impl* impl) : impl_(impl) {}

    grpc::Status Explain(grpc::ServerContext* context,
                         const v1::ExplainRequest* request,
                         v1::ExplainResponse* response) override {
      return impl_->AsCaller(context, "Explain", [&](const Caller& caller) {
        return impl_->Explain(caller, *request, response);
      });
    }

    grpc::Status ListSubscriptions(
        grpc::ServerContext* context,
        const v1::ListSubscriptionsRequest* request,
        v1::ListSubscriptionsResponse* response) override {
      return impl_->AsCaller(
          context, "ListSubscriptions", [&](const Caller& caller) {
            return impl_->ListSubscriptions(caller, *request, response);
          });
    }

    grpc::Status GetSubscription(
        grpc::ServerContext* context, const v1::GetSubscriptionRequest* request,
        v1::GetSubscriptionResponse* response) override {
      return impl_->AsCaller(
          context, "GetSubscription", [&](const Caller& caller) {
            auto found = impl_->FindSubscription(caller, request->name());
            if (!found.ok()) return found.status();
            *response->mutable_subscription() = impl_->Describe(*found);
            return absl::OkStatus();
          });
    }

    grpc::Status DeleteSubscription(
        grpc::ServerContext* context,
        const v1::DeleteSubscriptionRequest* request,
        v1::DeleteSubscriptionResponse* /*response*/) override {
      return impl_->AsCaller(
          context, "DeleteSubscription", [&](const Caller& caller) {
            auto found = impl_->FindSubscription(caller, request->name());
            if (!found.ok()) return found.status();
            impl_->deps_.subscriptions->Delete(found->name);
            return impl_->deps_.subscriptions->Flush();
          });
    }

   private:
    Impl* const impl_;
  };

  template <typename Work>
  grpc::Status AsCaller(grpc::ServerContext* context, absl::string_view method,
                        Work work) const {
    auto caller = deps_.authorizer->Authorize(*context->auth_context(),
                                              absl::StrCat(kService, method));
    if (!caller.ok()) return ToGrpc(caller.status());
    return ToGrpc(work(*caller));
  }

  absl::Status Explain(const Caller& caller, const v1::ExplainRequest& request,
                       v1::ExplainResponse* response) {
    auto filter = CompiledFilter::Compile(
        request.filter(), Reader{caller.member, caller.is_state},
        deps_.federation());
    if (!filter.ok()) return filter.status();
    auto entries = deps_.cache->Read(request.position(), 1);
    if (!entries.ok()) return entries.status();
    if (entries->empty()) {
      return WithReason(
          absl::OutOfRangeError(absl::StrCat("there is no entry at position ",
                                             request.position(), " yet")),
          "POSITION_BEYOND_END");
    }
    *response = (*filter)->Explain(*(*entries)[0]);
    return absl::OkStatus();
  }

  // What the names of the subscriptions that a caller may see begin with.
  static std::string VisiblePrefix(const Caller& caller) {
    switch (caller.peer.role) {
      case Role::kRegistrar:
        return "";
      case Role::kStateAdmin:
        return absl::StrCat(caller.peer.id.trust_domain(), "/");
      default:
        return FullSubscriptionName(caller.peer.id, "");
    }
  }

  absl::Status ListSubscriptions(const Caller& caller,
                                 const v1::ListSubscriptionsRequest& request,
                                 v1::ListSubscriptionsResponse* response) {
    auto size = PageSize(request.page_size(), kDefaultPage, kMaxPage);
    if (!size.ok()) return size.status();
    auto after = ReadPageToken("ListSubscriptions", request.page_token());
    if (!after.ok()) return after.status();
    const std::vector<NamedSubscription> page =
        deps_.subscriptions->List(VisiblePrefix(caller), *after, *size + 1);
    for (const NamedSubscription& one : page) {
      if (response->subscriptions_size() == *size) {
        response->set_next_page_token(MakePageToken(
            "ListSubscriptions", response->subscriptions(*size - 1).name()));
        break;
      }
      *response->add_subscriptions() = Describe(one);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<NamedSubscription> FindSubscription(
      const Caller& caller, const std::string& name) const {
    const std::string full = IsShortSubscriptionName(name)
                                 ? FullSubscriptionName(caller.peer.id, name)
                                 : name;
    auto found = deps_.subscriptions->Get(full);
    // What the caller may not see is not told apart from what is not there.
    if (!found.has_value() || !absl::StartsWith(full, VisiblePrefix(caller))) {
      return WithReason(
          absl::NotFoundError(absl::StrCat("there is no subscription \"",
                                           name.substr(0, 400), "\" of yours")),
          "UNKNOWN_SUBSCRIPTION");
    }
    return *std::move(found);
  }

  v1::Subscription Describe(const NamedSubscription& one) const {
    v1::Subscription subscription;
    subscription.set_name(one.name);
    subscription.set_identity(one.identity);
    *subscription.mutable_filter() = one.filter;
    subscription.set_next_position(one.next_position);
    subscription.set_behind(
        std::max<Position>(0, deps_.cache->Size() - one.next_position));
    const std::int64_t micros = absl::ToUnixMicros(one.update_time);
    subscription.mutable_update_time()->set_seconds(micros / 1'000'000);
    subscription.mutable_update_time()->set_nanos(
        static_cast<std::int32_t>(micros % 1'000'000 * 1000));
    absl::MutexLock lock(&mu_);
    subscription.set_connected(connected_.contains(one.name));
    return subscription;
  }

  void WaitForCall() {
    auto stream =
        std::make_unique<SubscribeStream>(this, &unary_, queue_.get());
    SubscribeStream* key = stream.get();
    streams_[key] = std::move(stream);
  }

  // From any thread: makes the loop look at all streams soon.
  void Wake() {
    if (wake_pending_.exchange(true)) return;
    wake_alarm_.Set(queue_.get(), gpr_inf_past(GPR_CLOCK_REALTIME), &wake_);
  }

  void Loop() {
    while (HandleEvents()) {
      TakeTurns();
      if (!tick_set_ && !queue_down_) SetTick();
    }
  }

  // Waits for an event if nobody waits for a turn. False once the queue is
  // down.
  bool HandleEvents() {
    void* tag = nullptr;
    bool ok = false;
    for (int i = 0; i < kEventsBetweenTurns; ++i) {
      const gpr_timespec deadline = line_.empty() && i == 0
                                        ? gpr_inf_future(GPR_CLOCK_REALTIME)
                                        : gpr_inf_past(GPR_CLOCK_REALTIME);
      switch (queue_->AsyncNext(&tag, &ok, deadline)) {
        case grpc::CompletionQueue::SHUTDOWN:
          return false;
        case grpc::CompletionQueue::TIMEOUT:
          return true;
        case grpc::CompletionQueue::GOT_EVENT:
          Handle(static_cast<SubscribeStream::Operation*>(tag), ok);
          break;
      }
      // It costs a system call to learn that nothing has happened.
      if (line_.empty()) return true;
    }
    return true;
  }

  void Handle(SubscribeStream::Operation* operation, bool ok) {
    if (operation == &wake_) {
      wake_pending_.store(false);
      AdvanceAll();
    } else if (operation == &tick_) {
      tick_set_ = false;
      TickAll();
    } else if (operation == &stop_) {
      ShutDownQueue();
    } else {
      (operation->stream->*operation->done)(ok);
    }
  }

  void SetTick() {
    tick_set_ = true;
    tick_alarm_.Set(queue_.get(), absl::ToChronoTime(absl::Now() + kTick),
                    &tick_);
  }

  void ShutDownQueue() {
    queue_down_ = true;
    tick_alarm_.Cancel();
    queue_->Shutdown();
  }

  // Streams may end, and leave streams_, while they are looked at.
  std::vector<SubscribeStream*> AllStreams() const {
    std::vector<SubscribeStream*> all;
    all.reserve(streams_.size());
    for (const auto& [key, stream] : streams_) all.push_back(key);
    return all;
  }

  template <typename Work>
  void ForAll(Work work) {
    for (SubscribeStream* stream : AllStreams()) {
      if (streams_.contains(stream)) work(stream);
    }
  }

  void AdvanceAll() {
    if (draining_.load()) {
      ForAll([](SubscribeStream* stream) { stream->Drain(); });
      return;
    }
    // Before entries: those that come after a change of the registry are
    // relayed by the registry as it is then.
    auto federation = deps_.federation();
    if (federation != federation_) {
      federation_ = std::move(federation);
      ForAll([](SubscribeStream* stream) { stream->FollowRegistry(); });
    }
    ForAll([](SubscribeStream* stream) { stream->Advance(); });
  }

  void TickAll() {
    const absl::Time now = absl::Now();
    ForAll([now](SubscribeStream* stream) { stream->Tick(now); });
  }

  void TakeTurns() {
    if (line_.empty()) return;
    const absl::Time end = absl::Now() + kTurns;
    // Each once at most.
    for (std::size_t turns = line_.size(); turns > 0 && !line_.empty();
         --turns) {
      SubscribeStream* stream = line_.front();
      line_.pop_front();
      stream->TakeTurn();
      if (absl::Now() >= end) return;
    }
  }

  void FlushLoop() {
    while (true) {
      {
        absl::MutexLock lock(&mu_);
        mu_.AwaitWithTimeout(absl::Condition(&stopping_), kFlushInterval);
        if (stopping_) return;
      }
      if (absl::Status s = deps_.subscriptions->Flush(); !s.ok()) {
        spdlog::warn("cannot keep acknowledgements error=\"{}\"",
                     std::string(s.message()));
      }
    }
  }

  const RelayDependencies deps_;
  const RelayOptions options_;
  Unary unary_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::atomic<bool> draining_{false};

  // Alarms: their tags are told apart from streams' by address.
  SubscribeStream::Operation wake_{nullptr, nullptr};
  SubscribeStream::Operation tick_{nullptr, nullptr};
  SubscribeStream::Operation stop_{nullptr, nullptr};
  std::atomic<bool> wake_pending_{false};
  grpc::Alarm wake_alarm_;
  grpc::Alarm tick_alarm_;
  grpc::Alarm stop_alarm_;

  // Touched only by the loop's thread (and by Start(), before it runs).
  absl::flat_hash_map<SubscribeStream*, std::unique_ptr<SubscribeStream>>
      streams_;
  // Those that wait for a turn, each once.
  std::deque<SubscribeStream*> line_;
  bool tick_set_ = false;
  bool queue_down_ = false;
  absl::flat_hash_map<std::string, int> streams_of_;
  std::shared_ptr<const Federation> federation_;

  mutable absl::Mutex mu_;
  // Streams that use each named subscription now.
  absl::flat_hash_map<std::string, int> connected_ ABSL_GUARDED_BY(mu_);
  int open_streams_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread loop_thread_;
  std::thread flush_thread_;
};

RelayService::RelayService(RelayDependencies dependencies, RelayOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), options)) {}
RelayService::~RelayService() = default;

void RelayService::Register(grpc::ServerBuilder& builder) {
  impl_->Register(builder);
}
void RelayService::Start() { impl_->Start(); }
void RelayService::Drain(absl::Time deadline) { impl_->Drain(deadline); }
void RelayService::Stop() { impl_->Stop(); }
int RelayService::open_streams() const { return impl_->open_streams(); }

}  // namespace gaceta
