// Signed notes (C2SP signed-note v1.0.0) and the keys that sign them.
#ifndef GACETA_CLIENT_VERIFY_NOTE_H_
#define GACETA_CLIENT_VERIFY_NOTE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verify/keys.h"

namespace gaceta {

// What a note key signs.
enum class NoteKeyType : std::uint8_t {
  // Ed25519 over the text: the log's own.
  kEd25519 = 0x01,
  // Ed25519 over a time and the text (C2SP tlog-cosignature): a witness's.
  kCosignature = 0x04,
};

// A public key of a note, written `name+<8 hex>+<base64>`.
//
// Thread safety: immutable; copies share the key.
class NoteKey {
 public:
  // kInvalidArgument for anything but a well-formed Ed25519 or cosignature key
  // whose key id is right.
  static absl::StatusOr<NoteKey> Parse(absl::string_view text);
  // kInvalidArgument if `name` cannot name a key, or `key` is not Ed25519.
  static absl::StatusOr<NoteKey> Create(std::string name, NoteKeyType type,
                                        const PublicKey& key);

  const std::string& name() const { return name_; }
  NoteKeyType type() const { return type_; }
  // The first 4 bytes of SHA-256(name ‖ LF ‖ type ‖ public key), big-endian.
  std::uint32_t key_id() const { return key_id_; }
  // The 32 bytes of the public key.
  const std::string& bytes() const { return bytes_; }
  std::string ToString() const;

  // Checks a bare signature over `message`. kUnauthenticated.
  absl::Status Verify(absl::string_view message,
                      absl::string_view signature) const;

 private:
  NoteKey(std::string name, NoteKeyType type, std::string bytes, PublicKey key);

  std::string name_;
  NoteKeyType type_;
  std::uint32_t key_id_;
  std::string bytes_;
  PublicKey key_;
};

// A private key with its name. Thread safety: as SigningKey.
class NoteSigner {
 public:
  // Errors as NoteKey::Create().
  static absl::StatusOr<NoteSigner> Create(std::string name, NoteKeyType type,
                                           SigningKey key);

  const NoteKey& public_key() const { return public_key_; }
  absl::StatusOr<std::string> Sign(absl::string_view message) const {
    return key_.Sign(message);
  }

 private:
  NoteSigner(NoteKey public_key, SigningKey key)
      : public_key_(std::move(public_key)), key_(std::move(key)) {}

  NoteKey public_key_;
  SigningKey key_;
};

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  std::string signature;

  friend bool operator==(const NoteSignature&, const NoteSignature&) = default;
};

struct Note {
  // Ends with LF.
  std::string text;
  std::vector<NoteSignature> signatures;
};

// Parses text, empty line and 1 to 256 signature lines. Checks no signature.
// What parses is, formatted, the same bytes. kInvalidArgument says what is
// wrong.
absl::StatusOr<Note> ParseNote(absl::string_view note);

// Parses lines `— <name> <base64>`, each ending in LF; none is well-formed.
absl::StatusOr<std::vector<NoteSignature>> ParseSignatureLines(
    absl::string_view lines);

// One line, with its LF.
std::string FormatSignatureLine(const NoteSignature& signature);
std::string FormatNote(const Note& note);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_NOTE_H_
