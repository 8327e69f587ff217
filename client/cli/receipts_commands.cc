#include "cli/receipts_commands.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/substitute.h"
#include "cli/output.h"
#include "cli/receipt_files.h"
#include "cli/session.h"
#include "errors/errors.h"
#include "verify/receipt_checker.h"

namespace gaceta::cli {
namespace {

struct VerifyFlags {
  std::vector<std::string> files;
  std::string root_file;
  std::string policy_file;
};

// What programs call a fact.
absl::string_view NameOf(ReceiptFact fact) {
  switch (fact) {
    case ReceiptFact::kForm:
      return "FORM";
    case ReceiptFact::kCheckpoint:
      return "CHECKPOINT";
    case ReceiptFact::kQuorum:
      return "QUORUM";
    case ReceiptFact::kInclusion:
      return "INCLUSION";
    case ReceiptFact::kSigner:
      return "SIGNER";
    case ReceiptFact::kSignature:
      return "SIGNATURE";
    case ReceiptFact::kPayload:
      return "PAYLOAD";
  }
  return "";
}

// What people read.
std::string Describe(Language language, ReceiptFact fact,
                     const ReceiptReport& report) {
  const Checkpoint& checkpoint = report.checkpoint.checkpoint;
  const auto say = [language](Phrase phrase, const auto&... values) {
    return absl::Substitute(Say(language, phrase), values...);
  };
  switch (fact) {
    case ReceiptFact::kForm:
      return say(Phrase::kReceiptForm);
    case ReceiptFact::kCheckpoint:
      return say(Phrase::kReceiptCheckpoint, checkpoint.origin,
                 checkpoint.size);
    case ReceiptFact::kQuorum:
      return say(Phrase::kReceiptQuorum, report.checkpoint.cosignatures.size());
    case ReceiptFact::kInclusion:
      return say(Phrase::kReceiptInclusion, report.receipt.index);
    case ReceiptFact::kSigner:
      return say(Phrase::kReceiptSigner, report.header.publisher());
    case ReceiptFact::kSignature:
      return say(Phrase::kReceiptSignature, report.header.sequence());
    case ReceiptFact::kPayload:
      return say(Phrase::kReceiptPayload);
  }
  return "";
}

void PrintReport(const CliContext& context, const std::string& path,
                 const ReceiptReport& report) {
  const Phrase result = report.AllHold() ? Phrase::kVerified : Phrase::kInvalid;
  context.out << OneLine(path) << "  " << (report.AllHold() ? "✓ " : "✗ ")
              << Say(context.language, result) << '\n';
  for (const CheckedFact& one : report.facts) {
    context.out << (one.status.ok() ? "  ✓ " : "  ✗ ")
                << OneLine(Describe(context.language, one.fact, report));
    if (!one.status.ok()) {
      context.out << ": " << OneLine(one.status.message());
    }
    context.out << '\n';
  }
}

void PrintReportJson(const CliContext& context, const std::string& path,
                     const ReceiptReport& report) {
  const std::string facts = absl::StrJoin(
      report.facts, ",", [](std::string* out, const CheckedFact& one) {
        absl::StrAppend(out, "{\"fact\":", JsonString(NameOf(one.fact)),
                        ",\"holds\":", one.status.ok() ? "true" : "false");
        if (!one.status.ok()) {
          absl::StrAppend(out, ",\"reason\":", JsonString(Reason(one.status)),
                          ",\"error\":", JsonString(one.status.message()));
        }
        absl::StrAppend(out, "}");
      });
  context.out << absl::StrCat(
      "{\"file\":", JsonString(path),
      ",\"verified\":", report.AllHold() ? "true" : "false",
      ",\"position\":", report.receipt.index,
      ",\"checkpointSize\":", report.checkpoint.checkpoint.size,
      ",\"header\":", ToJson(report.header), ",\"facts\":[", facts, "]}\n");
}

absl::StatusOr<ReceiptChecker> MakeChecker(const CliContext& context,
                                           const VerifyFlags& flags) {
  const std::string& root_file =
      flags.root_file.empty() ? context.connection.root_file : flags.root_file;
  if (root_file.empty()) {
    return UsageError("--root is missing: the federation's root, PEM");
  }
  auto root = ReadFile(root_file);
  if (!root.ok()) return root.status();
  auto text = ReadFile(flags.policy_file);
  if (!text.ok()) return text.status();
  auto policy = LogPolicy::Parse(*text);
  if (!policy.ok()) return Annotate(policy.status(), flags.policy_file);
  return ReceiptChecker::Create(*std::move(root), *std::move(policy),
                                context.connection.federation);
}

absl::StatusOr<int> Verify(const CliContext& context,
                           const VerifyFlags& flags) {
  auto checker = MakeChecker(context, flags);
  if (!checker.ok()) return checker.status();
  // Goes on after one that does not hold: each is a case of its own.
  int code = kExitDone;
  for (const std::string& path : flags.files) {
    auto files = ReadReceiptFiles(PathsBeside(path));
    if (!files.ok()) {
      PrintError(context, files.status());
      code = std::max(code, kExitFailed);
      continue;
    }
    const ReceiptReport report = checker->Check(*files);
    if (!report.AllHold()) code = kExitVerificationFailed;
    if (context.output == OutputFormat::kJson) {
      PrintReportJson(context, path, report);
    } else {
      PrintReport(context, path, report);
    }
  }
  return code;
}

}  // namespace

void AddReceiptsCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = app.add_subcommand(
      "receipts", "Proofs that statements are in the log: verify");
  noun->require_subcommand(1);
  CLI::App* verb = AddVerb(
      *noun, "verify",
      "Checks receipts without a server and says what holds of each. Ends with "
      "code 3 if anything does not, 1 if a file is missing.",
      "  gaceta receipts verify 12.tlog-proof --root root.pem --policy "
      "policy.txt\n"
      "  gaceta receipts verify *.tlog-proof --root root.pem --policy "
      "policy.txt --output=json\n\n"
      "Beside NAME.tlog-proof it reads NAME.signer.pem and, if it is there,\n"
      "NAME.payload: `gaceta log prove` writes all three. The root "
      "certificate\n"
      "and the policy must come from a hand that you trust, not with the\n"
      "receipt. Whether the key was revoked before, the registry says: a\n"
      "receipt does not.\n");
  auto flags = std::make_shared<VerifyFlags>();
  verb->add_option("files", flags->files, "Receipts, .tlog-proof")
      ->required()
      ->type_name("FILE");
  verb->add_option("--root", flags->root_file, "The federation's root, PEM")
      ->type_name("FILE");
  verb->add_option("--policy", flags->policy_file,
                   "The log policy that counts (gaceta log policy)")
      ->required()
      ->type_name("FILE");
  verb->callback([&context, flags] {
    context.run = [&context, flags] { return Verify(context, *flags); };
  });
}

}  // namespace gaceta::cli
