// The `gaceta` command as a whole: its tree of nouns and verbs, and one run.
#ifndef GACETA_CLIENT_CLI_APP_H_
#define GACETA_CLIENT_CLI_APP_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "cli/command.h"

namespace gaceta::cli {

// Adds every noun and the options that all of them share. `context` must
// outlive `app`.
void BuildApp(CLI::App& app, CliContext& context);

// Runs one command line, `arguments` without the program's name, and returns
// the exit code. `context` is used for one run.
int RunCli(std::vector<std::string> arguments, CliContext& context);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_APP_H_
