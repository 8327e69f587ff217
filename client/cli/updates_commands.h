// The noun `updates`: list and show here; publish and follow in files of their
// own.
#ifndef GACETA_CLIENT_CLI_UPDATES_COMMANDS_H_
#define GACETA_CLIENT_CLI_UPDATES_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

void AddUpdatesCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_UPDATES_COMMANDS_H_
