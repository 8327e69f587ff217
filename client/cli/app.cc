#include "cli/app.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#if __has_include("cli/pki_commands.h")
#include "cli/pki_commands.h"
#endif

namespace gaceta::cli {

void BuildApp(CLI::App& app, CliContext& context) {
#if __has_include("cli/pki_commands.h")
  AddPkiCommands(app, context);
#endif
  (void)app;
  (void)context;
}

int RunCli(std::vector<std::string> arguments, std::ostream& out,
           std::ostream& err) {
  CliContext context{out, err};
  CLI::App app("Exchanges signed updates of migration law.", "gaceta");
  BuildApp(app, context);
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, out, err) == 0 ? kExitDone : kExitUsage;
  }
  if (!context.run) return kExitUsage;
  const absl::StatusOr<int> code = context.run();
  if (code.ok()) return *code;
  err << code.status() << '\n';
  return ExitCodeOf(code.status());
}

}  // namespace gaceta::cli
