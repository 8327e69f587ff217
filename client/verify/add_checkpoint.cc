#include "verify/add_checkpoint.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "verify/note.h"
#include "verify/text_lines.h"

namespace gaceta {
namespace {

// HTTP statuses, as the format has them.
constexpr int kBadRequest = 400;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kUnprocessable = 422;

constexpr absl::string_view kOld = "old ";

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("add-checkpoint: ", why));
}

// A request in its parts.
struct Parsed {
  AddCheckpoint request;
  Note note;
  Checkpoint checkpoint;
};

absl::StatusOr<Parsed> Parse(absl::string_view body) {
  Parsed parsed;
  auto line = TakeLine(&body);
  if (!line.has_value() || !absl::ConsumePrefix(&*line, kOld)) {
    return Malformed("its first line does not say old <size>");
  }
  const auto old_size = ParseDecimal(*line);
  if (!old_size.has_value()) return Malformed("old is no plain decimal");
  parsed.request.old_size = *old_size;
  auto proof = TakeProof(&body);
  if (!proof.ok()) return Malformed(proof.status().message());
  parsed.request.proof = *std::move(proof);
  parsed.request.checkpoint = std::string(body);
  auto note = ParseNote(body);
  if (!note.ok()) return Malformed(note.status().message());
  parsed.note = *std::move(note);
  auto checkpoint = ParseCheckpoint(parsed.note.text);
  if (!checkpoint.ok()) return Malformed(checkpoint.status().message());
  parsed.checkpoint = *std::move(checkpoint);
  return parsed;
}

WitnessDecision Refuse(int status, absl::string_view body) {
  return {{status, absl::StrCat(body, "\n")}, {}, {}};
}

}  // namespace

std::string FormatAddCheckpoint(const AddCheckpoint& request) {
  return absl::StrCat(kOld, request.old_size, "\n", FormatProof(request.proof),
                      request.checkpoint);
}

absl::StatusOr<AddCheckpoint> ParseAddCheckpoint(absl::string_view body) {
  auto parsed = Parse(body);
  if (!parsed.ok()) return parsed.status();
  return std::move(parsed->request);
}

WitnessDecision DecideAddCheckpoint(absl::string_view body,
                                    absl::Span<const NoteKey> log_keys,
                                    const WitnessedLog& known) {
  auto parsed = Parse(body);
  if (!parsed.ok()) return Refuse(kBadRequest, parsed.status().message());
  const AddCheckpoint& request = parsed->request;
  const Checkpoint& next = parsed->checkpoint;
  if (std::none_of(log_keys.begin(), log_keys.end(), [&](const NoteKey& key) {
        return key.name() == next.origin;
      })) {
    return Refuse(kNotFound, "unknown log");
  }
  // Nothing that an unsigned checkpoint says counts from here on.
  const auto opened = OpenCheckpoint(parsed->note, log_keys);
  if (!opened.ok()) return Refuse(kForbidden, opened.status().message());
  if (request.old_size > next.size) {
    return Refuse(kBadRequest, "old is beyond the checkpoint's size");
  }
  if (request.old_size != known.size) {
    return Refuse(kConflict, absl::StrCat(known.size));
  }
  const absl::Status extends = VerifyConsistency(
      known.size, known.root, next.size, next.root, request.proof);
  WitnessDecision decision{{}, next, std::move(parsed->request.checkpoint)};
  if (!extends.ok()) {
    decision.answer = Refuse(kUnprocessable, extends.message()).answer;
  }
  return decision;
}

}  // namespace gaceta
