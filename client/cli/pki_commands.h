// The noun `pki`: makes and reads the certificates of a federation.
#ifndef GACETA_CLIENT_CLI_PKI_COMMANDS_H_
#define GACETA_CLIENT_CLI_PKI_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

void AddPkiCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_PKI_COMMANDS_H_
