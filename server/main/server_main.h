// What the mains of hub and node have in common: flags, logs, signals.
#ifndef GACETA_SERVER_MAIN_SERVER_MAIN_H_
#define GACETA_SERVER_MAIN_SERVER_MAIN_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/config/common_config.pb.h"
#include "server/identity/access.h"

namespace gaceta {

// A server that runs.
class RunningServer {
 public:
  virtual ~RunningServer() = default;

  // Of its first log line: who it is, where it listens, where its data is, when
  // its certificates end.
  virtual std::string Describe() const = 0;
  virtual void Drain(absl::Time deadline) = 0;
};

// A configuration that was read and found good.
struct ServerToRun {
  config::LogLevel log_level = config::INFO;
  std::function<absl::StatusOr<std::unique_ptr<RunningServer>>()> start;
};

// What a server begins with.
struct Created {
  // For the log policy; `name+hash+key`.
  std::string public_key;
  // What was made and what comes next, for people.
  std::string message;
};

struct ServerProgram {
  // `gaceta-hub`.
  std::string name;
  std::string description;
  std::string default_config;
  ServerKind kind;
  std::function<absl::StatusOr<ServerToRun>(const std::string& config)> load;
  // Makes what a server begins with, and exits. `flag` is the option,
  // `--create-log`; `help` is its text; `key_field` is the configuration's
  // field of the key that `--reuse-key` is about.
  struct Creation {
    std::string flag;
    std::string help;
    std::string key_field;
    // Returns the public half of the key that was made.
    std::function<absl::StatusOr<Created>(const std::string& config,
                                          bool reuse_key)>
        run;
  };
  Creation create;
  // Of a program that can rebuild its data from folders: does so, and returns
  // what to print.
  std::function<absl::StatusOr<std::string>(
      const std::string& config, const std::vector<std::string>& folders)>
      rebuild;
};

// To be called first in main: it makes the files of this process private. Runs
// until SIGTERM or SIGINT, then drains. Returns the exit code: 0 done,
// 1 failed, 2 wrong usage.
int RunServerProgram(const ServerProgram& program, int argc, char** argv);

// Text of the first log line's parts that both servers have.
std::string DescribeServer(const std::string& identity,
                           const std::string& listen_address, int port,
                           const std::string& data_folder,
                           absl::Time certificates_end);

}  // namespace gaceta

#endif  // GACETA_SERVER_MAIN_SERVER_MAIN_H_
