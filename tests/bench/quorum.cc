#include "tests/bench/quorum.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/log.grpc.pb.h"
#include "tests/bench/publish_load.h"
#include "verify/checkpoint.h"

namespace gaceta::bench {
namespace {

// How exactly the time of a quorum is known.
constexpr absl::Duration kLook = absl::Milliseconds(2);

// Asks the hub for the cosigned checkpoint again and again.
//
// Threads: one of its own.
class CosignedWatch {
 public:
  explicit CosignedWatch(std::shared_ptr<grpc::Channel> channel)
      : stub_(v1::LogService::NewStub(std::move(channel))),
        thread_([this] { Run(); }) {}
  ~CosignedWatch() {
    stopping_.store(true);
    thread_.join();
  }
  CosignedWatch(const CosignedWatch&) = delete;
  CosignedWatch& operator=(const CosignedWatch&) = delete;

  absl::Status Await(std::int64_t size, absl::Time deadline) {
    absl::MutexLock lock(&mu_);
    const auto done = [this, size] {
      mu_.AssertHeld();
      return !status_.ok() || (!seen_.empty() && seen_.back().size >= size);
    };
    if (!mu_.AwaitWithDeadline(absl::Condition(&done), deadline)) {
      return absl::DeadlineExceededError("the log is not cosigned");
    }
    return status_;
  }

  // When the first checkpoint that has the entry was seen; all must be there.
  absl::Time SeenAt(std::int64_t position) const {
    absl::MutexLock lock(&mu_);
    for (const Seen& seen : seen_) {
      if (seen.size > position) return seen.time;
    }
    return absl::InfiniteFuture();
  }

 private:
  struct Seen {
    std::int64_t size;
    absl::Time time;
  };

  void Run() {
    while (!stopping_.load()) {
      absl::Status status = Look();
      // There is none before the first quorum.
      if (!status.ok() && !absl::IsNotFound(status)) {
        absl::MutexLock lock(&mu_);
        status_ = status;
        return;
      }
      absl::SleepFor(kLook);
    }
  }

  absl::Status Look() {
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    context.set_deadline(absl::ToChronoTime(Deadline()));
    v1::GetCheckpointRequest request;
    request.set_cosigned(true);
    v1::GetCheckpointResponse response;
    const grpc::Status status =
        stub_->GetCheckpoint(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    auto checkpoint = CheckpointOf(response.checkpoint());
    if (!checkpoint.ok()) return checkpoint.status();
    const absl::Time now = absl::Now();
    absl::MutexLock lock(&mu_);
    if (seen_.empty() || seen_.back().size < checkpoint->size) {
      seen_.push_back({checkpoint->size, now});
    }
    return absl::OkStatus();
  }

  const std::unique_ptr<v1::LogService::Stub> stub_;
  std::atomic<bool> stopping_{false};
  mutable absl::Mutex mu_;
  std::vector<Seen> seen_ ABSL_GUARDED_BY(mu_);
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

// As a state that is no witness.
absl::Status PublishSome(const Target& target, int updates,
                         PublishLoadOptions options) {
  auto node = PrepareNode(target, States().back(), updates);
  if (!node.ok()) return node.status();
  std::vector<PublisherWork> work;
  work.push_back(*std::move(node));
  return RunPublishLoad(std::move(work), std::move(options)).status();
}

}  // namespace

absl::StatusOr<Figures> Quorum(const Target& target, int updates,
                               double per_second) {
  auto credentials =
      target.federation->CredentialsOf(kSubscriberOf, kSubscriberPath);
  if (!credentials.ok()) return credentials.status();
  auto size = LogSize(target);
  if (!size.ok()) return size.status();
  CosignedWatch watch(NewChannel(target.server, *credentials));
  // Witnesses that did not know the log yet are asked again when it grows.
  if (absl::Status s = PublishSome(target, 1, {}); !s.ok()) return s;
  const std::int64_t begin = *size + 1;
  if (absl::Status s = watch.Await(begin, Deadline()); !s.ok()) return s;

  std::vector<absl::Time> acknowledged;
  Stretch stretch(target.pid);
  PublishLoadOptions options;
  options.per_second = per_second;
  options.on_begin = [&stretch] { stretch.Begin(); };
  options.on_answer = [&acknowledged](absl::Time time) {
    acknowledged.push_back(time);
  };
  if (absl::Status s = PublishSome(target, updates, options); !s.ok()) return s;
  if (absl::Status s = watch.Await(begin + updates, Deadline()); !s.ok()) {
    return s;
  }
  stretch.End();

  std::vector<absl::Duration> latencies;
  for (std::size_t i = 0; i < acknowledged.size(); ++i) {
    latencies.push_back(watch.SeenAt(begin + static_cast<std::int64_t>(i)) -
                        acknowledged[i]);
  }
  Figures figures;
  AddLatencies(std::move(latencies), &figures);
  stretch.AddCores(&figures);
  return figures;
}

}  // namespace gaceta::bench
