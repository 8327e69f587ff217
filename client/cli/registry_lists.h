// The nouns `states`, `corridors` and `topics`: what the registry has,
// verified.
#ifndef GACETA_CLIENT_CLI_REGISTRY_LISTS_H_
#define GACETA_CLIENT_CLI_REGISTRY_LISTS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

void AddStatesCommands(CLI::App& app, CliContext& context);
void AddCorridorsCommands(CLI::App& app, CliContext& context);
void AddTopicsCommands(CLI::App& app, CliContext& context);
void AddErasuresCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_REGISTRY_LISTS_H_
