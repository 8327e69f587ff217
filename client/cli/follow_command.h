// The verb `updates follow`.
#ifndef GACETA_CLIENT_CLI_FOLLOW_COMMAND_H_
#define GACETA_CLIENT_CLI_FOLLOW_COMMAND_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Adds the verb to the noun `updates`.
void AddFollowCommand(CLI::App& updates, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_FOLLOW_COMMAND_H_
