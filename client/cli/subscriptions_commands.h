// The noun `subscriptions`: what the server keeps under a name.
#ifndef GACETA_CLIENT_CLI_SUBSCRIPTIONS_COMMANDS_H_
#define GACETA_CLIENT_CLI_SUBSCRIPTIONS_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

void AddSubscriptionsCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_SUBSCRIPTIONS_COMMANDS_H_
