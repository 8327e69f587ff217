// `gaceta log forget`: drops what is known of one log.
#ifndef GACETA_CLIENT_CLI_LOG_FORGET_COMMAND_H_
#define GACETA_CLIENT_CLI_LOG_FORGET_COMMAND_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Adds the verb to the noun `log`.
void AddLogForgetCommand(CLI::App& log, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_LOG_FORGET_COMMAND_H_
