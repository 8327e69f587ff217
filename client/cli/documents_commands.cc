#include "cli/documents_commands.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/session.h"
#include "gaceta/documents.h"
#include "verify/digest.h"

namespace gaceta::cli {
namespace {

// A document of 64 MiB over a slow line takes its time.
constexpr absl::Duration kTransferTimeout = absl::Minutes(30);

// Reports bytes on a terminal while a document travels.
client::DocumentOptions WithProgress(CliContext& context,
                                     std::unique_ptr<Progress>* progress) {
  client::DocumentOptions options;
  options.on_progress = [&context, progress](std::int64_t done,
                                             std::int64_t total) {
    if (*progress == nullptr) {
      *progress = std::make_unique<Progress>(context.err,
                                             IsTerminal(context.err), total);
    }
    (*progress)->Show(done, "bytes");
  };
  return options;
}

absl::StatusOr<int> Get(CliContext& context, const ResolvedProfile& profile,
                        const std::string& sha256, const std::string& path) {
  if (!IsDigestHex(sha256)) {
    return UsageError(absl::StrCat(
        "\"", sha256,
        "\": expected a SHA-256, 64 characters of lower-case hex"));
  }
  std::unique_ptr<Progress> progress;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel =
      context.connect(profile.connection);
  if (!channel.ok()) return channel.status();
  const auto documents = client::DocumentClient::Create(
      *channel, WithProgress(context, &progress));
  absl::Status status =
      documents->Download(sha256, path, absl::Now() + kTransferTimeout);
  progress.reset();
  if (!status.ok()) return status;
  if (context.output == OutputFormat::kJson) {
    context.out << "{\"sha256\":" << JsonString(sha256)
                << ",\"file\":" << JsonString(path) << ",\"verified\":true}\n";
  } else {
    context.out << OneLine(path) << "  ✓ "
                << Say(context.language, Phrase::kVerified) << '\n';
  }
  return kExitDone;
}

absl::StatusOr<int> Put(CliContext& context, const ResolvedProfile& profile,
                        const std::vector<std::string>& paths) {
  std::unique_ptr<Progress> progress;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel =
      context.connect(profile.connection);
  if (!channel.ok()) return channel.status();
  const auto documents = client::DocumentClient::Create(
      *channel, WithProgress(context, &progress));
  for (const std::string& path : paths) {
    absl::StatusOr<client::DocumentRef> document =
        documents->Upload(path, absl::Now() + kTransferTimeout);
    progress.reset();
    if (!document.ok()) return document.status();
    if (context.output == OutputFormat::kJson) {
      context.out << "{\"sha256\":" << JsonString(document->sha256)
                  << ",\"size\":" << document->size
                  << ",\"file\":" << JsonString(path) << "}\n";
    } else {
      context.out << document->sha256 << "  " << document->size << "  "
                  << OneLine(path) << '\n';
    }
  }
  return kExitDone;
}

}  // namespace

void AddDocumentsCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun = app.add_subcommand(
      "documents", "Texts of laws, named by their SHA-256: get, put");
  noun->require_subcommand(1);

  CLI::App* get = AddVerb(
      *noun, "get",
      "Fetches a document and checks that its bytes have the name asked for.",
      "  gaceta documents get "
      "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 "
      "-o ley.pdf");
  auto sha256 = std::make_shared<std::string>();
  auto file = std::make_shared<std::string>();
  get->add_option("sha256", *sha256, "The document, 64 characters of hex")
      ->required();
  get->add_option("-o,--file", *file,
                  "Where to write it; default is its SHA-256")
      ->type_name("FILE");
  RunWithProfile(
      *get, context, [&context, sha256, file](const ResolvedProfile& profile) {
        return Get(context, profile, *sha256, file->empty() ? *sha256 : *file);
      });

  CLI::App* put = AddVerb(
      *noun, "put",
      "Stores documents at the server and prints SHA-256, size and file.",
      "  gaceta documents put ley.pdf reglamento.xml");
  auto files = std::make_shared<std::vector<std::string>>();
  put->add_option("files", *files, "The files to store")
      ->required()
      ->type_name("FILE");
  RunWithProfile(*put, context,
                 [&context, files](const ResolvedProfile& profile) {
                   return Put(context, profile, *files);
                 });
}

}  // namespace gaceta::cli
