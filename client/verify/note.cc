#include "verify/note.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "verify/digest.h"
#include "verify/text_lines.h"

namespace gaceta {
namespace {

// An em dash, U+2014, and a space.
constexpr absl::string_view kSignaturePrefix = "\xe2\x80\x94 ";
constexpr std::size_t kKeyIdBytes = 4;
constexpr std::size_t kEd25519KeyBytes = 32;
// Checking one takes a tenth of a millisecond; a federation has far fewer.
constexpr std::size_t kMaxSignatures = 256;

std::string BytesOf(std::uint32_t key_id) {
  std::string bytes(kKeyIdBytes, '\0');
  for (std::size_t i = 0; i < kKeyIdBytes; ++i) {
    bytes[i] = static_cast<char>(key_id >> (8 * (kKeyIdBytes - 1 - i)));
  }
  return bytes;
}

std::uint32_t KeyIdOf(absl::string_view bytes) {
  std::uint32_t key_id = 0;
  for (const char c : bytes.substr(0, kKeyIdBytes)) {
    key_id = key_id << 8 | static_cast<unsigned char>(c);
  }
  return key_id;
}

std::string TypeByte(NoteKeyType type) {
  return std::string(1, static_cast<char>(type));
}

bool IsKnown(char type) {
  return type == static_cast<char>(NoteKeyType::kEd25519) ||
         type == static_cast<char>(NoteKeyType::kCosignature);
}

absl::Status Malformed(absl::string_view what, absl::string_view text,
                       absl::string_view why) {
  // The text may come from anywhere: keep it short and printable.
  return absl::InvalidArgumentError(absl::StrCat(
      what, " \"", absl::CHexEscape(text.substr(0, 100)), "\": ", why));
}

absl::StatusOr<NoteSignature> ParseSignatureLine(absl::string_view line) {
  const auto malformed = [&](absl::string_view why) {
    return Malformed("signature line", line, why);
  };
  absl::string_view rest = line;
  if (!absl::ConsumePrefix(&rest, kSignaturePrefix)) {
    return malformed("it does not begin with an em dash and a space");
  }
  const std::size_t space = rest.find(' ');
  if (space == absl::string_view::npos) return malformed("it has no signature");
  const absl::string_view name = rest.substr(0, space);
  if (!IsKeyName(name)) return malformed("its name cannot name a key");
  const auto bytes = ParseBase64(rest.substr(space + 1));
  if (!bytes.has_value()) return malformed("its signature is no base64");
  if (bytes->size() <= kKeyIdBytes) return malformed("its signature is short");
  return NoteSignature{std::string(name), KeyIdOf(*bytes),
                       bytes->substr(kKeyIdBytes)};
}

}  // namespace

NoteKey::NoteKey(std::string name, NoteKeyType type, std::string bytes,
                 PublicKey key)
    : name_(std::move(name)),
      type_(type),
      key_id_(
          KeyIdOf(Sha256(absl::StrCat(name_, "\n", TypeByte(type), bytes)))),
      bytes_(std::move(bytes)),
      key_(std::move(key)) {}

absl::StatusOr<NoteKey> NoteKey::Parse(absl::string_view text) {
  const auto malformed = [&](absl::string_view why) {
    return Malformed("note key", text, why);
  };
  // Base64 may have a `+`, too.
  const std::vector<absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('+', 2));
  if (parts.size() != 3) return malformed("expected <name>+<key id>+<base64>");
  const auto bytes = ParseBase64(parts[2]);
  if (!bytes.has_value()) return malformed("its key is no base64");
  if (bytes->size() != 1 + kEd25519KeyBytes || !IsKnown(bytes->front())) {
    return malformed("it is neither an Ed25519 nor a cosignature key");
  }
  auto key = PublicKey::FromEd25519(absl::string_view(*bytes).substr(1));
  if (!key.ok()) return malformed(key.status().message());
  auto result = Create(std::string(parts[0]),
                       static_cast<NoteKeyType>(bytes->front()), *key);
  if (!result.ok()) return result.status();
  if (ToHex(BytesOf(result->key_id())) != parts[1]) {
    return malformed(
        absl::StrCat("its key id is ", ToHex(BytesOf(result->key_id()))));
  }
  return result;
}

absl::StatusOr<NoteKey> NoteKey::Create(std::string name, NoteKeyType type,
                                        const PublicKey& key) {
  if (!IsKeyName(name)) {
    return Malformed("name", name,
                     "a note's key needs one without spaces and +");
  }
  auto bytes = key.Ed25519Bytes();
  if (!bytes.ok()) return bytes.status();
  return NoteKey(std::move(name), type, *std::move(bytes), key);
}

std::string NoteKey::ToString() const {
  return absl::StrCat(name_, "+", ToHex(BytesOf(key_id_)), "+",
                      FormatBase64(absl::StrCat(TypeByte(type_), bytes_)));
}

absl::Status NoteKey::Verify(absl::string_view message,
                             absl::string_view signature) const {
  if (key_.Verify(message, signature).ok()) return absl::OkStatus();
  return absl::UnauthenticatedError(
      absl::StrCat("signature does not hold under note key ", name_, "+",
                   ToHex(BytesOf(key_id_))));
}

absl::StatusOr<NoteSigner> NoteSigner::Create(std::string name,
                                              NoteKeyType type,
                                              SigningKey key) {
  auto public_key = NoteKey::Create(std::move(name), type, key.public_key());
  if (!public_key.ok()) return public_key.status();
  return NoteSigner(*std::move(public_key), std::move(key));
}

absl::StatusOr<Note> ParseNote(absl::string_view note) {
  if (!IsPlainText(note)) {
    return absl::InvalidArgumentError(
        "note is not UTF-8, or has control characters");
  }
  // The text may have empty lines; the last one ends it.
  const std::size_t end = note.rfind("\n\n");
  if (end == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        "note has no empty line between text and signatures");
  }
  auto signatures = ParseSignatureLines(note.substr(end + 2));
  if (!signatures.ok()) return signatures.status();
  if (signatures->empty()) {
    return absl::InvalidArgumentError("note has no signature");
  }
  return Note{std::string(note.substr(0, end + 1)), *std::move(signatures)};
}

absl::StatusOr<std::vector<NoteSignature>> ParseSignatureLines(
    absl::string_view lines) {
  std::vector<NoteSignature> signatures;
  while (!lines.empty()) {
    const auto line = TakeLine(&lines);
    if (!line.has_value()) {
      return Malformed("signature line", lines, "it does not end in LF");
    }
    if (signatures.size() == kMaxSignatures) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", kMaxSignatures, " signatures"));
    }
    auto signature = ParseSignatureLine(*line);
    if (!signature.ok()) return signature.status();
    signatures.push_back(*std::move(signature));
  }
  return signatures;
}

std::string FormatSignatureLine(const NoteSignature& signature) {
  return absl::StrCat(kSignaturePrefix, signature.name, " ",
                      FormatBase64(absl::StrCat(BytesOf(signature.key_id),
                                                signature.signature)),
                      "\n");
}

std::string FormatNote(const Note& note) {
  std::string text = absl::StrCat(note.text, "\n");
  for (const NoteSignature& signature : note.signatures) {
    absl::StrAppend(&text, FormatSignatureLine(signature));
  }
  return text;
}

}  // namespace gaceta
