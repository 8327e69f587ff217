// The data folder of a hub: how it begins, and what has to be in it.
#ifndef GACETA_SERVER_HUB_HUB_FOLDER_H_
#define GACETA_SERVER_HUB_HUB_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "verify/note.h"

namespace gaceta {

struct HubFolderOptions {
  std::string data_folder;
  std::string log_origin;
  // Empty: log.key in the data folder.
  std::string log_key_file;
};

// Begins a log: makes the folder, the key, and empty stores. Returns the public
// half of the key. After an error there is nothing that a second attempt would
// have to remove.
//
// `reuse_key`: the key is there already, in `log_key_file`. Whoever begins a
// second log with the key of another makes two histories of one log, which
// every reader of the first keeps as evidence: so it takes saying.
//
// kAlreadyExists: the folder has something, or the key is there and
// `reuse_key` is not given. kNotFound: `reuse_key` is given, and no key is
// there. kUnavailable: the folder cannot be made.
absl::StatusOr<NoteKey> CreateHubFolder(const HubFolderOptions& options,
                                        bool reuse_key);

// Whether the folder has all that a log needs to go on, as far as it shows
// without changing anything: a log is never made by accident, and never served
// when a part of it is missing. Errors say what was found, what was expected
// and what to do.
//
// kNotFound: there is no log, or no key. kFailedPrecondition: it is another
// program's folder. kDataLoss: a part is missing.
absl::Status CheckHubFolder(const HubFolderOptions& options);

// Opens the key of a log that is there.
absl::StatusOr<NoteSigner> ReadLogKey(const HubFolderOptions& options);

// Says how to recover, if `status` is that the log in the folder is damaged or
// not whole.
absl::Status WithRecovery(const absl::Status& status,
                          const std::string& data_folder);

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_HUB_FOLDER_H_
