// The noun `registry`: how the secretariat changes who and what is in it.
#ifndef GACETA_CLIENT_CLI_REGISTRY_COMMANDS_H_
#define GACETA_CLIENT_CLI_REGISTRY_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

void AddRegistryCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_REGISTRY_COMMANDS_H_
