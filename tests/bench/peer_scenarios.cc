#include "tests/bench/peer_scenarios.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/peer.h"
#include "tests/bench/statements.h"

namespace gaceta::bench {
namespace {

// Random bytes that begin with when they were sent.
class Payloads {
 public:
  Payloads() : bytes_(std::size_t{1} << 20, ' ') {
    absl::BitGen random;
    for (char& c : bytes_)
      c = static_cast<char>(absl::Uniform<int>(random, 0, 256));
  }
  std::string Next() {
    at_ = (at_ + 997) % (bytes_.size() - kPayloadBytes);
    std::string payload = bytes_.substr(at_, kPayloadBytes);
    const std::int64_t now = absl::GetCurrentTimeNanos();
    std::memcpy(payload.data(), &now, sizeof now);
    return payload;
  }
  static absl::Duration AgeOf(absl::string_view payload) {
    std::int64_t sent = 0;
    if (payload.size() != kPayloadBytes) return absl::InfiniteDuration();
    std::memcpy(&sent, payload.data(), sizeof sent);
    return absl::Nanoseconds(absl::GetCurrentTimeNanos() - sent);
  }

 private:
  std::string bytes_;
  std::size_t at_ = 0;
};

struct Publisher : public PeerEvents {
  void OnAcknowledged() override {
    latencies->push_back(absl::Now() - sent.front());
    sent.pop_front();
  }
  std::vector<absl::Duration>* latencies = nullptr;
  // Of what is not acknowledged; answers keep the order, or nearly.
  std::deque<absl::Time> sent;
  int published = 0;
  std::unique_ptr<PeerConnection> connection;
};

struct Subscriber : public PeerEvents {
  void OnSubscribed() override { ++*subscribed; }
  void OnMessage(absl::string_view payload) override {
    delays->push_back(Payloads::AgeOf(payload));
  }
  int* subscribed = nullptr;
  std::vector<absl::Duration>* delays = nullptr;
  std::unique_ptr<PeerConnection> connection;
};

// A peer with all its connections. Thread safety: one thread.
class Run {
 public:
  static absl::StatusOr<std::unique_ptr<Run>> Create(const Target& target,
                                                     const PeerLoad& load) {
    auto peer = Peer::Create(load.kind, *target.federation, target.server);
    if (!peer.ok()) return peer.status();
    auto run = std::make_unique<Run>(*std::move(peer), load);
    return run;
  }

  Run(std::unique_ptr<Peer> peer, const PeerLoad& load)
      : load_(load), peer_(std::move(peer)) {}

  absl::Status ConnectPublishers() {
    for (int i = 0; i < load_.nodes; ++i) {
      auto one = std::make_unique<Publisher>();
      one->latencies = &latencies_;
      auto connection = peer_->Connect(one.get());
      if (!connection.ok()) return connection.status();
      one->connection = *std::move(connection);
      publishers_.push_back(std::move(one));
    }
    // What a connection asked for at its beginning is answered by then.
    return PollUntil([] { return false; }, absl::Now() + absl::Seconds(1));
  }

  absl::Status ConnectSubscribers() {
    for (int i = 0; i < load_.subscribers; ++i) {
      auto one = std::make_unique<Subscriber>();
      one->subscribed = &subscribed_;
      one->delays = &delays_;
      auto connection = peer_->Connect(one.get());
      if (!connection.ok()) return connection.status();
      one->connection = *std::move(connection);
      subscribers_.push_back(std::move(one));
    }
    return absl::OkStatus();
  }

  absl::Status StartSubscriptions(bool from_start) {
    for (auto& one : subscribers_) {
      absl::Status status = one->connection->Subscribe(from_start);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status AwaitSubscribed() {
    return Await([this] { return subscribed_ == load_.subscribers; });
  }

  // Until all is acknowledged.
  absl::Status Publish() {
    const int each = std::max(1, load_.updates / load_.nodes);
    const std::size_t all = static_cast<std::size_t>(each) * publishers_.size();
    const absl::Time begin = absl::Now();
    for (const absl::Time end = Deadline(); latencies_.size() < all;) {
      absl::Time due = end;
      for (auto& one : publishers_) {
        while (one->published < each &&
               static_cast<int>(one->sent.size()) < load_.in_flight) {
          due = DueOf(begin, one->published);
          if (due > absl::Now()) break;
          one->sent.push_back(absl::Now());
          one->connection->Publish(payloads_.Next());
          ++one->published;
          due = end;
        }
      }
      if (absl::Status s = peer_->Poll(due); !s.ok()) return s;
      if (absl::Now() > end) return absl::DeadlineExceededError(Standing());
    }
    return absl::OkStatus();
  }

  absl::Status AwaitDeliveries(std::size_t count) {
    return Await([this, count] { return delays_.size() >= count; });
  }

  std::vector<absl::Duration> TakeLatencies() { return std::move(latencies_); }
  std::vector<absl::Duration> TakeDelays() { return std::move(delays_); }

 private:
  absl::Time DueOf(absl::Time begin, int number) const {
    if (load_.per_second == 0) return begin;
    return begin + absl::Seconds(number * load_.nodes / load_.per_second);
  }

  absl::Status PollUntil(absl::FunctionRef<bool()> done, absl::Time end) {
    while (!done() && absl::Now() < end) {
      if (absl::Status s = peer_->Poll(end); !s.ok()) return s;
    }
    return absl::OkStatus();
  }

  absl::Status Await(absl::FunctionRef<bool()> done) {
    if (absl::Status s = PollUntil(done, Deadline()); !s.ok()) return s;
    return done() ? absl::OkStatus() : absl::DeadlineExceededError(Standing());
  }

  std::string Standing() const {
    return absl::StrCat(subscribed_, " are subscribed, ", delays_.size(),
                        " messages came, ", latencies_.size(),
                        " were acknowledged");
  }

  const PeerLoad load_;
  Payloads payloads_;
  int subscribed_ = 0;
  std::vector<absl::Duration> latencies_;
  std::vector<absl::Duration> delays_;
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;
  // Destroyed first: what comes at its end still tells them.
  const std::unique_ptr<Peer> peer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Peer>> Peer::Create(
    const std::string& kind, const BenchFederation& federation,
    const std::string& server) {
  if (kind == "etcd") return NewEtcdPeer(federation, server);
  return NewTlsPeer(kind, federation, server);
}

absl::StatusOr<Figures> PeerPublish(const Target& target,
                                    const PeerLoad& load) {
  auto run = Run::Create(target, load);
  if (!run.ok()) return run.status();
  if (absl::Status s = (*run)->ConnectPublishers(); !s.ok()) return s;
  Stretch stretch(target.pid);
  if (absl::Status s = (*run)->Publish(); !s.ok()) return s;
  stretch.End();
  auto latencies = (*run)->TakeLatencies();
  const auto count = static_cast<double>(latencies.size());
  Figures figures;
  figures["acked_per_s"] = stretch.PerSecond(count);
  figures["server_us_per_publish"] = stretch.ServerMicrosPer(count);
  AddLatencies(std::move(latencies), &figures);
  stretch.AddCores(&figures);
  return figures;
}

absl::StatusOr<Figures> PeerFanOut(const Target& target, const PeerLoad& load) {
  auto run = Run::Create(target, load);
  if (!run.ok()) return run.status();
  if (absl::Status s = (*run)->ConnectPublishers(); !s.ok()) return s;
  if (absl::Status s = (*run)->ConnectSubscribers(); !s.ok()) return s;
  if (absl::Status s = (*run)->StartSubscriptions(false); !s.ok()) return s;
  if (absl::Status s = (*run)->AwaitSubscribed(); !s.ok()) return s;
  AwaitQuiet(target.pid);
  const auto deliveries = static_cast<std::size_t>(load.updates) *
                          static_cast<std::size_t>(load.subscribers);
  Stretch stretch(target.pid);
  if (absl::Status s = (*run)->Publish(); !s.ok()) return s;
  if (absl::Status s = (*run)->AwaitDeliveries(deliveries); !s.ok()) return s;
  stretch.End();
  Figures figures;
  const auto count = static_cast<double>(deliveries);
  figures["deliveries_per_s"] = stretch.PerSecond(count);
  figures["server_us_per_delivery"] = stretch.ServerMicrosPer(count);
  AddLatencies((*run)->TakeDelays(), &figures);
  stretch.AddCores(&figures);
  return figures;
}

absl::StatusOr<Figures> PeerCatchUp(const Target& target,
                                    const PeerLoad& load) {
  auto run = Run::Create(target, load);
  if (!run.ok()) return run.status();
  if (absl::Status s = (*run)->ConnectSubscribers(); !s.ok()) return s;
  AwaitQuiet(target.pid);
  const auto entries = static_cast<std::size_t>(load.updates) *
                       static_cast<std::size_t>(load.subscribers);
  Stretch stretch(target.pid);
  if (absl::Status s = (*run)->StartSubscriptions(true); !s.ok()) return s;
  if (absl::Status s = (*run)->AwaitDeliveries(entries); !s.ok()) return s;
  stretch.End();
  Figures figures;
  const auto count = static_cast<double>(entries);
  figures["entries_per_s"] = stretch.PerSecond(count);
  figures["server_us_per_entry"] = stretch.ServerMicrosPer(count);
  stretch.AddCores(&figures);
  return figures;
}

absl::StatusOr<Figures> PeerIdle(const Target& target, const PeerLoad& load,
                                 absl::Duration watch) {
  auto run = Run::Create(target, load);
  if (!run.ok()) return run.status();
  // Makes the stream that subscribers need, too.
  if (absl::Status s = (*run)->ConnectPublishers(); !s.ok()) return s;
  const std::int64_t before = ResidentBytesOf(target.pid);
  if (absl::Status s = (*run)->ConnectSubscribers(); !s.ok()) return s;
  if (absl::Status s = (*run)->StartSubscriptions(false); !s.ok()) return s;
  if (absl::Status s = (*run)->AwaitSubscribed(); !s.ok()) return s;
  return WatchIdle(target.pid, before, load.subscribers, watch);
}

}  // namespace gaceta::bench
