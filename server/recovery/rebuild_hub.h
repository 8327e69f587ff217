// Rebuilds a hub whose disk is gone.
#ifndef GACETA_SERVER_RECOVERY_REBUILD_HUB_H_
#define GACETA_SERVER_RECOVERY_REBUILD_HUB_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/log/log_store.h"
#include "verify/note.h"

namespace gaceta {

struct RebuildOptions {
  // Where the hub's data goes; it must have no log.
  std::string data_folder;
  // The key that signed the log; without it no log goes on.
  NoteKey log_key;
  // Data folders of nodes that do not run, or copies of them.
  std::vector<std::string> mirrors;
};

struct Rebuilt {
  Position size = 0;
  // Entries whose payload no mirror has: it was restricted, or not mirrored.
  Position without_payload = 0;
  int documents = 0;
};

// Takes every entry from the mirror that has most of the log, payloads that it
// does not have from the others, and all documents. The result has to match
// every checkpoint that any of the nodes has seen, and must reach the newest of
// them: a log that ends before, or is another, would be a second history. What
// was acknowledged to a node, or cosigned by it, that node mirrors (decision
// 0007): so the folders of all nodes have all of it.
//
// kFailedPrecondition: the folder has a log, or the mirrors end before a
// checkpoint that was seen. kDataLoss: a checkpoint is not that of the mirrored
// log. kNotFound: a folder is none of a node. Nothing was made then that a
// second attempt would have to remove.
absl::StatusOr<Rebuilt> RebuildHub(const RebuildOptions& options);

}  // namespace gaceta

#endif  // GACETA_SERVER_RECOVERY_REBUILD_HUB_H_
