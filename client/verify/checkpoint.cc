#include "verify/checkpoint.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "errors/errors.h"
#include "verify/text_lines.h"

namespace gaceta {
namespace {

// Seconds before the signature of a cosignature.
constexpr std::size_t kTimeBytes = 8;

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("checkpoint: ", why));
}

absl::Status DataLoss(const absl::Status& why, absl::string_view reason) {
  return WithReason(absl::DataLossError(why.message()), reason);
}

absl::Status BadSignature(const Checkpoint& checkpoint, absl::string_view why) {
  return WithReason(
      absl::DataLossError(absl::StrCat("checkpoint ", checkpoint.size, " of ",
                                       checkpoint.origin, ": ", why)),
      "BAD_CHECKPOINT_SIGNATURE");
}

bool IsBy(const NoteSignature& signature, const NoteKey& key) {
  return signature.key_id == key.key_id() && signature.name == key.name();
}

std::string CosignedMessage(std::int64_t seconds, absl::string_view text) {
  return absl::StrCat("cosignature/v1\ntime ", seconds, "\n", text);
}

std::string TimeBytes(std::int64_t seconds) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>(seconds >> shift));
  }
  return bytes;
}

// Nothing for a time beyond what the format allows, 2^63 - 1.
std::optional<std::int64_t> SecondsOf(absl::string_view bytes) {
  if (bytes.size() < kTimeBytes) return std::nullopt;
  std::uint64_t seconds = 0;
  for (const char c : bytes.substr(0, kTimeBytes)) {
    seconds = seconds << 8 | static_cast<unsigned char>(c);
  }
  if (seconds >> 63 != 0) return std::nullopt;
  return static_cast<std::int64_t>(seconds);
}

absl::StatusOr<Cosignature> CheckCosignature(const Note& note,
                                             const NoteSignature& signature,
                                             const NoteKey& witness) {
  const absl::string_view bytes = signature.signature;
  const auto seconds = SecondsOf(bytes);
  if (!seconds.has_value()) {
    return absl::UnauthenticatedError(
        absl::StrCat("cosignature of ", witness.name(), " has no valid time"));
  }
  const absl::Status holds = witness.Verify(
      CosignedMessage(*seconds, note.text), bytes.substr(kTimeBytes));
  if (!holds.ok()) return holds;
  return Cosignature{witness.name(), absl::FromUnixSeconds(*seconds)};
}

// Keeps one cosignature of each witness, the latest.
void Keep(Cosignature cosignature, std::vector<Cosignature>* kept) {
  const auto same = std::find_if(
      kept->begin(), kept->end(),
      [&](const Cosignature& one) { return one.name == cosignature.name; });
  if (same == kept->end()) {
    kept->push_back(std::move(cosignature));
  } else {
    same->time = std::max(same->time, cosignature.time);
  }
}

}  // namespace

std::string FormatCheckpoint(const Checkpoint& checkpoint) {
  return absl::StrCat(checkpoint.origin, "\n", checkpoint.size, "\n",
                      FormatBase64(View(checkpoint.root)), "\n");
}

absl::StatusOr<Checkpoint> ParseCheckpoint(absl::string_view text) {
  if (!IsPlainText(text)) {
    return Malformed("not UTF-8, or control characters in it");
  }
  const auto origin = TakeLine(&text);
  const auto size = TakeLine(&text);
  const auto root = TakeLine(&text);
  if (!root.has_value() || !text.empty()) {
    return Malformed("expected exactly three lines");
  }
  if (origin->empty()) return Malformed("its origin is empty");
  const auto leaves = ParseDecimal(*size);
  if (!leaves.has_value()) return Malformed("its size is no plain decimal");
  const auto hash = ParseHash(*root);
  if (!hash.has_value()) return Malformed("its root is no SHA-256 in base64");
  return Checkpoint{std::string(*origin), *leaves, *hash};
}

absl::StatusOr<Checkpoint> CheckpointOf(absl::string_view note) {
  auto parsed = ParseNote(note);
  if (!parsed.ok()) return parsed.status();
  return ParseCheckpoint(parsed->text);
}

absl::StatusOr<std::string> SignCheckpoint(const Checkpoint& checkpoint,
                                           const NoteSigner& log) {
  const NoteKey& key = log.public_key();
  if (key.name() != checkpoint.origin || key.type() != NoteKeyType::kEd25519) {
    return absl::InvalidArgumentError(absl::StrCat(
        "key ", key.ToString(), " is not one of a log ", checkpoint.origin));
  }
  Note note{FormatCheckpoint(checkpoint), {}};
  auto signature = log.Sign(note.text);
  if (!signature.ok()) return signature.status();
  note.signatures.push_back({key.name(), key.key_id(), *std::move(signature)});
  return FormatNote(note);
}

absl::StatusOr<Checkpoint> OpenCheckpoint(absl::string_view note,
                                          absl::Span<const NoteKey> log_keys) {
  auto parsed = ParseNote(note);
  if (!parsed.ok()) return DataLoss(parsed.status(), "MALFORMED_CHECKPOINT");
  return OpenCheckpoint(*parsed, log_keys);
}

absl::StatusOr<Checkpoint> OpenCheckpoint(const Note& note,
                                          absl::Span<const NoteKey> log_keys) {
  auto checkpoint = ParseCheckpoint(note.text);
  if (!checkpoint.ok()) {
    return DataLoss(checkpoint.status(), "MALFORMED_CHECKPOINT");
  }
  bool is_signed = false;
  for (const NoteSignature& signature : note.signatures) {
    for (const NoteKey& key : log_keys) {
      if (key.name() != checkpoint->origin || !IsBy(signature, key) ||
          key.type() != NoteKeyType::kEd25519) {
        continue;
      }
      const absl::Status holds = key.Verify(note.text, signature.signature);
      if (!holds.ok()) return BadSignature(*checkpoint, holds.message());
      is_signed = true;
    }
  }
  if (!is_signed) {
    return BadSignature(*checkpoint, "no signature by a known key of the log");
  }
  return checkpoint;
}

absl::StatusOr<std::string> Cosign(absl::string_view text,
                                   const NoteSigner& witness, absl::Time time) {
  const NoteKey& key = witness.public_key();
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  if (key.type() != NoteKeyType::kCosignature || seconds < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot cosign with key ", key.ToString(), " at ",
                     absl::FormatTime(time, absl::UTCTimeZone())));
  }
  auto signature = witness.Sign(CosignedMessage(seconds, text));
  if (!signature.ok()) return signature.status();
  return FormatSignatureLine(
      {key.name(), key.key_id(), absl::StrCat(TimeBytes(seconds), *signature)});
}

absl::StatusOr<std::vector<Cosignature>> CheckCosignatures(
    const Note& note, absl::Span<const NoteKey> witnesses) {
  std::vector<Cosignature> cosignatures;
  for (const NoteSignature& signature : note.signatures) {
    for (const NoteKey& witness : witnesses) {
      if (!IsBy(signature, witness) ||
          witness.type() != NoteKeyType::kCosignature) {
        continue;
      }
      auto cosignature = CheckCosignature(note, signature, witness);
      if (!cosignature.ok()) {
        return DataLoss(cosignature.status(), "BAD_COSIGNATURE");
      }
      Keep(*std::move(cosignature), &cosignatures);
    }
  }
  return cosignatures;
}

}  // namespace gaceta
