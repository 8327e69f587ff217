#include "cli/session.h"

#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "verify/openssl_ptr.h"

namespace gaceta::cli {
namespace {

constexpr absl::Duration kQuestionTimeout = absl::Seconds(20);

}  // namespace

CLI::App* AddVerb(CLI::App& noun, const std::string& name,
                  const std::string& description, const std::string& examples) {
  CLI::App* verb = noun.add_subcommand(name, description);
  verb->footer(absl::StrCat(
      "Examples:\n", examples,
      "\nOptions of every command, as --profile and --output: gaceta --help"));
  return verb;
}

void RunWithProfile(CLI::App& command, CliContext& context,
                    ProfileAction action) {
  command.callback([&context, action = std::move(action)] {
    context.run = [&context, action]() -> absl::StatusOr<int> {
      absl::StatusOr<ResolvedProfile> profile =
          ResolveProfile(context.connection);
      if (!profile.ok()) return profile.status();
      return action(*profile);
    };
  });
}

absl::StatusOr<client::LogSource> ConnectToLog(const CliContext& context,
                                               const ResolvedProfile& profile) {
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel =
      context.connect(profile.connection);
  if (!channel.ok()) return channel.status();
  client::LogSource source;
  source.channel = *std::move(channel);
  source.connection = profile.connection;
  source.federation = profile.federation;
  source.log_origin = profile.log_origin;
  return source;
}

absl::Time QuestionDeadline() { return absl::Now() + kQuestionTimeout; }

absl::StatusOr<SpiffeId> IdOfCertificate(const std::string& path) {
  absl::StatusOr<std::string> pem = ReadFile(path);
  if (!pem.ok()) return pem.status();
  const std::vector<OpensslPtr<X509>> certificates = X509sFromPem(*pem);
  if (certificates.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " holds no certificate in PEM"));
  }
  const std::vector<std::string> uris = X509Uris(certificates[0].get());
  if (uris.size() != 1) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": the certificate names ", uris.size(), " URIs, expected one"));
  }
  return SpiffeId::Parse(uris[0]);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in.is_open() || in.bad()) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path));
  }
  return text;
}

}  // namespace gaceta::cli
