// To whom the command connects, and as whom: from a profile file, the
// environment and flags.
#ifndef GACETA_CLIENT_CLI_PROFILE_H_
#define GACETA_CLIENT_CLI_PROFILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gaceta/connection.h"

namespace gaceta::cli {

class Profile;
class ProfileFile;

// What the command line says of the connection; empty means not said.
struct ConnectionFlags {
  // Which file, and which profile in it.
  std::string config_file;
  std::string profile;
  // Each of these replaces the profile's field.
  std::string server;
  std::string server_id;
  std::string certificate_file;
  std::string key_file;
  std::string root_file;
  std::string federation;
  std::string log_origin;
};

// All that a command needs to connect and to verify.
struct ResolvedProfile {
  // Empty if flags alone say everything.
  std::string name;
  client::ConnectionOptions connection;
  // Domain of the federation, `gaceta.example`.
  std::string federation;
  std::string log_origin;
};

// Returns the path of the profile file: `$XDG_CONFIG_HOME/gaceta/config`, or
// `~/.config/gaceta/config`.
std::string DefaultProfilePath();

// Parses the text of a profile file. kInvalidArgument names `path`, line and
// column of what is wrong.
absl::StatusOr<ProfileFile> ParseProfileFile(absl::string_view text,
                                             absl::string_view path);

// Brings together flags, the environment (GACETA_PROFILE) and the file. A file
// that is not there is an error only if flags or the environment ask for it.
//
// Errors are UsageError() that says which option is missing and how to give it.
absl::StatusOr<ResolvedProfile> ResolveProfile(const ConnectionFlags& flags);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_PROFILE_H_
