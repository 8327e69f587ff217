// `gaceta evidence`: what shows that a log or a publisher is not honest.
#ifndef GACETA_CLIENT_CLI_EVIDENCE_COMMANDS_H_
#define GACETA_CLIENT_CLI_EVIDENCE_COMMANDS_H_

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Adds the noun with its verbs.
void AddEvidenceCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_EVIDENCE_COMMANDS_H_
