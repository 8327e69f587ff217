// What every noun of the `gaceta` command shares.
//
// A noun lives in one file and has one function, AddXxxCommands(app, context),
// which adds the noun, its verbs and their help to the command line. Parsing
// does nothing but set `context.run`; the program then calls it once.
#ifndef GACETA_CLIENT_CLI_COMMAND_H_
#define GACETA_CLIENT_CLI_COMMAND_H_

#include <functional>
#include <iostream>
#include <istream>
#include <memory>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/messages.h"
#include "cli/profile.h"
#include "gaceta/connection.h"
#include "grpcpp/channel.h"

namespace gaceta::cli {

// How results are written: lines for people, or one JSON object a line.
enum class OutputFormat { kText, kJson };

// Exit codes of the program.
inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitVerificationFailed = 3;

// What a verb needs from the program around it.
struct CliContext {
  // Results go to `out`, words to `err`.
  std::ostream& out;
  std::ostream& err;
  // Both are set when the command line has been parsed.
  OutputFormat output = OutputFormat::kText;
  ConnectionFlags connection;
  // Of what people read on `err` and in text results.
  Language language = Language::kEnglish;
  // What `-` and questions read.
  std::istream* in = &std::cin;
  // Makes the one channel of the run. Tests put a server in memory here.
  std::function<absl::StatusOr<std::shared_ptr<grpc::Channel>>(
      const client::ConnectionOptions&)>
      connect = client::Connect;
  // Set by the verb that was chosen. Returns the exit code; an error is printed
  // and becomes the exit code that fits it.
  std::function<absl::StatusOr<int>()> run;
};

// An error that the command line alone causes: the program ends with
// kExitUsage.
absl::Status UsageError(absl::string_view text);

// Returns the exit code for an error: kExitUsage for a UsageError(),
// kExitVerificationFailed for kDataLoss and where the log policy's quorum is
// missing for good, else kExitFailed.
int ExitCodeOf(const absl::Status& status);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_COMMAND_H_
