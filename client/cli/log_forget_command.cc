#include "cli/log_forget_command.h"

#include <unistd.h>

#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/checkpoint_memory.h"
#include "cli/output.h"
#include "cli/session.h"
#include "errors/errors.h"
#include "verify/checkpoint.h"

namespace gaceta::cli {
namespace {

struct ForgetFlags {
  std::string origin;
  bool yes = false;
};

// The things that go with a memory, read before it goes.
struct Forgotten {
  std::string origin;
  std::string root_key;
  // -1 if no checkpoint is kept that parses.
  std::int64_t size = -1;
  std::vector<std::string> files;
};

Forgotten Describe(const CheckpointMemory& memory, std::string origin) {
  Forgotten what{std::move(origin), memory.root_key(), -1, memory.Files()};
  if (!memory.known().empty()) {
    const auto checkpoint = CheckpointOf(memory.known().front());
    if (checkpoint.ok()) what.size = checkpoint->size;
  }
  return what;
}

void Show(const CliContext& context, const Forgotten& what) {
  context.err << "log: " << OneLine(what.origin) << '\n'
              << "root key: SHA-256 " << what.root_key << '\n'
              << "checkpoint: "
              << (what.size < 0 ? std::string("none that can be read")
                                : absl::StrCat("of ", what.size, " entries"))
              << '\n';
  for (const std::string& file : what.files) {
    context.err << "removes " << OneLine(file) << '\n';
  }
}

absl::Status Confirm(const CliContext& context) {
  context.err
      << "a log that was shortened or forked before will not be noticed "
         "by what is kept here; forget it? [y/N] "
      << std::flush;
  if (context.in == &std::cin && isatty(STDIN_FILENO) != 1) {
    context.err << '\n';
    return UsageError("nobody can be asked here: give --yes to forget");
  }
  std::string answer;
  std::getline(*context.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") {
    return absl::OkStatus();
  }
  return absl::CancelledError("nothing was forgotten");
}

absl::StatusOr<int> Forget(const CliContext& context,
                           const ResolvedProfile& profile,
                           const ForgetFlags& flags) {
  LogName log = LogNameOf(profile);
  if (!flags.origin.empty()) log.origin = flags.origin;
  auto memory = CheckpointMemory::Find(log);
  if (!memory.ok()) return memory.status();
  const Forgotten what = Describe(*memory, log.origin);
  if (what.files.empty()) {
    return WithReason(absl::NotFoundError(
                          absl::StrCat("nothing is known of log ", log.origin,
                                       " under the root key ", what.root_key)),
                      "UNKNOWN_LOG");
  }
  Show(context, what);
  if (!flags.yes) {
    if (absl::Status s = Confirm(context); !s.ok()) return s;
  }
  if (absl::Status s = memory->Forget(); !s.ok()) return s;
  if (context.output == OutputFormat::kJson) {
    context.out << absl::StrCat(
        "{\"origin\":", JsonString(what.origin), ",\"rootKeySha256\":\"",
        what.root_key, "\",\"checkpointSize\":",
        what.size < 0 ? std::string("null") : absl::StrCat(what.size),
        ",\"files\":[",
        absl::StrJoin(what.files, ",",
                      [](std::string* out, const std::string& file) {
                        absl::StrAppend(out, JsonString(file));
                      }),
        "]}\n");
  } else {
    context.out << "forgot " << OneLine(what.origin) << '\n';
  }
  return kExitDone;
}

}  // namespace

void AddLogForgetCommand(CLI::App& log, CliContext& context) {
  CLI::App* verb = AddVerb(
      log, "forget",
      "Drops what is remembered of a log, the newest checkpoint and evidence "
      "against it: for a log that was made anew on purpose. Shows it and asks "
      "before.",
      "  gaceta log forget\n"
      "  gaceta log forget --origin hub.gaceta.example/log --yes\n\n"
      "A log is known by the federation's root key and by its origin: the log\n"
      "of another federation stays known, also if it has the same name. What "
      "a\n"
      "--cursor or a --state file remembers is in that file.\n");
  auto flags = std::make_shared<ForgetFlags>();
  verb->add_option("--origin", flags->origin,
                   "Which log; default is that of the profile")
      ->type_name("NAME");
  verb->add_flag("--yes", flags->yes, "Do not ask");
  RunWithProfile(*verb, context,
                 [&context, flags](const ResolvedProfile& profile) {
                   return Forget(context, profile, *flags);
                 });
}

}  // namespace gaceta::cli
