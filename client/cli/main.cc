// The `gaceta` command.
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "base/file_rights.h"
#include "cli/app.h"
#include "grpc/support/log.h"

int main(int argc, char** argv) {
  gaceta::MakeFilesPrivate();
  // A reader of our output that went away ends us by a failed write, not by a
  // signal.
  std::signal(SIGPIPE, SIG_IGN);
  // What gRPC would say of each try on its own is in the error that we print.
  if (std::getenv("GRPC_VERBOSITY") == nullptr) {
    gpr_set_log_function([](gpr_log_func_args* /*args*/) {});
  }
  gaceta::cli::CliContext context{std::cout, std::cerr};
  context.language = gaceta::cli::LanguageOfEnvironment();
  return gaceta::cli::RunCli(std::vector<std::string>(argv + 1, argv + argc),
                             context);
}
