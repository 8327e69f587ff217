// What a witness is asked and answers (C2SP tlog-witness v1.0.0,
// `add-checkpoint`), without its storage or its wire.
#ifndef GACETA_CLIENT_VERIFY_ADD_CHECKPOINT_H_
#define GACETA_CLIENT_VERIFY_ADD_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "verify/checkpoint.h"
#include "verify/merkle.h"

namespace gaceta {

struct AddCheckpoint {
  // What the log believes that the witness has seen last.
  std::int64_t old_size = 0;
  // From there to the checkpoint.
  std::vector<TreeHash> proof;
  // A note.
  std::string checkpoint;
};

// The body of a request.
std::string FormatAddCheckpoint(const AddCheckpoint& request);
// kInvalidArgument says what is wrong.
absl::StatusOr<AddCheckpoint> ParseAddCheckpoint(absl::string_view body);

// What a witness answers: an HTTP status and a body.
struct WitnessAnswer {
  int status = 200;
  std::string body;
};

// What a witness knows of the log that a request is about.
struct WitnessedLog {
  std::int64_t size = 0;
  TreeHash root = EmptyRoot();
};

// What is to be done with a request.
struct WitnessDecision {
  // The refusal, unless its status is 200: then `checkpoint` is to be kept, and
  // after that cosigned.
  WitnessAnswer answer;
  // Also there with 422: what the log has signed, and does not prove.
  Checkpoint checkpoint;
  // Its note, as the log signed it.
  std::string note;
};

// Decides about the body of a request: 400 if it does not parse, 404 for a log
// other than `log_keys` name, 403 if none of them signed it, 409 with the known
// size as body if `old` is another, 422 for a proof that fails or a second root
// of one size.
WitnessDecision DecideAddCheckpoint(absl::string_view body,
                                    absl::Span<const NoteKey> log_keys,
                                    const WitnessedLog& known);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_ADD_CHECKPOINT_H_
