// The folder in which the commands of one person keep what they know of a log
// from one run to the next.
#ifndef GACETA_CLIENT_CLI_STATE_FOLDER_H_
#define GACETA_CLIENT_CLI_STATE_FOLDER_H_

#include <string>

#include "absl/status/statusor.h"

namespace gaceta::cli {

// Returns the folder of a log, `$XDG_STATE_HOME/gaceta/<origin>`, by default
// `~/.local/state/…`, where `/` in the origin is `_`. Makes it if it is not
// there. Nobody but its owner may enter `gaceta`: rights of other users, which
// an earlier version gave, are taken from it.
//
// kFailedPrecondition if the environment names no folder, or if `gaceta`
// belongs to another user and others may enter it.
absl::StatusOr<std::string> OpenStateFolder(const std::string& log_origin);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_STATE_FOLDER_H_
