// What the hub's refusal of a statement means for the node.
#ifndef GACETA_SERVER_NODE_REFUSALS_H_
#define GACETA_SERVER_NODE_REFUSALS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gaceta {

enum class RefusalAction {
  // The statement itself is wrong, and stays so: tell its agency.
  kRefuse,
  // The hub lacks documents: bring them and try again.
  kBringDocuments,
  // The hub's chain is not where the node takes it to be: ask it.
  kAskHead,
  // The signature or the log's name does not count: sign again if the node's
  // own have changed since, else wait for a person.
  kCheckSignature,
  // Wrong until a person acts; nothing is wrong with the statement.
  kHold,
  // The same may succeed soon.
  kRetry,
};

// Decides by the reason, and by the code for a reason of a newer hub.
RefusalAction ActionFor(const absl::Status& error);

absl::string_view RefusalActionName(RefusalAction action);

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_REFUSALS_H_
