// What verbs that talk to a server have in common.
#ifndef GACETA_CLIENT_CLI_SESSION_H_
#define GACETA_CLIENT_CLI_SESSION_H_

#include <functional>
#include <string>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/profile.h"
#include "gaceta/log_source.h"
#include "verify/spiffe_id.h"

namespace gaceta::cli {

// Adds a verb with its help: one sentence, and examples of a line each.
CLI::App* AddVerb(CLI::App& noun, const std::string& name,
                  const std::string& description, const std::string& examples);

// What a verb does with a profile that is complete.
using ProfileAction =
    std::function<absl::StatusOr<int>(const ResolvedProfile&)>;

// Makes `command` run `action` when it is chosen.
void RunWithProfile(CLI::App& command, CliContext& context,
                    ProfileAction action);

// Where the log is read from, over a channel of its own. Errors as of
// client::Connect().
absl::StatusOr<client::LogSource> ConnectToLog(const CliContext& context,
                                               const ResolvedProfile& profile);

// Until when a question to a server is asked again if it cannot be reached.
absl::Time QuestionDeadline();

// Who the PEM certificate at `path` says it is.
absl::StatusOr<SpiffeId> IdOfCertificate(const std::string& path);

// Reads a whole file; kNotFound names it.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_SESSION_H_
