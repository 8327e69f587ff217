// The data folder of a node: how it begins, and what has to be in it.
#ifndef GACETA_SERVER_NODE_NODE_FOLDER_H_
#define GACETA_SERVER_NODE_NODE_FOLDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "verify/note.h"

namespace gaceta {

struct NodeFolderOptions {
  std::string data_folder;
  // `node.hn.gaceta.example`: the name of the cosigning key.
  std::string cosigner_name;
  // Empty: cosigner.key in the data folder.
  std::string cosigner_key_file;
};

// Begins the data of a node: makes the folder, the cosigning key, and empty
// stores. Returns the public half of the key. After an error there is nothing
// that a second attempt would have to remove.
//
// `reuse_key`: the key is there already, in `cosigner_key_file`. A witness that
// begins anew has forgotten what it cosigned with it: so it takes saying.
//
// Errors as those of CreateHubFolder().
absl::StatusOr<NoteKey> CreateNodeFolder(const NodeFolderOptions& options,
                                         bool reuse_key);

// Whether the folder has all that cannot be fetched from the hub: outbox.db,
// checkpoints.db and the cosigning key. Changes nothing. Errors say what was
// found, what was expected and what to do; codes as those of CheckHubFolder().
absl::Status CheckNodeFolder(const NodeFolderOptions& options);

// Opens the key of a node whose data is there.
absl::StatusOr<NoteSigner> ReadCosignerKey(const NodeFolderOptions& options);

// If the mirrored log is missing as a whole, begins an empty one, which is
// fetched from the hub again, and says so in the log. What was shown and
// cosigned before stays known: the log that is fetched has to begin with it.
// kDataLoss if checkpoints.db has forgotten some of that; nothing is begun
// then.
absl::Status PrepareMirror(const std::string& data_folder);

// Says how to proceed, if `status` is that the mirrored log is damaged or not
// whole.
absl::Status WithRefetch(const absl::Status& status,
                         const std::string& data_folder);

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_NODE_FOLDER_H_
