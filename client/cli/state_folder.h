// The folder in which the commands of one person keep what they know of a log
// from one run to the next.
#ifndef GACETA_CLIENT_CLI_STATE_FOLDER_H_
#define GACETA_CLIENT_CLI_STATE_FOLDER_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/profile.h"

namespace gaceta::cli {

// A log as a reader knows it: two federations may give their logs the same
// origin, and their roots tell them apart.
struct LogName {
  // A PEM file with the federation's root. After a change of the root it may
  // hold several.
  std::string root_file;
  std::string origin;
};

LogName LogNameOf(const ResolvedProfile& profile);

struct StateFolder {
  // `$XDG_STATE_HOME/gaceta/<origin>-<digest>`, by default
  // `~/.local/state/…`, where `/` in the origin is `_`. The digest is of the
  // root certificate's SubjectPublicKeyInfo and of the origin.
  std::string path;
  // SHA-256 of the root's SubjectPublicKeyInfo, in hex.
  std::string root_key;
};

// Returns where the folder of a log is, which need not exist. Of several roots
// the first one with a folder counts, else the first.
//
// kFailedPrecondition if the environment names no folder; kNotFound or
// kInvalidArgument names a root file that cannot be used.
absl::StatusOr<StateFolder> FindStateFolder(const LogName& log);

// Returns the same folder, and makes it if it is not there. Nobody but its
// owner may enter `gaceta`: rights of other users, which an earlier version
// gave, are taken from it.
//
// Errors also: kFailedPrecondition if `gaceta` belongs to another user and
// others may enter it.
absl::StatusOr<StateFolder> OpenStateFolder(const LogName& log);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_STATE_FOLDER_H_
