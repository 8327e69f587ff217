// The `gaceta` command.
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "cli/app.h"

int main(int argc, char** argv) {
  // A reader of our output that went away ends us by a failed write, not by a
  // signal.
  std::signal(SIGPIPE, SIG_IGN);
  gaceta::cli::CliContext context{std::cout, std::cerr};
  context.language = gaceta::cli::LanguageOfEnvironment();
  return gaceta::cli::RunCli(std::vector<std::string>(argv + 1, argv + argc),
                             context);
}
