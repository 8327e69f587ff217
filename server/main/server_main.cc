#include "server/main/server_main.h"

#include <signal.h>

#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/file_rights.h"
#include "grpc/support/log.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"

namespace gaceta {
namespace {

// Less than the 10 s after which service managers lose patience.
constexpr absl::Duration kDrainTime = absl::Seconds(8);

// gRPC's own words, above all about handshakes that fail, as lines of our log.
// They may hold bytes that a stranger sent.
void LogForGrpc(gpr_log_func_args* args) {
  const std::string text = absl::Utf8SafeCEscape(args->message);
  // Said of every client that names the server by its address. Who it is shows
  // its SPIFFE ID.
  const bool usual = absl::StartsWith(text, "No match found for server name");
  if (args->severity == GPR_LOG_SEVERITY_ERROR && !usual) {
    spdlog::warn("grpc text=\"{}\"", text);
  } else {
    spdlog::debug("grpc text=\"{}\"", text);
  }
}

void SetUpLog(config::LogLevel level) {
  spdlog::set_default_logger(spdlog::stderr_logger_mt("gaceta"));
  // key=value, so that people and programs read the same lines. Times in UTC.
  spdlog::set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v",
                      spdlog::pattern_time_type::utc);
  spdlog::flush_on(spdlog::level::info);
  gpr_set_log_function(LogForGrpc);
  switch (level) {
    case config::DEBUG:
      spdlog::set_level(spdlog::level::debug);
      break;
    case config::INFO:
      spdlog::set_level(spdlog::level::info);
      break;
    case config::WARN:
      spdlog::set_level(spdlog::level::warn);
      break;
    case config::ERROR:
      spdlog::set_level(spdlog::level::err);
      break;
  }
}

int Fail(const std::string& name, const absl::Status& status) {
  std::cerr << name << ": " << status.message() << "\n";
  return 1;
}

int Run(const ServerToRun& server, const std::string& name,
        const sigset_t& signals) {
  SetUpLog(server.log_level);
  auto running = server.start();
  if (!running.ok()) {
    spdlog::error("cannot start program={} error=\"{}\"", name,
                  std::string(running.status().message()));
    return 1;
  }
  spdlog::info("started program={} {}", name, (*running)->Describe());
  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("draining signal={}", signal);
  (*running)->Drain(absl::Now() + kDrainTime);
  running->reset();
  spdlog::info("stopped program={}", name);
  return 0;
}

}  // namespace

std::string DescribeServer(const std::string& identity,
                           const std::string& listen_address, int port,
                           const std::string& data_folder,
                           absl::Time certificates_end) {
  const std::string host = listen_address.substr(0, listen_address.rfind(':'));
  return absl::StrCat(
      "identity=", identity, " listen=", host, ":", port, " data=", data_folder,
      " certificates_end=",
      absl::FormatTime("%Y-%m-%d", certificates_end, absl::UTCTimeZone()));
}

int RunServerProgram(const ServerProgram& program, int argc, char** argv) {
  MakeFilesPrivate();
  std::string config = program.default_config;
  bool check = false;
  bool print_access = false;
  CLI::App app(program.description, program.name);
  app.add_option("--config", config, "Configuration, protobuf text format")
      ->capture_default_str();
  app.add_flag("--check-config", check,
               "Check the configuration and the files that it names, and exit");
  app.add_flag("--print-access", print_access,
               "Print which roles may call which rpc, and exit");
  bool create = false;
  bool reuse_key = false;
  CLI::Option* const create_option =
      app.add_flag(program.create.flag, create, program.create.help);
  app.add_flag("--reuse-key", reuse_key,
               absl::StrCat("With ", program.create.flag,
                            ": use the key that is "
                            "in ",
                            program.create.key_field,
                            " already, which must not have signed anything"))
      ->needs(create_option);
  create_option->excludes("--check-config", "--print-access");
  std::vector<std::string> rebuild_from;
  if (program.rebuild) {
    app.add_option("--rebuild-from", rebuild_from,
                   "Rebuild the data folder, which has no log, from the data "
                   "folders of stopped nodes or copies of them, and exit. The "
                   "log's key must be there")
        ->type_name("DIR")
        ->excludes(create_option);
  }
  app.set_version_flag("--version", GACETA_VERSION);
  app.footer(absl::StrCat("Example:\n  ", program.name, " --config ",
                          program.default_config,
                          "\nA start never makes data: ", program.create.flag,
                          " does.\nSIGTERM ends it in good order."));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (print_access) {
    std::cout << PrintAccessTable(program.kind);
    return 0;
  }
  if (create) {
    SetUpLog(config::INFO);
    auto created = program.create.run(config, reuse_key);
    if (!created.ok()) return Fail(program.name, created.status());
    std::cerr << program.name << ": " << created->message << "\n";
    std::cout << created->public_key << "\n";
    return 0;
  }
  if (!rebuild_from.empty()) {
    SetUpLog(config::INFO);
    auto rebuilt = program.rebuild(config, rebuild_from);
    if (!rebuilt.ok()) return Fail(program.name, rebuilt.status());
    std::cout << *rebuilt << "\n";
    return 0;
  }
  auto server = program.load(config);
  if (!server.ok()) return Fail(program.name, server.status());
  if (check) {
    std::cout << config << ": good\n";
    return 0;
  }

#ifdef NDEBUG
  // Debian's Abseil looks for cycles at every lock, under one lock for all, and
  // gRPC locks often: a flooded fan-out took 6 to 16 % more CPU with it, a
  // publish 4 %. Builds for development keep it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif

  // Every thread inherits the mask, so that only sigwait() takes them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return Run(*server, program.name, signals);
}

}  // namespace gaceta
