#include "verify/log_receipt.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"
#include "verify/checkpoint.h"
#include "verify/note.h"
#include "verify/text_lines.h"

namespace gaceta {
namespace {

constexpr absl::string_view kFirstLine = "c2sp.org/tlog-proof@v1";
constexpr absl::string_view kExtra = "extra ";
constexpr absl::string_view kIndex = "index ";

absl::Status Malformed(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("receipt: ", why));
}

}  // namespace

std::string FormatLogReceipt(const LogReceipt& receipt) {
  std::string text = absl::StrCat(kFirstLine, "\n");
  if (!receipt.leaf.empty()) {
    absl::StrAppend(&text, kExtra, FormatBase64(receipt.leaf), "\n");
  }
  absl::StrAppend(&text, kIndex, receipt.index, "\n",
                  FormatProof(receipt.proof), receipt.checkpoint);
  return text;
}

absl::StatusOr<LogReceipt> ParseLogReceipt(absl::string_view text) {
  LogReceipt receipt;
  if (TakeLine(&text) != kFirstLine) {
    return Malformed(absl::StrCat("its first line is not ", kFirstLine));
  }
  auto line = TakeLine(&text);
  if (line.has_value() && absl::ConsumePrefix(&*line, kExtra)) {
    auto leaf = ParseBase64(*line);
    if (!leaf.has_value() || leaf->empty()) {
      return Malformed("its extra line has no base64");
    }
    receipt.leaf = *std::move(leaf);
    line = TakeLine(&text);
  }
  if (!line.has_value() || !absl::ConsumePrefix(&*line, kIndex)) {
    return Malformed("its index line is missing");
  }
  const auto index = ParseDecimal(*line);
  if (!index.has_value()) return Malformed("its index is no plain decimal");
  receipt.index = *index;
  auto proof = TakeProof(&text);
  if (!proof.ok()) return Malformed(proof.status().message());
  receipt.proof = *std::move(proof);
  // Whose signatures these are, and whether they hold, is seen later.
  const auto note = ParseNote(text);
  if (!note.ok()) return Malformed(note.status().message());
  const auto checkpoint = ParseCheckpoint(note->text);
  if (!checkpoint.ok()) return Malformed(checkpoint.status().message());
  receipt.checkpoint = std::string(text);
  return receipt;
}

absl::StatusOr<LogPolicy::Opened> VerifyLogReceipt(const LogReceipt& receipt,
                                                   const LogPolicy& policy) {
  auto opened = policy.Open(receipt.checkpoint);
  if (!opened.ok()) return opened;
  const Checkpoint& checkpoint = opened->checkpoint;
  if (!opened->has_quorum) {
    return WithReason(
        absl::DataLossError(absl::StrCat(
            "checkpoint ", checkpoint.size, " of ", checkpoint.origin, " has ",
            opened->cosignatures.size(),
            " known cosignatures, which are not the policy's quorum")),
        "QUORUM_MISSING");
  }
  const absl::Status included =
      VerifyInclusion(HashLeaf(receipt.leaf), receipt.index, checkpoint.size,
                      receipt.proof, checkpoint.root);
  if (!included.ok()) return included;
  return opened;
}

}  // namespace gaceta
