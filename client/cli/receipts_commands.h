// The noun `receipts`.
#ifndef GACETA_CLIENT_CLI_RECEIPTS_COMMANDS_H_
#define GACETA_CLIENT_CLI_RECEIPTS_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Adds `receipts` with verify.
void AddReceiptsCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_RECEIPTS_COMMANDS_H_
