#include "cli/profile.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/command.h"
#include "cli/profile.pb.h"
#include "google/protobuf/io/tokenizer.h"
#include "google/protobuf/text_format.h"
#include "verify/spiffe_id.h"

namespace gaceta::cli {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Keeps the first error, with its place.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  explicit FirstError(absl::string_view path) : path_(path) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (!text_.empty()) return;
    // Both count from 0; an error of the whole has -1.
    text_ = absl::StrCat(path_, ":", line + 1, ":", column + 1, ": ", message);
  }

  const std::string& text() const { return text_; }

 private:
  const std::string path_;
  std::string text_;
};

absl::Status CheckNames(const ProfileFile& file, absl::string_view path) {
  std::set<std::string> names;
  for (const Profile& profile : file.profiles()) {
    if (profile.name().empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": a profile has no name"));
    }
    if (!names.insert(profile.name()).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": profile \"", profile.name(), "\" is there twice"));
    }
  }
  if (!file.default_profile().empty() &&
      !names.contains(file.default_profile())) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": default_profile is \"", file.default_profile(),
                     "\", which is no profile of this file"));
  }
  return absl::OkStatus();
}

// Returns the file's text; nothing if it is not there and need not be.
absl::StatusOr<std::string> ReadProfileText(const std::string& path,
                                            bool required) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream.good()) {
    if (!required) return "";
    return UsageError(absl::StrCat("cannot read profile file ", path));
  }
  return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::string NamesOf(const ProfileFile& file) {
  std::string names;
  for (const Profile& profile : file.profiles()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", profile.name());
  }
  return names.empty() ? "none" : names;
}

// Returns the profile that is asked for, or an empty one if none is.
absl::StatusOr<Profile> ChooseProfile(const ProfileFile& file,
                                      const std::string& asked,
                                      const std::string& path) {
  std::string name = asked.empty() ? file.default_profile() : asked;
  if (name.empty() && file.profiles_size() == 1) return file.profiles(0);
  if (name.empty()) name = "default";
  for (const Profile& profile : file.profiles()) {
    if (profile.name() == name) return profile;
  }
  if (asked.empty()) return Profile();
  return UsageError(absl::StrCat("no profile \"", asked, "\" in ", path,
                                 "; it has: ", NamesOf(file)));
}

// Returns `path` as seen from the folder of the file that names it.
std::string PathFrom(const std::string& folder, const std::string& path) {
  if (path.empty() || path[0] == '/') return path;
  if (absl::StartsWith(path, "~/")) {
    return absl::StrCat(Environment("HOME"), path.substr(1));
  }
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

const std::string& Either(const std::string& flag, const std::string& field) {
  return flag.empty() ? field : flag;
}

// Names the options that neither flags nor profile say.
absl::Status CheckComplete(const ResolvedProfile& profile,
                           const std::string& path) {
  std::string missing;
  const auto need = [&](const std::string& value, absl::string_view flag) {
    if (value.empty()) {
      absl::StrAppend(&missing, missing.empty() ? "" : ", ", flag);
    }
  };
  need(profile.connection.server, "--server");
  need(profile.connection.server_id, "--server-id");
  need(profile.connection.certificate_file, "--certificate");
  need(profile.connection.key_file, "--key");
  need(profile.connection.root_file, "--root");
  if (missing.empty()) return absl::OkStatus();
  return UsageError(absl::StrCat(
      "where to connect is not known: missing ", missing,
      profile.name.empty()
          ? absl::StrCat("; give them, or a profile in ", path)
          : absl::StrCat(" in profile \"", profile.name, "\" of ", path)));
}

}  // namespace

std::string DefaultProfilePath() {
  std::string folder = Environment("XDG_CONFIG_HOME");
  if (folder.empty()) folder = absl::StrCat(Environment("HOME"), "/.config");
  return absl::StrCat(folder, "/gaceta/config");
}

absl::StatusOr<ProfileFile> ParseProfileFile(absl::string_view text,
                                             absl::string_view path) {
  ProfileFile file;
  FirstError error(path);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&error);
  if (!parser.ParseFromString(std::string(text), &file)) {
    return UsageError(error.text());
  }
  if (absl::Status s = CheckNames(file, path); !s.ok()) {
    return UsageError(s.message());
  }
  return file;
}

absl::StatusOr<ResolvedProfile> ResolveProfile(const ConnectionFlags& flags) {
  const std::string path =
      flags.config_file.empty() ? DefaultProfilePath() : flags.config_file;
  const std::string asked =
      Either(flags.profile, Environment("GACETA_PROFILE"));

  const bool required = !flags.config_file.empty() || !asked.empty();
  absl::StatusOr<std::string> text = ReadProfileText(path, required);
  if (!text.ok()) return text.status();
  absl::StatusOr<ProfileFile> file = ParseProfileFile(*text, path);
  if (!file.ok()) return file.status();
  absl::StatusOr<Profile> profile = ChooseProfile(*file, asked, path);
  if (!profile.ok()) return profile.status();

  // Paths in flags are relative to where the person is, those in the file to
  // where the file is.
  const std::string folder = std::filesystem::path(path).parent_path();
  ResolvedProfile result;
  result.name = profile->name();
  result.connection.server = Either(flags.server, profile->server());
  result.connection.server_id = Either(flags.server_id, profile->server_id());
  result.connection.certificate_file = Either(
      flags.certificate_file, PathFrom(folder, profile->certificate_file()));
  result.connection.key_file =
      Either(flags.key_file, PathFrom(folder, profile->key_file()));
  result.connection.root_file =
      Either(flags.root_file, PathFrom(folder, profile->root_file()));
  if (absl::Status s = CheckComplete(result, path); !s.ok()) return s;

  absl::StatusOr<SpiffeId> server =
      SpiffeId::Parse(result.connection.server_id);
  if (!server.ok()) {
    return UsageError(absl::StrCat("--server-id: ", server.status().message()));
  }
  result.federation = Either(flags.federation, profile->federation());
  if (result.federation.empty()) {
    const std::string& domain = server->trust_domain();
    result.federation = domain.substr(domain.find('.') + 1);
  }
  result.log_origin = Either(flags.log_origin, profile->log_origin());
  if (result.log_origin.empty()) {
    result.log_origin = absl::StrCat("hub.", result.federation, "/log");
  }
  return result;
}

}  // namespace gaceta::cli
