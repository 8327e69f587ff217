// Checkpoints of a log (C2SP tlog-checkpoint v1.0.0, exactly three lines) and
// the cosignatures of witnesses (C2SP tlog-cosignature v1.0.1).
#ifndef GACETA_CLIENT_VERIFY_CHECKPOINT_H_
#define GACETA_CLIENT_VERIFY_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "verify/merkle.h"
#include "verify/note.h"

namespace gaceta {

// What a log says of itself at one moment.
struct Checkpoint {
  std::string origin;
  std::int64_t size = 0;
  TreeHash root = EmptyRoot();

  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

// The text of a checkpoint's note: three lines.
std::string FormatCheckpoint(const Checkpoint& checkpoint);
// kInvalidArgument says what is wrong.
absl::StatusOr<Checkpoint> ParseCheckpoint(absl::string_view text);

// Returns the checkpoint in `note` without looking at a signature, for notes
// that were checked before.
absl::StatusOr<Checkpoint> CheckpointOf(absl::string_view note);

// Returns the checkpoint as a note, signed by the log's key. kInvalidArgument
// unless that is of type kEd25519 and named as the origin.
absl::StatusOr<std::string> SignCheckpoint(const Checkpoint& checkpoint,
                                           const NoteSigner& log);

// Returns the checkpoint in `note` if one of `log_keys`, of the origin's name,
// signed it. kDataLoss: reason `MALFORMED_CHECKPOINT` or
// `BAD_CHECKPOINT_SIGNATURE`.
absl::StatusOr<Checkpoint> OpenCheckpoint(absl::string_view note,
                                          absl::Span<const NoteKey> log_keys);
// The same for a note that is parsed.
absl::StatusOr<Checkpoint> OpenCheckpoint(const Note& note,
                                          absl::Span<const NoteKey> log_keys);

// Returns the cosignature line, with its LF, of `witness` for the text of a
// note. `time` counts in whole seconds; kInvalidArgument for one before 1970,
// and for a key of another type.
absl::StatusOr<std::string> Cosign(absl::string_view text,
                                   const NoteSigner& witness, absl::Time time);

// Which witness has seen a checkpoint, and when, by its own clock.
struct Cosignature {
  std::string name;
  absl::Time time;
};

// Returns the cosignatures in `note` that keys of `witnesses` made; of each
// name the latest. Unknown keys are ignored; kDataLoss, reason
// `BAD_COSIGNATURE`, if a known one does not verify.
absl::StatusOr<std::vector<Cosignature>> CheckCosignatures(
    const Note& note, absl::Span<const NoteKey> witnesses);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_CHECKPOINT_H_
