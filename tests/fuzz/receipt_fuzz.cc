#include "absl/strings/str_cat.h"
#include "tests/client/verify/test_signers.h"
#include "tests/fuzz/fuzz.h"
#include "verify/log_policy.h"
#include "verify/log_receipt.h"

namespace gaceta::fuzz {
namespace {

LogPolicy Policy() {
  return LogPolicy::Parse(
             absl::StrCat("log ", testing::LogSigner().public_key().ToString(),
                          "\nwitness hn ",
                          testing::WitnessOf("hn").public_key().ToString(),
                          "\nquorum hn\n"))
      .value();
}

// A proof alone, with numbers and hashes of any kind.
void FuzzProof(const LogReceipt& receipt, const Checkpoint& checkpoint) {
  const TreeHash leaf = HashLeaf(receipt.leaf);
  (void)VerifyInclusion(leaf, receipt.index, checkpoint.size, receipt.proof,
                        checkpoint.root);
  (void)VerifyConsistency(receipt.index, leaf, checkpoint.size, checkpoint.root,
                          receipt.proof);
}

void FuzzReceipt(absl::string_view text) {
  static const auto* const policy = new LogPolicy(Policy());
  const auto receipt = ParseLogReceipt(text);
  if (!receipt.ok()) return;
  Require(FormatLogReceipt(*receipt) == text, "a receipt has one form");
  const auto note = ParseNote(receipt->checkpoint);
  Require(note.ok(), "a receipt has a note");
  const auto checkpoint = ParseCheckpoint(note->text);
  Require(checkpoint.ok(), "a receipt has a checkpoint");
  FuzzProof(*receipt, *checkpoint);

  // The log of the stored receipts has the leaves "leaf 0" to "leaf 12".
  if (VerifyLogReceipt(*receipt, *policy).ok()) {
    Require(receipt->leaf == absl::StrCat("leaf ", receipt->index),
            "what verifies is in the log");
  }
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gaceta::fuzz::FuzzReceipt(gaceta::fuzz::TextOf(data, size));
  return 0;
}
