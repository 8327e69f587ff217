// Writes checkpoints for programs.
#ifndef GACETA_CLIENT_CLI_CHECKPOINT_TEXT_H_
#define GACETA_CLIENT_CLI_CHECKPOINT_TEXT_H_

#include <string>

#include "gaceta/log_reader.h"
#include "verify/merkle.h"

namespace gaceta::cli {

// As a checkpoint has it: base64.
std::string RootText(const TreeHash& root);

// Returns `{"origin":…,"size":…,"root":…,"quorum":…,"quorumTime":…,
// "cosignatures":[{"name":…,"time":…}],"note":…}` in one line; the time is left
// out if no quorum has cosigned, or none is asked for.
std::string CheckpointJson(const client::LogCheckpoint& checkpoint);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_CHECKPOINT_TEXT_H_
