// gaceta_bench: the load of tests/bench/run, one command a scenario. Prints the
// figures of one run as a line of JSON.
#include <sys/resource.h>

#include <functional>
#include <iostream>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"
#include "tests/bench/scenarios.h"

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
    text += absl::StrFormat("%s\"%s\": %.6g", text.empty() ? "" : ", ", name,
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
  double seconds = 30;
  std::string log_key;
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
  CLI::App* fill = AddCommand(
      app, "fill-registry", "Publish the registry", chosen,
      [a](const Target& target) -> absl::StatusOr<Figures> {
        if (absl::Status s = FillRegistry(target, a->log_key); !s.ok()) {
          return s;
        }
        return Figures();
      });
  fill->add_option("--log-key", a->log_key, "The hub's log.key.pub")
      ->required();
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
        return FanOut(target, a->subscribers, a->updates, a->per_second);
      });
  fan_out->add_option("--updates", a->updates);
  fan_out->add_option("--per-second", a->per_second, "0: as fast as it goes");
  CLI::App* idle = AddCommand(
      app, "idle", "Watch idle subscribers", chosen, [a](const Target& target) {
        return Idle(target, a->subscribers, absl::Seconds(a->seconds));
      });
  idle->add_option("--seconds", a->seconds);
  CLI::App* stalled = AddCommand(
      app, "stalled", "Watch subscribers that do not read", chosen,
      [a](const Target& target) { return Stalled(target, a->subscribers); });
  AddCommand(app, "verify", "Read the whole log and verify it", chosen, Verify);
  for (CLI::App* command : {catch_up, fan_out, idle, stalled}) {
    command->add_option("--subscribers", a->subscribers);
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
