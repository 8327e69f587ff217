// Makes the completion script of bash out of the command line itself, so that
// it never falls behind.
#ifndef GACETA_CLIENT_CLI_COMPLETION_H_
#define GACETA_CLIENT_CLI_COMPLETION_H_

#include <string>

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Returns a script that completes nouns, verbs, options, and the values of
// options that have a fixed list; file names everywhere else.
std::string BashCompletion(const CLI::App& app);

// Adds `completion bash`.
void AddCompletionCommands(CLI::App& app, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_COMPLETION_H_
