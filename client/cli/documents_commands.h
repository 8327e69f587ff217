// The noun `documents`: texts by their SHA-256.
#ifndef GACETA_CLIENT_CLI_DOCUMENTS_COMMANDS_H_
#define GACETA_CLIENT_CLI_DOCUMENTS_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

void AddDocumentsCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_DOCUMENTS_COMMANDS_H_
