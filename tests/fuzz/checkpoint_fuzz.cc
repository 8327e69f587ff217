#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "tests/client/verify/test_signers.h"
#include "tests/fuzz/fuzz.h"
#include "verify/checkpoint.h"
#include "verify/text_lines.h"

namespace gaceta::fuzz {
namespace {

// Any text that is a checkpoint can be signed, cosigned and opened, if its
// origin can name a key.
void FuzzText(absl::string_view text) {
  const auto checkpoint = ParseCheckpoint(text);
  if (!checkpoint.ok()) return;
  Require(FormatCheckpoint(*checkpoint) == text, "a checkpoint has one form");
  if (!IsKeyName(checkpoint->origin)) return;

  static const auto* const witness = new NoteSigner(testing::WitnessOf("hn"));
  const NoteSigner log = testing::LogSigner(checkpoint->origin);
  const std::string note =
      absl::StrCat(SignCheckpoint(*checkpoint, log).value(),
                   Cosign(text, *witness, absl::FromUnixSeconds(1)).value());
  const auto opened = OpenCheckpoint(note, {log.public_key()});
  Require(opened.ok() && *opened == *checkpoint, "what is signed opens");
  const auto cosignatures =
      CheckCosignatures(ParseNote(note).value(), {witness->public_key()});
  Require(cosignatures.ok() && cosignatures->size() == 1,
          "what is cosigned shows it");
}

// Whatever opens was signed: this log signed one checkpoint.
void FuzzNote(absl::string_view text) {
  static const auto* const log = new NoteSigner(testing::LogSigner());
  const auto opened = OpenCheckpoint(text, {log->public_key()});
  if (opened.ok()) Require(opened->size == 600, "nothing else was signed");
  const auto note = ParseNote(text);
  if (note.ok()) FuzzText(note->text);
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const absl::string_view text = gaceta::fuzz::TextOf(data, size);
  gaceta::fuzz::FuzzText(text);
  gaceta::fuzz::FuzzNote(text);
  return 0;
}
