// Writes files that must never take the place of others.
#ifndef GACETA_CLIENT_PKI_NEW_FILE_H_
#define GACETA_CLIENT_PKI_NEW_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_rights.h"

namespace gaceta::pki {

// Creates `path`, which must not exist, and returns when `text` is on stable
// storage. kAlreadyExists if there is anything at `path`, a dangling link too;
// then, and after any other error, nothing has changed.
absl::Status WriteNewFile(const std::string& path, absl::string_view text,
                          FileRights rights);

// kAlreadyExists if there is anything at `path`. For a word ahead of work;
// only WriteNewFile() makes sure.
absl::Status CheckIsFree(const std::string& path);

// Creates `folder` and what is missing above it, for the owner alone (0700).
// Folders that exist are left as they are.
absl::Status MakePrivateFolder(const std::string& folder);

// kNotFound, or kPermissionDenied, if `path` cannot be read.
absl::StatusOr<std::string> ReadWholeFile(const std::string& path);

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_NEW_FILE_H_
