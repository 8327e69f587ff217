// Makes and reads the keys that sign a log's checkpoints.
#ifndef GACETA_CLIENT_PKI_NOTE_KEY_H_
#define GACETA_CLIENT_PKI_NOTE_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "verify/note.h"

namespace gaceta::pki {

// Returns a new Ed25519 key as PEM.
absl::StatusOr<std::string> MakeEd25519Pem();

// Makes an Ed25519 key in `path` (PEM, mode 0600), and its public half as a
// line of text in `path`.pub, for the log policy. kAlreadyExists if there is
// anything at `path`; then nothing has changed.
absl::StatusOr<NoteSigner> MakeNoteKey(const std::string& path,
                                       const std::string& name,
                                       NoteKeyType type);

// Reads a key that MakeNoteKey() made. kNotFound if there is none;
// kPermissionDenied if others than its owner may read it.
absl::StatusOr<NoteSigner> ReadNoteKey(const std::string& path,
                                       const std::string& name,
                                       NoteKeyType type);

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_NOTE_KEY_H_
