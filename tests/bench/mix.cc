#include "tests/bench/mix.h"

#include <atomic>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/publish_load.h"

namespace gaceta::bench {
namespace {

constexpr double kPerSecond = 200;
constexpr absl::Duration kSlow = absl::Seconds(1);

absl::Status ReplayOnce(const Target& target, std::int64_t size) {
  SubscriberLoad::Options options;
  options.open = FromStart();
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  (*load)->set_target(size);
  (*load)->Start();
  return (*load)->WaitReached(Deadline());
}

// How often the whole log was read until `*stop`.
absl::StatusOr<int> Replay(const Target& target, std::int64_t size,
                           const std::atomic<bool>* stop) {
  int times = 0;
  for (; !stop->load(); ++times) {
    if (absl::Status s = ReplayOnce(target, size); !s.ok()) return s;
  }
  return times;
}

absl::StatusOr<PublishOutcome> PublishAs(PublisherWork node,
                                         PublishLoadOptions options) {
  std::vector<PublisherWork> work;
  work.push_back(std::move(node));
  return RunPublishLoad(std::move(work), std::move(options));
}

}  // namespace

absl::StatusOr<Figures> Mix(const Target& target, const MixOptions& mix) {
  const std::string& state = States().at(0);
  auto node = PrepareNode(target, state, mix.updates);
  if (!node.ok()) return node.status();
  auto importer = PrepareNode(target, States().at(1), mix.imported);
  if (!importer.ok()) return importer.status();
  auto size = LogSize(target);
  if (!size.ok()) return size.status();

  SentTimes sent(static_cast<std::size_t>(mix.updates));
  SubscriberLoad::Options options;
  options.subscribers = mix.live_subscribers;
  options.open = FromNow();
  options.open.mutable_filter()->add_states(state);
  options.on_entry = [&sent](std::size_t nth) { sent.Came(nth); };
  auto live = PrepareSubscribers(target, std::move(options));
  if (!live.ok()) return live.status();
  (*live)->set_target_entries(std::int64_t{mix.updates} * mix.live_subscribers);
  (*live)->Start();
  if (absl::Status s = (*live)->WaitOpened(Deadline()); !s.ok()) return s;

  Stretch stretch(target.pid);
  std::atomic<bool> stop{false};
  auto replay = std::async(std::launch::async,
                           [&] { return Replay(target, *size, &stop); });
  auto import = std::async(std::launch::async,
                           [&] { return PublishAs(*std::move(importer), {}); });
  PublishLoadOptions publish;
  publish.per_second = kPerSecond;
  publish.on_send = [&sent](std::size_t index) { sent.Sent(index); };
  auto published = PublishAs(*std::move(node), publish);
  absl::Status came = (*live)->WaitEntries(Deadline());
  stop.store(true);
  auto replays = replay.get();
  auto imported = import.get();
  stretch.End();
  for (const absl::Status& status :
       {published.status(), came, replays.status(), imported.status()}) {
    if (!status.ok()) return status;
  }
  live->reset();

  Figures figures;
  AddLatencies(sent.TakeLatencies(), &figures);
  figures["replayed_entries_per_s"] =
      stretch.PerSecond(static_cast<double>(*size) * *replays);
  figures["imported_per_s"] =
      mix.imported / absl::ToDoubleSeconds(imported->elapsed);
  figures["import_seconds"] = absl::ToDoubleSeconds(imported->elapsed);
  stretch.AddCores(&figures);
  return figures;
}

absl::StatusOr<Figures> ReadSlowly(const Target& target, int subscribers) {
  SubscriberLoad::Options options;
  options.subscribers = subscribers;
  options.open = FromStart();
  options.pause = kSlow;
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  Stretch stretch(target.pid);
  (*load)->Start();
  if (absl::Status s = (*load)->WaitOpened(Deadline()); !s.ok()) return s;
  std::cout << "live" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
  }
  stretch.End();
  Figures figures;
  figures["slow_entries_per_s"] =
      stretch.PerSecond(static_cast<double>((*load)->entries()));
  return figures;
}

}  // namespace gaceta::bench
