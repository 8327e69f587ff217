// The folder in which a server keeps all that it has.
#ifndef GACETA_SERVER_STORAGE_DATA_FOLDER_H_
#define GACETA_SERVER_STORAGE_DATA_FOLDER_H_

#include <string>

#include "absl/status/status.h"

namespace gaceta {

// Makes `folder` and what is missing above it, for the owner alone (0700). If
// `folder` exists, takes the rights of other users from it and from the files
// that a server has made in it, and logs one line if there were any. Links and
// files of other names keep their rights. Keys do so as well: other users may
// have read them already, so the server refuses them when it reads them.
//
// kFailedPrecondition if rights of other users cannot be taken, since the
// folder or a file belongs to another user. The same if other users have rights
// to a folder that has files but none of a server: the path may be wrong, and
// nothing is changed.
absl::Status OpenDataFolder(const std::string& folder);

}  // namespace gaceta

#endif  // GACETA_SERVER_STORAGE_DATA_FOLDER_H_
