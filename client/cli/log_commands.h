// The noun `log`.
#ifndef GACETA_CLIENT_CLI_LOG_COMMANDS_H_
#define GACETA_CLIENT_CLI_LOG_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Adds `log` with checkpoint, prove, policy, audit and export.
void AddLogCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_LOG_COMMANDS_H_
