// The folder in which a server keeps all that it has.
#ifndef GACETA_SERVER_STORAGE_DATA_FOLDER_H_
#define GACETA_SERVER_STORAGE_DATA_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

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

// The names of all that is in `folder`, sorted, but for `lost+found` of a file
// system's root. None if the folder is not there. kFailedPrecondition if a file
// is there in its place. Changes nothing.
absl::StatusOr<std::vector<std::string>> NamesInDataFolder(
    const std::string& folder);

// Makes `folder` for data that begins in it. kAlreadyExists if there is
// anything in it: `what` is the option that was given, for the message. Then
// nothing has changed.
absl::Status MakeNewDataFolder(const std::string& folder,
                               absl::string_view what);

// kDataLoss, naming the first of the files `names` that is there and has no
// byte, as an interrupted restore leaves it.
absl::Status CheckHasBytes(const std::string& folder,
                           absl::Span<const absl::string_view> names);

// Names for a message: `a, b and 3 more`; `nothing` if there are none.
std::string NameSome(const std::vector<std::string>& names);

}  // namespace gaceta

#endif  // GACETA_SERVER_STORAGE_DATA_FOLDER_H_
