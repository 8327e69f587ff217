#include "cli/log_audit_command.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "cli/checkpoint_memory.h"
#include "cli/checkpoint_text.h"
#include "cli/end_by_signal.h"
#include "cli/log_progress.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/whole_log.h"
#include "gaceta/log_audit.h"

namespace gaceta::cli {
namespace {

struct AuditFlags {
  std::string state_file;
  int threads = 0;
};

client::LogAuditOptions MakeOptions(const KnownLog& log,
                                    const AuditFlags& flags,
                                    LogProgress* progress) {
  client::LogAuditOptions options;
  SetWholeLogOptions(log, flags.threads, progress, &options);
  options.reader = log.reader.get();
  options.state_file = flags.state_file;
  options.known = log.memory.known();
  return options;
}

void PrintReport(const CliContext& context, const client::AuditReport& report) {
  const Checkpoint& checkpoint = report.checkpoint.opened.checkpoint;
  context.out << "log: " << OneLine(checkpoint.origin) << '\n'
              << "size: " << checkpoint.size << '\n'
              << "root: " << RootText(checkpoint.root) << '\n'
              << "checked: " << report.end - report.begin << '\n';
  if (report.begin > 0) context.out << "before: " << report.begin << '\n';
  context.out << "publishers: "
              << absl::StrJoin(report.publishers, ", ",
                               absl::PairFormatter(" "))
              << '\n';
  const LogPolicy::Opened& cosigned = report.cosigned.opened;
  context.out << "cosigned: "
              << (report.cosigned.note.empty()
                      ? std::string("none, and none is asked for")
                      : absl::StrCat(cosigned.checkpoint.size, " entries, by ",
                                     cosigned.cosignatures.size(), " of ",
                                     report.witnesses, ", at ",
                                     TimeText(cosigned.quorum_time)))
              << '\n'
              << "✓ " << Say(context.language, Phrase::kAuditHolds) << '\n';
}

void PrintReportJson(const CliContext& context,
                     const client::AuditReport& report) {
  const std::string publishers = absl::StrJoin(
      report.publishers, ",", [](std::string* out, const auto& publisher) {
        absl::StrAppend(out, JsonString(publisher.first), ":",
                        publisher.second);
      });
  context.out << absl::StrCat(
      "{\"verified\":true,\"begin\":", report.begin, ",\"end\":", report.end,
      ",\"publishers\":{", publishers,
      "},\"checkpoint\":", CheckpointJson(report.checkpoint),
      ",\"witnesses\":", report.witnesses, ",\"cosigned\":",
      report.cosigned.note.empty() ? std::string("null")
                                   : CheckpointJson(report.cosigned),
      "}\n");
}

absl::StatusOr<int> Audit(CliContext& context, KnownLog& log,
                          const AuditFlags& flags) {
  const EndBySignal end_by_signal;
  absl::StatusOr<client::AuditReport> report;
  {
    LogProgress progress(context, Phrase::kEntriesVerified);
    auto audit = client::LogAudit::Create(MakeOptions(log, flags, &progress));
    if (!audit.ok()) return audit.status();
    report = (*audit)->Run();
  }
  if (!report.ok()) {
    return flags.state_file.empty()
               ? report.status()
               : WithForgetHint(report.status(),
                                absl::StrCat("take another --state than ",
                                             flags.state_file));
  }
  // What was read extends what was known, too.
  auto newest = log.Newest({report->checkpoint.note}, QuestionDeadline());
  if (!newest.ok()) return newest.status();
  if (context.output == OutputFormat::kJson) {
    PrintReportJson(context, *report);
  } else {
    PrintReport(context, *report);
  }
  return kExitDone;
}

}  // namespace

void AddLogAuditCommand(CLI::App& log, CliContext& context) {
  CLI::App* verb = AddVerb(
      log, "audit",
      "Reads the whole log and checks all of it: every signature, every "
      "publisher's chain, every hash, every checkpoint, and who cosigned. Ends "
      "with code 3 if anything does not verify.",
      "  gaceta log audit\n"
      "  gaceta log audit --state ~/gaceta.audit\n"
      "  gaceta log audit --state ~/gaceta.audit --output=json\n\n"
      "With --state it goes on where it was, after an interruption or for "
      "what\n"
      "has come since: run it each day. Evidence is kept beside what is known\n"
      "of the log, in ~/.local/state/gaceta.\n");
  auto flags = std::make_shared<AuditFlags>();
  verb->add_option("--state", flags->state_file,
                   "File that keeps how far it is; made if it is not there")
      ->type_name("FILE");
  AddThreadsFlag(*verb, &flags->threads);
  RunWithKnownLog(*verb, context, [&context, flags](KnownLog& log) {
    return Audit(context, log, *flags);
  });
}

}  // namespace gaceta::cli
