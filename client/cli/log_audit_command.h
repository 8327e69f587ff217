// The verb `log audit`.
#ifndef GACETA_CLIENT_CLI_LOG_AUDIT_COMMAND_H_
#define GACETA_CLIENT_CLI_LOG_AUDIT_COMMAND_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Adds the verb to the noun `log`.
void AddLogAuditCommand(CLI::App& log, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_LOG_AUDIT_COMMAND_H_
