#include "tests/bench/scenarios.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/grpc_status.h"
#include "gaceta/subscriber.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "tests/bench/publish_load.h"
#include "tests/bench/server_meter.h"
#include "tests/bench/statements.h"
#include "tests/bench/subscriber_load.h"

namespace gaceta::bench {
namespace {

// Longer than any run takes: it ends what hangs.
constexpr absl::Duration kPatience = absl::Minutes(10);
constexpr char kSubscriberOf[] = "hn";
constexpr char kSubscriberPath[] = "subscriber/bench";

absl::Time Deadline() { return absl::Now() + kPatience; }

// Takes CPU time and wall time of one stretch.
class Stretch {
 public:
  explicit Stretch(pid_t server) : server_(server) { Begin(); }

  void Begin() {
    begin_ = absl::Now();
    server_cpu_ = CpuOf(server_);
    own_cpu_ = OwnCpu();
  }
  void End() {
    server_cpu_ = CpuOf(server_) - server_cpu_;
    own_cpu_ = OwnCpu() - own_cpu_;
    wall_ = absl::Now() - begin_;
  }

  absl::Duration wall() const { return wall_; }
  absl::Duration server_cpu() const { return server_cpu_; }
  absl::Duration own_cpu() const { return own_cpu_; }
  double ServerMicrosPer(double units) const {
    return absl::ToDoubleMicroseconds(server_cpu_) / units;
  }
  double PerSecond(double units) const {
    return units / absl::ToDoubleSeconds(wall_);
  }
  // Processors in use: tells who was the bottleneck.
  void AddCores(Figures* figures) const {
    (*figures)["server_cores"] = absl::FDivDuration(server_cpu_, wall_);
    (*figures)["load_cores"] = absl::FDivDuration(own_cpu_, wall_);
  }

 private:
  const pid_t server_;
  absl::Time begin_;
  absl::Duration server_cpu_;
  absl::Duration own_cpu_;
  absl::Duration wall_;
};

// The least value that at least `percent` of all are not above, in ms.
double Percentile(std::vector<absl::Duration>* values, int percent) {
  if (values->empty()) return 0;
  const std::size_t rank = (values->size() * percent + 99) / 100;
  const auto at = values->begin() + std::max<std::size_t>(rank, 1) - 1;
  std::nth_element(values->begin(), at, values->end());
  return absl::ToDoubleMilliseconds(*at);
}

void AddLatencies(std::vector<absl::Duration> values, Figures* figures) {
  (*figures)["p50_ms"] = Percentile(&values, 50);
  (*figures)["p99_ms"] = Percentile(&values, 99);
}

absl::StatusOr<ChainHead> HeadOf(const std::shared_ptr<grpc::Channel>& channel,
                                 const std::string& publisher) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(Deadline()));
  v1::GetChainHeadRequest request;
  request.set_publisher(publisher);
  v1::GetChainHeadResponse response;
  const grpc::Status status =
      v1::PublishingService::NewStub(channel)->GetChainHead(&context, request,
                                                            &response);
  if (!status.ok()) return FromGrpc(status);
  return ChainHead{response.sequence(), response.header_digest()};
}

// A node's connection, and `count` statements that continue its chain.
absl::StatusOr<PublisherWork> PrepareNode(const Target& target,
                                          const std::string& state, int count) {
  auto credentials = target.federation->CredentialsOf(MemberOf(state), "node");
  if (!credentials.ok()) return credentials.status();
  auto key = target.federation->SignerOf(state);
  if (!key.ok()) return key.status();
  PublisherWork work;
  work.channel = NewChannel(target.server, *credentials);
  auto head = HeadOf(work.channel, state);
  if (!head.ok()) return head.status();
  auto requests = SignRequests(state, *key, *head, count);
  if (!requests.ok()) return requests.status();
  work.requests = *std::move(requests);
  return work;
}

absl::StatusOr<std::unique_ptr<SubscriberLoad>> PrepareSubscribers(
    const Target& target, SubscriberLoad::Options options) {
  auto credentials =
      target.federation->CredentialsOf(kSubscriberOf, kSubscriberPath);
  if (!credentials.ok()) return credentials.status();
  options.server = target.server;
  options.credentials = *std::move(credentials);
  auto load = std::make_unique<SubscriberLoad>(std::move(options));
  if (absl::Status s = load->Connect(Deadline()); !s.ok()) return s;
  return load;
}

v1::Open FromStart() {
  v1::Open open;
  open.set_start_position(0);
  return open;
}

v1::Open FromNow() {
  v1::Open open;
  open.mutable_start_now();
  return open;
}

absl::StatusOr<std::int64_t> LogSize(const Target& target) {
  SubscriberLoad::Options options;
  options.open = FromNow();
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  (*load)->Start();
  if (absl::Status s = (*load)->WaitOpened(Deadline()); !s.ok()) return s;
  return (*load)->log_size();
}

// Until the server uses next to no CPU, so that work left over from before is
// not taken for what comes.
void AwaitQuiet(pid_t pid) {
  constexpr absl::Duration kLook = absl::Milliseconds(200);
  for (const absl::Time end = absl::Now() + absl::Seconds(20);
       absl::Now() < end;) {
    const absl::Duration before = CpuOf(pid);
    absl::SleepFor(kLook);
    if (CpuOf(pid) - before < kLook / 50) return;
  }
}

}  // namespace

absl::Status FillRegistry(const Target& target,
                          const std::string& log_key_file) {
  auto changes = target.federation->Registry(log_key_file);
  if (!changes.ok()) return changes.status();
  auto credentials =
      target.federation->CredentialsOf("secretariat", "admin/bench");
  if (!credentials.ok()) return credentials.status();
  auto key = target.federation->SignerOf(kSecretariat);
  if (!key.ok()) return key.status();
  const StatementSigner signer(std::string(kLogOrigin),
                               std::string(kSecretariat), *std::move(key));
  PublisherWork work;
  work.channel = NewChannel(target.server, *credentials);
  ChainHead head;
  for (const v1::RegistryChange& change : *changes) {
    auto request = SignRequest(signer, kRegistryChangePayloadType,
                               change.SerializeAsString(), &head);
    if (!request.ok()) return request.status();
    work.requests.push_back(*std::move(request));
  }
  std::vector<PublisherWork> all;
  all.push_back(std::move(work));
  return RunPublishLoad(std::move(all), {}).status();
}

absl::StatusOr<Figures> Publish(const Target& target, int nodes, int in_flight,
                                int updates) {
  std::vector<PublisherWork> work;
  for (int i = 0; i < nodes; ++i) {
    auto one =
        PrepareNode(target, States().at(i), std::max(1, updates / nodes));
    if (!one.ok()) return one.status();
    work.push_back(*std::move(one));
  }
  const double total = std::max(1, updates / nodes) * nodes;
  Stretch stretch(target.pid);
  PublishLoadOptions options;
  options.in_flight = in_flight;
  options.on_begin = [&stretch] { stretch.Begin(); };
  auto outcome = RunPublishLoad(std::move(work), options);
  if (!outcome.ok()) return outcome.status();
  stretch.End();

  Figures figures;
  figures["acked_per_s"] = total / absl::ToDoubleSeconds(outcome->elapsed);
  figures["server_us_per_publish"] = stretch.ServerMicrosPer(total);
  AddLatencies(std::move(outcome->latencies), &figures);
  stretch.AddCores(&figures);
  return figures;
}

absl::StatusOr<Figures> CatchUp(const Target& target, int subscribers) {
  auto size = LogSize(target);
  if (!size.ok()) return size.status();
  SubscriberLoad::Options options;
  options.subscribers = subscribers;
  options.open = FromStart();
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  (*load)->set_target(*size);

  Stretch stretch(target.pid);
  (*load)->Start();
  if (absl::Status s = (*load)->WaitReached(Deadline()); !s.ok()) return s;
  stretch.End();
  const auto entries = static_cast<double>((*load)->entries());
  if (entries != static_cast<double>(*size) * subscribers) {
    return absl::DataLossError(
        absl::StrCat(entries, " entries came, expected ", *size * subscribers));
  }

  Figures figures;
  figures["entries_per_s"] = stretch.PerSecond(entries);
  figures["server_us_per_entry"] = stretch.ServerMicrosPer(entries);
  stretch.AddCores(&figures);
  return figures;
}

absl::StatusOr<Figures> FanOut(const Target& target, int subscribers,
                               int updates, double per_second) {
  auto node = PrepareNode(target, States().at(0), updates);
  if (!node.ok()) return node.status();

  // When each update was sent. Written before it is on the wire, read after it
  // has come back.
  std::vector<std::atomic<std::int64_t>> sent(updates);
  std::atomic<std::int64_t> base{0};
  std::vector<absl::Duration> latencies;
  latencies.reserve(static_cast<std::size_t>(updates) * subscribers);
  SubscriberLoad::Options options;
  options.subscribers = subscribers;
  options.open = FromNow();
  options.on_entry = [&](std::int64_t position) {
    const std::int64_t index = position - base.load();
    if (index < 0 || index >= updates) return;
    latencies.push_back(
        absl::Nanoseconds(absl::GetCurrentTimeNanos() - sent[index].load()));
  };
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  (*load)->Start();
  if (absl::Status s = (*load)->WaitOpened(Deadline()); !s.ok()) return s;
  base.store((*load)->log_size());
  (*load)->set_target((*load)->log_size() + updates);
  AwaitQuiet(target.pid);

  Stretch stretch(target.pid);
  PublishLoadOptions publish;
  publish.per_second = per_second;
  publish.on_begin = [&stretch] { stretch.Begin(); };
  publish.on_send = [&sent](std::size_t index) {
    sent[index].store(absl::GetCurrentTimeNanos());
  };
  std::vector<PublisherWork> work;
  work.push_back(*std::move(node));
  auto outcome = RunPublishLoad(std::move(work), publish);
  if (!outcome.ok()) return outcome.status();
  if (absl::Status s = (*load)->WaitReached(Deadline()); !s.ok()) return s;
  stretch.End();
  const double deliveries = static_cast<double>(updates) * subscribers;
  load->reset();
  if (static_cast<double>(latencies.size()) != deliveries) {
    return absl::DataLossError(
        absl::StrCat(latencies.size(), " deliveries, expected ", deliveries));
  }

  Figures figures;
  figures["deliveries_per_s"] = stretch.PerSecond(deliveries);
  figures["server_us_per_delivery"] = stretch.ServerMicrosPer(deliveries);
  AddLatencies(std::move(latencies), &figures);
  stretch.AddCores(&figures);
  return figures;
}

absl::StatusOr<Figures> Idle(const Target& target, int subscribers,
                             absl::Duration watch) {
  // What the first connection brings along is not the others'.
  if (auto size = LogSize(target); !size.ok()) return size.status();
  const std::int64_t before = ResidentBytesOf(target.pid);
  SubscriberLoad::Options options;
  options.subscribers = subscribers;
  options.open = FromNow();
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  (*load)->Start();
  if (absl::Status s = (*load)->WaitOpened(Deadline()); !s.ok()) return s;
  AwaitQuiet(target.pid);
  const std::int64_t after = ResidentBytesOf(target.pid);

  Stretch stretch(target.pid);
  absl::SleepFor(watch);
  stretch.End();
  Figures figures;
  figures["rss_kib_per_subscriber"] =
      static_cast<double>(after - before) / 1024 / subscribers;
  figures["server_cpu_ms_per_s"] =
      1000 * absl::FDivDuration(stretch.server_cpu(), stretch.wall());
  return figures;
}

absl::StatusOr<Figures> Stalled(const Target& target, int subscribers) {
  // One that reads everything first fills the server's cache.
  if (auto warm = CatchUp(target, 1); !warm.ok()) return warm.status();
  AwaitQuiet(target.pid);
  const std::int64_t before = ResidentBytesOf(target.pid);
  SubscriberLoad::Options options;
  options.subscribers = subscribers;
  options.open = FromStart();
  options.read = false;
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  (*load)->Start();
  if (absl::Status s = (*load)->WaitOpened(Deadline()); !s.ok()) return s;
  AwaitQuiet(target.pid);
  const std::int64_t after = ResidentBytesOf(target.pid);
  Figures figures;
  figures["rss_kib_per_subscriber"] =
      static_cast<double>(after - before) / 1024 / subscribers;
  return figures;
}

absl::StatusOr<Figures> Verify(const Target& target) {
  auto size = LogSize(target);
  if (!size.ok()) return size.status();
  const auto files = target.federation->FilesOf(kSubscriberOf, kSubscriberPath);
  client::SubscriberOptions options;
  options.source.connection.server = target.server;
  options.source.connection.server_id =
      absl::StrCat("spiffe://secretariat.", kFederation, "/hub");
  options.source.connection.certificate_file = files.certificate_file;
  options.source.connection.key_file = files.key_file;
  options.source.connection.root_file = target.federation->root_file();
  options.source.federation = std::string(kFederation);
  options.start = client::Start::Beginning();
  auto subscriber = client::Subscriber::Create(std::move(options));
  if (!subscriber.ok()) return subscriber.status();

  Stretch stretch(target.pid);
  std::int64_t entries = 0;
  for (std::int64_t next = 0; next < *size;) {
    auto delivery = (*subscriber)->Next(Deadline());
    if (!delivery.ok()) return delivery.status();
    entries += static_cast<std::int64_t>(delivery->entries.size());
    next = delivery->next_position;
  }
  stretch.End();
  const auto count = static_cast<double>(entries);
  Figures figures;
  figures["entries_per_s"] = stretch.PerSecond(count);
  figures["client_us_per_entry"] =
      absl::ToDoubleMicroseconds(stretch.own_cpu()) / count;
  stretch.AddCores(&figures);
  return figures;
}

}  // namespace gaceta::bench
