#include "cli/app.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/completion.h"
#include "cli/documents_commands.h"
#include "cli/evidence_commands.h"
#include "cli/log_commands.h"
#include "cli/output.h"
#include "cli/pki_commands.h"
#include "cli/receipts_commands.h"
#include "cli/registry_commands.h"
#include "cli/registry_lists.h"
#include "cli/subscriptions_commands.h"
#include "cli/updates_commands.h"

namespace gaceta::cli {
namespace {

void AddOutput(CLI::App& app, CliContext& context) {
  const std::map<std::string, OutputFormat> formats = {
      {"text", OutputFormat::kText}, {"json", OutputFormat::kJson}};
  app.add_option("--output", context.output,
                 "Results as lines for people (text) or one JSON object a line "
                 "(json); default text")
      ->transform(CLI::CheckedTransformer(formats).description(""))
      ->type_name("FORMAT");
}

void AddConnection(CLI::App& app, ConnectionFlags* flags) {
  const auto add = [&app](const std::string& name, std::string* value,
                          const std::string& type,
                          const std::string& description) {
    app.add_option(name, *value, description)
        ->type_name(type)
        ->group("Connection");
  };
  add("--profile", &flags->profile, "NAME",
      "Profile to use; default is GACETA_PROFILE, then the file's own");
  add("--config", &flags->config_file, "FILE",
      "Profile file; default ~/.config/gaceta/config");
  add("--server", &flags->server, "HOST:PORT", "The hub or node");
  add("--server-id", &flags->server_id, "SPIFFE-ID",
      "Who the server must prove to be, spiffe://hn.gaceta.example/node");
  add("--certificate", &flags->certificate_file, "FILE",
      "Your certificate followed by its CA, PEM");
  add("--key", &flags->key_file, "FILE", "Its key, PEM, mode 0600");
  add("--root", &flags->root_file, "FILE", "The federation's root, PEM");
  add("--federation", &flags->federation, "DOMAIN",
      "Default is what --server-id says, gaceta.example");
  add("--log-origin", &flags->log_origin, "NAME",
      "Default hub.<federation>/log");
}

constexpr char kFooter[] =
    R"(Examples:
  gaceta updates follow --corridor central-america-north --from start
  gaceta updates publish updates.ndjson
  gaceta updates publish --help

A profile saves typing. ~/.config/gaceta/config:
  profiles {
    name: "hn"
    server: "node.hn.gaceta.example:8443"
    server_id: "spiffe://hn.gaceta.example/node"
    certificate_file: "agency-migracion.pem"
    key_file: "agency-migracion.key"
    root_file: "root.pem"
  }

Results go to the standard output, words to the standard error.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 verification failed.)";

}  // namespace

void BuildApp(CLI::App& app, CliContext& context) {
  // Options of the program may follow the verb. Set first: what is added below
  // inherits it.
  app.fallthrough();
  app.require_subcommand(1);
  app.set_version_flag("--version", GACETA_VERSION);
  AddOutput(app, context);
  AddConnection(app, &context.connection);

  AddUpdatesCommands(app, context);
  AddDocumentsCommands(app, context);
  AddStatesCommands(app, context);
  AddCorridorsCommands(app, context);
  AddTopicsCommands(app, context);
  AddErasuresCommands(app, context);
  AddSubscriptionsCommands(app, context);
  AddLogCommands(app, context);
  AddReceiptsCommands(app, context);
  AddRegistryCommands(app, context);
  AddEvidenceCommands(app, context);
  AddPkiCommands(app, context);
  AddCompletionCommands(app, context);
  // Last, since what is added later would inherit it.
  app.footer(kFooter);
}

int RunCli(std::vector<std::string> arguments, CliContext& context) {
  CLI::App app("Exchanges signed updates of migration law.", "gaceta");
  BuildApp(app, context);
  // CLI11 takes them from the back.
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    return app.exit(error, context.out, context.err) == 0 ? kExitDone
                                                          : kExitUsage;
  }
  absl::StatusOr<int> code = context.run();
  context.out.flush();
  if (code.ok() && !context.out.good()) {
    code = absl::UnavailableError("cannot write the output");
  }
  if (code.ok()) return *code;
  PrintError(context, code.status());
  return ExitCodeOf(code.status());
}

}  // namespace gaceta::cli
