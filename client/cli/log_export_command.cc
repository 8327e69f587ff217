#include "cli/log_export_command.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "cli/checkpoint_memory.h"
#include "cli/end_by_signal.h"
#include "cli/log_progress.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/whole_log.h"
#include "gaceta/log_export.h"

namespace gaceta::cli {
namespace {

struct ExportFlags {
  std::string folder;
  bool follow = false;
  int threads = 0;
};

client::LogExportOptions MakeOptions(const KnownLog& log,
                                     const ExportFlags& flags,
                                     LogProgress* progress) {
  client::LogExportOptions options;
  SetWholeLogOptions(log, flags.threads, progress, &options);
  options.folder = flags.folder;
  options.follow = flags.follow;
  return options;
}

void PrintReport(const CliContext& context, const ExportFlags& flags,
                 const client::ExportReport& report) {
  if (context.output == OutputFormat::kJson) {
    context.out << absl::StrCat(
        "{\"folder\":", JsonString(flags.folder), ",\"size\":", report.size,
        ",\"added\":", report.added,
        ",\"documentsElsewhere\":", report.documents_elsewhere,
        ",\"note\":", JsonString(report.note), "}\n");
    return;
  }
  context.out << absl::Substitute(Say(context.language, Phrase::kExported),
                                  report.size, OneLine(flags.folder),
                                  report.added)
              << '\n';
}

absl::StatusOr<int> Export(CliContext& context, KnownLog& log,
                           const ExportFlags& flags) {
  // Before, since following may go on for ever.
  auto newest = log.Newest({}, QuestionDeadline());
  if (!newest.ok()) return newest.status();
  const EndBySignal end_by_signal;
  absl::StatusOr<client::ExportReport> report;
  {
    LogProgress progress(context, Phrase::kEntriesExported);
    auto log_export =
        client::LogExport::Create(MakeOptions(log, flags, &progress));
    if (!log_export.ok()) return log_export.status();
    report = (*log_export)->Run();
  }
  if (!report.ok()) return report.status();
  if (!report->note.empty()) {
    newest = log.Newest({report->note}, QuestionDeadline());
    if (!newest.ok()) return newest.status();
  }
  PrintReport(context, flags, *report);
  return kExitDone;
}

}  // namespace

void AddLogExportCommand(CLI::App& log, CliContext& context) {
  CLI::App* verb = AddVerb(
      log, "export",
      "Writes the log as a folder of static files that any web server can "
      "serve (C2SP tlog-tiles), each verified before. Run it again to bring it "
      "up to date; it may be killed at any time.",
      "  gaceta log export /srv/www/log\n"
      "  gaceta log export /srv/www/log --follow\n\n"
      "checkpoint       the log's signed size and root, with cosignatures\n"
      "tile/LEVEL/…     hashes of the tree\n"
      "tile/entries/…   the signed headers of all statements\n"
      "blob/sha256/…    payloads and documents, of public statements alone\n\n"
      "Public tools, mirrors and monitors read such a folder.\n");
  auto flags = std::make_shared<ExportFlags>();
  verb->add_option("folder", flags->folder, "Where it goes")
      ->required()
      ->type_name("DIR");
  verb->add_flag("--follow", flags->follow,
                 "Go on with what comes, until Ctrl-C");
  AddThreadsFlag(*verb, &flags->threads);
  RunWithKnownLog(*verb, context, [&context, flags](KnownLog& log) {
    return Export(context, log, *flags);
  });
}

}  // namespace gaceta::cli
