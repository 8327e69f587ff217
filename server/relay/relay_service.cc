#include "server/relay/relay_service.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "server/relay/subscribe_stream.h"
#include "server/relay/subscription_names.h"
#include "server/rpc/open_calls.h"
#include "server/services/page_token.h"
#include "spdlog/spdlog.h"

namespace gaceta {
namespace {

constexpr absl::Duration kFlushInterval = absl::Seconds(1);
constexpr int kDefaultPage = 100;
constexpr int kMaxPage = 1000;
constexpr absl::string_view kService = "gaceta.v1.RelayService/";

}  // namespace

class RelayService::Impl : public SubscribeHost {
 public:
  Impl(RelayDependencies dependencies, CallLoop* loop, RelayOptions options)
      : deps_(std::move(dependencies)),
        loop_(loop),
        options_(options),
        unary_(this),
        streams_(loop, [this] {
          return std::make_unique<SubscribeStream>(this, &unary_, &streams_);
        }) {}

  void Register(grpc::ServerBuilder& builder) {
    builder.RegisterService(&unary_);
  }

  void Start() {
    streams_.Start();
    loop_->EveryTick([this](absl::Time now) { TickAll(now); });
    deps_.cache->SetListener([this] { Wake(); });
    flush_thread_ = std::thread([this] { FlushLoop(); });
  }

  void Drain(absl::Time deadline) {
    streams_.Drain();
    streams_.AwaitEnd(deadline);
  }

  void Stop() {
    deps_.cache->SetListener(nullptr);
    {
      absl::MutexLock lock(&mu_);
      stopping_ = true;
    }
    flush_thread_.join();
    if (absl::Status s = deps_.subscriptions->Flush(); !s.ok()) {
      spdlog::error("cannot keep acknowledgements error=\"{}\"",
                    std::string(s.message()));
    }
  }

  int open_streams() const { return streams_.open(); }

  // --- SubscribeHost -------------------------------------------------------

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

  bool IsConnected(const std::string& name) const override {
    absl::MutexLock lock(&mu_);
    return connected_.contains(name);
  }

  const RelayDependencies& dependencies() const override { return deps_; }
  const RelayOptions& options() const override { return options_; }

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

  // From any thread: makes the loop look at all streams soon.
  void Wake() {
    if (wake_pending_.exchange(true)) return;
    loop_->Post([this] {
      wake_pending_.store(false);
      AdvanceAll();
    });
  }

  void AdvanceAll() {
    // Before entries: those that come after a change of the registry are
    // relayed by the registry as it is then.
    auto federation = deps_.federation();
    if (federation != federation_) {
      federation_ = std::move(federation);
      streams_.ForAll<SubscribeStream>(
          [](SubscribeStream* stream) { stream->FollowRegistry(); });
    }
    streams_.ForAll<SubscribeStream>(
        [](SubscribeStream* stream) { stream->Advance(); });
  }

  void TickAll(absl::Time now) {
    streams_.ForAll<SubscribeStream>(
        [now](SubscribeStream* stream) { stream->Tick(now); });
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
  CallLoop* const loop_;
  const RelayOptions options_;
  Unary unary_;
  // The loop is to look at all streams, and has not begun to.
  std::atomic<bool> wake_pending_{false};

  // Touched only by the loop's thread.
  absl::flat_hash_map<std::string, int> streams_of_;
  std::shared_ptr<const Federation> federation_;

  mutable absl::Mutex mu_;
  // Streams that use each named subscription now.
  absl::flat_hash_map<std::string, int> connected_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  OpenCalls streams_;
  std::thread flush_thread_;
};

RelayService::RelayService(RelayDependencies dependencies, CallLoop* loop,
                           RelayOptions options)
    : impl_(std::make_unique<Impl>(std::move(dependencies), loop, options)) {}
RelayService::~RelayService() = default;

void RelayService::Register(grpc::ServerBuilder& builder) {
  impl_->Register(builder);
}
void RelayService::Start() { impl_->Start(); }
void RelayService::Drain(absl::Time deadline) { impl_->Drain(deadline); }
void RelayService::Stop() { impl_->Stop(); }
int RelayService::open_streams() const { return impl_->open_streams(); }

}  // namespace gaceta
