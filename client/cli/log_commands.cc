#include "cli/log_commands.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "cli/checkpoint_memory.h"
#include "cli/checkpoint_text.h"
#include "cli/log_audit_command.h"
#include "cli/log_export_command.h"
#include "cli/log_forget_command.h"
#include "cli/output.h"
#include "cli/receipt_files.h"
#include "cli/session.h"
#include "errors/errors.h"
#include "gaceta/file_io.h"
#include "gaceta/reader.h"
#include "gaceta/registry_client.h"

namespace gaceta::cli {
namespace {

// --- checkpoint --------------------------------------------------------------

absl::StatusOr<int> ShowCheckpoint(const CliContext& context, KnownLog& log,
                                   bool cosigned) {
  const absl::Time deadline = QuestionDeadline();
  absl::StatusOr<client::LogCheckpoint> shown =
      cosigned ? log.reader->NewestCosigned({}, deadline)
               : log.Newest({}, deadline);
  if (!shown.ok()) return shown.status();
  if (cosigned) {
    auto newest = log.Newest({shown->note}, deadline);
    if (!newest.ok()) return newest.status();
  }
  context.out << (context.output == OutputFormat::kJson
                      ? CheckpointJson(*shown) + "\n"
                      : shown->note);
  return kExitDone;
}

void AddCheckpointVerb(CLI::App& noun, CliContext& context) {
  CLI::App* verb = AddVerb(
      noun, "checkpoint",
      "Prints the log's newest checkpoint, a signed note, once it is verified: "
      "that the log's key signed it, and that it extends the last one that was "
      "seen here. Ends with code 3 if it does not; both are then kept as "
      "evidence.",
      "  gaceta log checkpoint\n"
      "  gaceta log checkpoint --cosigned\n"
      "  gaceta log checkpoint --output=json\n\n"
      "The last one is remembered in ~/.local/state/gaceta, for all servers "
      "of\n"
      "the log together.\n");
  auto cosigned = std::make_shared<bool>(false);
  verb->add_flag("--cosigned", *cosigned,
                 "The newest that a quorum of witnesses has cosigned");
  RunWithKnownLog(*verb, context, [&context, cosigned](KnownLog& log) {
    return ShowCheckpoint(context, log, *cosigned);
  });
}

// --- prove -------------------------------------------------------------------

// The payload, if this reader may see it; empty if not.
absl::StatusOr<std::string> FetchPayload(const client::LogSource& source,
                                         const client::ProvedEntry& proved) {
  auto reader = client::UpdateReader::Create(source);
  if (!reader.ok()) return reader.status();
  auto entry = (*reader)->Get(proved.receipt.index, QuestionDeadline());
  if (!entry.ok()) return entry.status();
  if (entry->entry.leaf() != proved.receipt.leaf) {
    return WithReason(
        absl::DataLossError(absl::StrCat("entry ", proved.receipt.index,
                                         " came with two different leaves")),
        "WRONG_ENTRY");
  }
  return entry->entry.payload();
}

absl::Status WriteReceipt(const client::ProvedEntry& proved,
                          const std::string& payload,
                          const ReceiptPaths& paths) {
  auto signer =
      CertificatesToPem({proved.signer.certificate(), proved.signer.issuer()});
  if (!signer.ok()) return signer.status();
  if (!payload.empty()) {
    // It may be of a restricted statement.
    absl::Status status =
        client::WriteFileDurably(paths.payload, payload, FileRights::kPrivate);
    if (!status.ok()) return status;
  }
  if (absl::Status s =
          client::WriteFileDurably(paths.signer, *signer, FileRights::kOutput);
      !s.ok()) {
    return s;
  }
  // The receipt last: where it is, all that goes with it is.
  return client::WriteFileDurably(
      paths.receipt, FormatLogReceipt(proved.receipt), FileRights::kOutput);
}

void PrintProved(const CliContext& context, const client::ProvedEntry& proved,
                 bool has_payload, const ReceiptPaths& paths) {
  if (context.output == OutputFormat::kJson) {
    context.out << absl::StrCat(
        "{\"position\":", proved.receipt.index,
        ",\"receipt\":", JsonString(paths.receipt),
        ",\"signer\":", JsonString(paths.signer), ",\"payload\":",
        has_payload ? JsonString(paths.payload) : std::string("null"),
        ",\"checkpointSize\":", proved.checkpoint.checkpoint.size,
        ",\"cosignatures\":", proved.checkpoint.cosignatures.size(), "}\n");
    return;
  }
  context.out << OneLine(paths.receipt) << '\n'
              << OneLine(paths.signer) << '\n';
  if (has_payload) {
    context.out << OneLine(paths.payload) << '\n';
  } else {
    context.err << Say(context.language, Phrase::kPayloadNotShown) << '\n';
  }
}

absl::StatusOr<int> Prove(const CliContext& context, KnownLog& log,
                          std::int64_t position, const std::string& path) {
  auto proved = log.reader->Prove(position, QuestionDeadline());
  if (!proved.ok()) return proved.status();
  auto newest = log.Newest({proved->receipt.checkpoint}, QuestionDeadline());
  if (!newest.ok()) return newest.status();
  auto payload = FetchPayload(log.source, *proved);
  if (!payload.ok()) return payload.status();
  const ReceiptPaths paths =
      PathsBeside(path.empty() ? absl::StrCat(position, ".tlog-proof") : path);
  if (absl::Status s = WriteReceipt(*proved, *payload, paths); !s.ok()) {
    return s;
  }
  PrintProved(context, *proved, !payload->empty(), paths);
  return kExitDone;
}

void AddProveVerb(CLI::App& noun, CliContext& context) {
  CLI::App* verb = AddVerb(
      noun, "prove",
      "Writes a receipt that proves to anybody, years later and without a "
      "server, that a statement is in the log.",
      "  gaceta log prove 12\n"
      "  gaceta log prove 12 -o decreto-12-2026.tlog-proof\n"
      "  gaceta log policy -o policy.txt\n"
      "  gaceta receipts verify 12.tlog-proof --root root.pem --policy "
      "policy.txt\n\n"
      "Three files, to be kept together: the receipt (C2SP tlog-proof: the\n"
      "signed header, the proof, the checkpoint with its cosignatures),\n"
      "NAME.payload (what was signed, if you may read it: for you alone, as\n"
      "it may be restricted) and NAME.signer.pem (whose key it was). Keep the\n"
      "root certificate and the policy as well.\n");
  auto position = std::make_shared<std::int64_t>(0);
  auto path = std::make_shared<std::string>();
  verb->add_option("position", *position, "Its place in the log, from 0")
      ->required()
      ->check(CLI::NonNegativeNumber)
      ->type_name("POSITION");
  verb->add_option("-o,--file", *path,
                   "Where to write it; default POSITION.tlog-proof")
      ->type_name("FILE");
  RunWithKnownLog(*verb, context, [&context, position, path](KnownLog& log) {
    return Prove(context, log, *position, *path);
  });
}

// --- policy ------------------------------------------------------------------

absl::StatusOr<int> ShowPolicy(const CliContext& context,
                               const ResolvedProfile& profile,
                               const std::string& path) {
  absl::StatusOr<client::LogSource> source = ConnectToLog(context, profile);
  if (!source.ok()) return source.status();
  auto registry = client::Registry::Create(*source);
  if (!registry.ok()) return registry.status();
  if (absl::Status s = (*registry)->Refresh(QuestionDeadline()); !s.ok()) {
    return s;
  }
  const auto federation = (*registry)->Latest();
  const LogPolicyInForce* in_force = federation->log_policy();
  if (in_force == nullptr) {
    return WithReason(
        absl::UnavailableError("the registry has no log policy yet"),
        "NO_LOG_POLICY");
  }
  if (!path.empty()) {
    absl::Status status = client::WriteFileDurably(
        path, in_force->policy.text(), FileRights::kOutput);
    if (!status.ok()) return status;
  }
  if (context.output == OutputFormat::kJson) {
    context.out << "{\"policy\":" << JsonString(in_force->policy.text())
                << ",\"quorumGraceSeconds\":"
                << absl::ToInt64Seconds(in_force->quorum_grace) << "}\n";
  } else if (path.empty()) {
    context.out << in_force->policy.text();
  } else {
    context.out << OneLine(path) << '\n';
  }
  return kExitDone;
}

void AddPolicyVerb(CLI::App& noun, CliContext& context) {
  CLI::App* verb = AddVerb(
      noun, "policy",
      "Prints the policy in force (C2SP tlog-policy): the log's key, the "
      "witnesses' keys, and how many of them have to cosign.",
      "  gaceta log policy\n"
      "  gaceta log policy -o policy.txt\n\n"
      "Who keeps it can check receipts without a server. It comes from the\n"
      "registry, whose statements the secretariat signs.\n");
  auto path = std::make_shared<std::string>();
  verb->add_option("-o,--file", *path, "Where to write it")->type_name("FILE");
  RunWithProfile(*verb, context,
                 [&context, path](const ResolvedProfile& profile) {
                   return ShowPolicy(context, profile, *path);
                 });
}

}  // namespace

void AddLogCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = app.add_subcommand(
      "log",
      "The log itself, which nobody has to trust: checkpoint, prove, policy, "
      "audit, export, forget");
  noun->require_subcommand(1);
  AddCheckpointVerb(*noun, context);
  AddProveVerb(*noun, context);
  AddPolicyVerb(*noun, context);
  AddLogAuditCommand(*noun, context);
  AddLogExportCommand(*noun, context);
  AddLogForgetCommand(*noun, context);
}

}  // namespace gaceta::cli
