// The verb `updates publish`.
#ifndef GACETA_CLIENT_CLI_PUBLISH_COMMAND_H_
#define GACETA_CLIENT_CLI_PUBLISH_COMMAND_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Adds the verb to the noun `updates`.
void AddPublishCommand(CLI::App& updates, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_PUBLISH_COMMAND_H_
