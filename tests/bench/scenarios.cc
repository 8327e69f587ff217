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
#include "gaceta/subscriber.h"
#include "tests/bench/publish_load.h"
#include "tests/bench/server_meter.h"
#include "tests/bench/statements.h"
#include "tests/bench/subscriber_load.h"

namespace gaceta::bench {
namespace {

// Lets one class of updates pass. Filters of the same class differ in an
// instrument that nobody publishes.
v1::Filter FilterOf(const std::string& state, int number) {
  v1::Filter filter;
  v1::InstrumentFilter* of_class = filter.add_instruments();
  of_class->set_uri(ClassPrefix(state, number % kClasses));
  of_class->set_prefix(true);
  filter.add_instruments()->set_uri(
      absl::StrCat("urn:lex:hn:estado:decreto:2004-03-03;", number + 1));
  return filter;
}

}  // namespace

absl::Status FillRegistry(const Target& target, const PolicyOptions& policy) {
  auto changes = target.federation->Registry(policy);
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

absl::StatusOr<Figures> FanOut(const Target& target,
                               const FanOutOptions& fan_out) {
  const std::string& state = States().at(0);
  const int updates = fan_out.updates;
  auto node = PrepareNode(target, state, updates);
  if (!node.ok()) return node.status();

  SentTimes sent(updates);
  SubscriberLoad::Options options;
  options.subscribers = fan_out.subscribers;
  options.open = FromNow();
  if (fan_out.filters > 0) {
    options.filter_of = [&](int number) {
      return FilterOf(state, number % fan_out.filters);
    };
  }
  // Of a stream with a filter, which update it is cannot be told.
  const bool timed = fan_out.filters == 0;
  if (timed) options.on_entry = [&sent](std::size_t nth) { sent.Came(nth); };
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  (*load)->Start();
  if (absl::Status s = (*load)->WaitOpened(Deadline()); !s.ok()) return s;
  (*load)->set_target((*load)->log_size() + updates);
  AwaitQuiet(target.pid);

  Stretch stretch(target.pid);
  PublishLoadOptions publish;
  publish.per_second = fan_out.per_second;
  publish.on_begin = [&stretch] { stretch.Begin(); };
  publish.on_send = [&sent](std::size_t index) { sent.Sent(index); };
  std::vector<PublisherWork> work;
  work.push_back(*std::move(node));
  auto outcome = RunPublishLoad(std::move(work), publish);
  if (!outcome.ok()) return outcome.status();
  if (absl::Status s = (*load)->WaitReached(Deadline()); !s.ok()) return s;
  stretch.End();
  const auto deliveries = static_cast<double>((*load)->entries());
  load->reset();
  const double passing = fan_out.filters == 0 ? 1 : 1.0 / kClasses;
  if (deliveries != updates * passing * fan_out.subscribers) {
    return absl::DataLossError(
        absl::StrCat(deliveries, " deliveries, expected ",
                     updates * passing * fan_out.subscribers));
  }

  Figures figures;
  figures["deliveries_per_s"] = stretch.PerSecond(deliveries);
  figures["server_us_per_delivery"] = stretch.ServerMicrosPer(deliveries);
  figures["server_us_per_publish"] = stretch.ServerMicrosPer(updates);
  if (timed) AddLatencies(sent.TakeLatencies(), &figures);
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
  return WatchIdle(target.pid, before, subscribers, watch);
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
