#include "cli/evidence_commands.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "cli/output.h"
#include "cli/session.h"
#include "gaceta/evidence_folder.h"
#include "gaceta/v1/statement.pb.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"
#include "verify/merkle.h"

namespace gaceta::cli {
namespace {

void PrintLeaf(const v1::Leaf& leaf, CliContext& context) {
  v1::StatementHeader header;
  if (!header.ParseFromString(leaf.header())) {
    context.out << "  a leaf that does not parse\n";
    return;
  }
  context.out << "  statement " << header.statement_id() << " of "
              << header.publisher() << ", sequence " << header.sequence()
              << ", header " << ToHex(Sha256(leaf.header())) << ", key "
              << ToHex(leaf.key_id()) << '\n';
}

void PrintEntry(const v1::Evidence& evidence, CliContext& context) {
  context.out << "  entry " << evidence.position()
              << (evidence.prefix_size() > 0
                      ? ", which the log's signature vouches for\n"
                      : "\n");
  v1::Leaf leaf;
  // What does not parse prints as that.
  (void)leaf.ParseFromString(evidence.leaf());
  PrintLeaf(leaf, context);
}

void PrintCheckpoint(const std::string& note, CliContext& context) {
  auto checkpoint = CheckpointOf(note);
  if (!checkpoint.ok()) {
    context.out << "  a checkpoint that does not parse\n";
    return;
  }
  context.out << "  checkpoint of " << checkpoint->origin << ", "
              << checkpoint->size << " entries, root "
              << absl::Base64Escape(View(checkpoint->root)) << '\n';
}

absl::StatusOr<int> Show(const std::vector<std::string>& paths,
                         CliContext& context) {
  for (const std::string& path : paths) {
    auto evidence = ReadEvidence(path);
    if (!evidence.ok()) return evidence.status();
    if (context.output == OutputFormat::kJson) {
      context.out << ToJson(*evidence) << '\n';
      continue;
    }
    context.out << path << ": " << evidence->reason() << '\n';
    if (!evidence->description().empty()) {
      context.out << "  " << OneLine(evidence->description()) << '\n';
    }
    for (const v1::Leaf& leaf : evidence->leaves()) PrintLeaf(leaf, context);
    if (!evidence->leaf().empty()) PrintEntry(*evidence, context);
    for (const std::string& note : evidence->checkpoints()) {
      PrintCheckpoint(note, context);
    }
  }
  return kExitDone;
}

absl::StatusOr<int> Dismiss(const std::vector<std::string>& paths,
                            CliContext& context) {
  for (const std::string& path : paths) {
    auto dismissed = DismissEvidence(path);
    if (!dismissed.ok()) return dismissed.status();
    context.out << *dismissed << '\n';
  }
  return kExitDone;
}

void AddFiles(CLI::App& verb, std::vector<std::string>* files) {
  verb.add_option("files", *files, "Files of an evidence/ folder")
      ->required()
      ->type_name("FILE");
}

}  // namespace

void AddEvidenceCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = app.add_subcommand(
      "evidence", "What shows that a log or a publisher is not honest");
  noun->require_subcommand(1);
  auto files = std::make_shared<std::vector<std::string>>();

  CLI::App* show =
      AddVerb(*noun, "show", "Says what pieces of evidence hold.",
              "  gaceta evidence show /var/lib/gaceta-node/evidence/*.json");
  AddFiles(*show, files.get());
  show->callback([&context, files] {
    context.run = [&context, files] { return Show(*files, context); };
  });

  CLI::App* dismiss = AddVerb(
      *noun, "dismiss",
      "Says that a person has looked at the evidence, and that the log is to "
      "be trusted again: moves it into the folder `dismissed` beside it. A "
      "node "
      "has to be started anew.",
      "  gaceta evidence dismiss /var/lib/gaceta-node/evidence/"
      "log-forked-0123.json");
  AddFiles(*dismiss, files.get());
  dismiss->callback([&context, files] {
    context.run = [&context, files] { return Dismiss(*files, context); };
  });
}

}  // namespace gaceta::cli
