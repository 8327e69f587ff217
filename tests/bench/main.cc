// gaceta_bench: the load of tests/bench/run, one command a scenario. Prints the
// figures of one run as a line of JSON.
#include <sys/resource.h>

#include <functional>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"
#include "tests/bench/fill.h"
#include "tests/bench/mix.h"
#include "tests/bench/peer_scenarios.h"
#include "tests/bench/proofs.h"
#include "tests/bench/quorum.h"
#include "tests/bench/reads.h"
#include "tests/bench/scenarios.h"
#include "tests/bench/storm.h"

namespace gaceta::bench {
namespace {

// Each subscriber is a connection.
void RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void Print(const Figures& figures) {
  std::string text;
  for (const auto& [name, value] : figures) {
    text += absl::StrFormat("%s\"%s\": %.15g", text.empty() ? "" : ", ", name,
                            value);
  }
  std::cout << "{" << text << "}\n";
}

// What the command line says.
struct Arguments {
  std::string folder;
  std::string server;
  int pid = 0;
  int nodes = 1;
  int in_flight = 256;
  int updates = 1000;
  int subscribers = 1;
  double per_second = 0;
  int filters = 0;
  MixOptions mix;
  PeerLoad peer;
  double seconds = 30;
  PolicyOptions policy;
  std::string data;
  std::int64_t entries = 0;
  int samples = 1000;
};

using Run = std::function<absl::StatusOr<Figures>(const Target&)>;

// Adds a command; `run` is set if it is the one given.
CLI::App* AddCommand(CLI::App* app, const std::string& name,
                     const std::string& description, Run* chosen, Run run) {
  CLI::App* command = app->add_subcommand(name, description);
  command->callback([chosen, run = std::move(run)] { *chosen = run; });
  return command;
}

void AddCommands(CLI::App* app, Arguments* a, Run* chosen) {
  AddCommand(app, "make-federation", "Make the certificates", chosen,
             [](const Target& target) -> absl::StatusOr<Figures> {
               if (absl::Status s = target.federation->Make(); !s.ok())
                 return s;
               return Figures();
             });
  CLI::App* registry = AddCommand(
      app, "fill-registry", "Publish the registry", chosen,
      [a](const Target& target) -> absl::StatusOr<Figures> {
        if (absl::Status s = FillRegistry(target, a->policy); !s.ok()) {
          return s;
        }
        return Figures();
      });
  registry
      ->add_option("--log-key", a->policy.log_key_file, "The hub's log.key.pub")
      ->required();
  registry->add_option("--witnesses", a->policy.witnesses,
                       "So many states' nodes are witnesses");
  registry->add_option("--quorum", a->policy.quorum,
                       "Witnesses that must cosign");
  CLI::App* fill = AddCommand(
      app, "fill", "Append to the log in a folder, without a server", chosen,
      [a](const Target& target) -> absl::StatusOr<Figures> {
        if (absl::Status s = FillLog(*target.federation, a->data, a->entries);
            !s.ok()) {
          return s;
        }
        return Figures();
      });
  fill->add_option("--entries", a->entries, "That the log has then");
  CLI::App* proofs =
      AddCommand(app, "proofs", "Make proofs from the tiles of a tree", chosen,
                 [a](const Target& /*target*/) {
                   return MeasureProofs(a->data, a->entries, a->samples);
                 });
  proofs->add_option("--leaves", a->entries, "Of the tree");
  proofs->add_option("--samples", a->samples, "Proofs of each kind");
  for (CLI::App* command : {fill, proofs}) {
    command->add_option("--data", a->data, "A folder to write to")->required();
  }
  CLI::App* quorum =
      AddCommand(app, "quorum", "Publish, and watch witnesses cosign", chosen,
                 [a](const Target& target) {
                   return Quorum(target, a->updates, a->per_second);
                 });
  CLI::App* publish =
      AddCommand(app, "publish", "Publish as some nodes", chosen,
                 [a](const Target& target) {
                   return Publish(target, a->nodes, a->in_flight, a->updates);
                 });
  publish->add_option("--nodes", a->nodes)->check(CLI::Range(1, 35));
  publish->add_option("--in-flight", a->in_flight);
  publish->add_option("--updates", a->updates, "Of all nodes together");
  CLI::App* catch_up = AddCommand(
      app, "catch-up", "Read the whole log", chosen,
      [a](const Target& target) { return CatchUp(target, a->subscribers); });
  CLI::App* fan_out = AddCommand(
      app, "fan-out", "Publish as one node to live subscribers", chosen,
      [a](const Target& target) {
        return FanOut(target,
                      {a->subscribers, a->updates, a->per_second, a->filters});
      });
  for (CLI::App* command : {fan_out, quorum}) {
    command->add_option("--updates", a->updates);
    command->add_option("--per-second", a->per_second, "0: as fast as it goes");
  }
  fan_out->add_option("--filters", a->filters, "0: everything passes");
  CLI::App* mix = AddCommand(
      app, "mix", "Live subscribers, a replay, slow readers and an import",
      chosen, [a](const Target& target) { return Mix(target, a->mix); });
  mix->add_option("--updates", a->mix.updates);
  mix->add_option("--subscribers", a->mix.live_subscribers);
  mix->add_option("--imported", a->mix.imported);
  CLI::App* slow = AddCommand(
      app, "read-slowly", "Read the whole log until standard input ends",
      chosen,
      [a](const Target& target) { return ReadSlowly(target, a->subscribers); });
  CLI::App* storm = AddCommand(
      app, "storm", "Connect again when the hub is started again", chosen,
      [a](const Target& target) { return Storm(target, a->subscribers); });
  CLI::App* reads = AddCommand(
      app, "reads", "Read entries and lists", chosen,
      [a](const Target& target) { return Reads(target, a->samples); });
  reads->add_option("--count", a->samples);
  CLI::App* idle = AddCommand(
      app, "idle", "Watch idle subscribers", chosen, [a](const Target& target) {
        return Idle(target, a->subscribers, absl::Seconds(a->seconds));
      });
  idle->add_option("--seconds", a->seconds);
  CLI::App* stalled = AddCommand(
      app, "stalled", "Watch subscribers that do not read", chosen,
      [a](const Target& target) { return Stalled(target, a->subscribers); });
  AddCommand(app, "log-size", "Open a stream, and say what the log has", chosen,
             [](const Target& target) -> absl::StatusOr<Figures> {
               auto size = LogSize(target);
               if (!size.ok()) return size.status();
               return Figures{{"entries", static_cast<double>(*size)}};
             });
  AddCommand(app, "verify", "Read the whole log and verify it", chosen, Verify);
  for (CLI::App* command : {catch_up, fan_out, slow, storm, idle, stalled}) {
    command->add_option("--subscribers", a->subscribers);
  }
}

// The same loads against other programs.
void AddPeerCommands(CLI::App* app, Arguments* a, Run* chosen) {
  CLI::App* publish = AddCommand(
      app, "peer-publish", "Publish to another program", chosen,
      [a](const Target& target) { return PeerPublish(target, a->peer); });
  CLI::App* fan_out = AddCommand(
      app, "peer-fan-out", "Publish to its subscribers", chosen,
      [a](const Target& target) { return PeerFanOut(target, a->peer); });
  CLI::App* catch_up = AddCommand(
      app, "peer-catch-up", "Read all that it keeps", chosen,
      [a](const Target& target) { return PeerCatchUp(target, a->peer); });
  CLI::App* idle =
      AddCommand(app, "peer-idle", "Watch its idle subscribers", chosen,
                 [a](const Target& target) {
                   return PeerIdle(target, a->peer, absl::Seconds(a->seconds));
                 });
  publish->add_option("--nodes", a->peer.nodes);
  publish->add_option("--in-flight", a->peer.in_flight);
  fan_out->add_option("--per-second", a->peer.per_second);
  idle->add_option("--seconds", a->seconds);
  for (CLI::App* command : {publish, fan_out, catch_up}) {
    command->add_option("--updates", a->peer.updates);
  }
  for (CLI::App* command : {fan_out, catch_up, idle}) {
    command->add_option("--subscribers", a->peer.subscribers);
  }
  for (CLI::App* command : {publish, fan_out, catch_up, idle}) {
    command->add_option("--kind", a->peer.kind, "nats, mqtt or etcd")
        ->required();
  }
}

int Main(int argc, char** argv) {
  CLI::App app("The load of Gaceta's benchmarks; tests/bench/run runs it.");
  Arguments arguments;
  Run run;
  app.add_option("--federation", arguments.folder, "Folder of certificates")
      ->required();
  app.add_option("--server", arguments.server, "host:port of the hub");
  app.add_option("--server-pid", arguments.pid, "The hub's process");
  app.require_subcommand(1);
  AddCommands(&app, &arguments, &run);
  AddPeerCommands(&app, &arguments, &run);
  CLI11_PARSE(app, argc, argv);

  RaiseFileLimit();
  const BenchFederation federation(arguments.folder);
  auto figures = run({&federation, arguments.server, arguments.pid});
  if (!figures.ok()) {
    std::cerr << "gaceta_bench: " << figures.status() << "\n";
    return 1;
  }
  Print(*figures);
  return 0;
}

}  // namespace
}  // namespace gaceta::bench

int main(int argc, char** argv) { return gaceta::bench::Main(argc, argv); }
