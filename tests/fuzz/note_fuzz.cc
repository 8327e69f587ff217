#include "tests/fuzz/fuzz.h"
#include "verify/note.h"

namespace gaceta::fuzz {
namespace {

void FuzzNote(absl::string_view text) {
  const auto note = ParseNote(text);
  if (!note.ok()) return;
  Require(FormatNote(*note) == text, "a note has one form");
  Require(!note->signatures.empty(), "a note is signed");
  Require(note->text.back() == '\n', "a note's text ends in LF");
}

void FuzzSignatureLines(absl::string_view text) {
  const auto signatures = ParseSignatureLines(text);
  if (!signatures.ok()) return;
  std::string again;
  for (const NoteSignature& one : *signatures) {
    again += FormatSignatureLine(one);
  }
  Require(again == text, "signature lines have one form");
}

void FuzzKey(absl::string_view text) {
  const auto key = NoteKey::Parse(text);
  if (key.ok()) Require(key->ToString() == text, "a note's key has one form");
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view text = gaceta::fuzz::TextOf(data, size);
  gaceta::fuzz::FuzzNote(text);
  gaceta::fuzz::FuzzSignatureLines(text);
  gaceta::fuzz::FuzzKey(text);
  return 0;
}
