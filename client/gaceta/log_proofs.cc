#include "gaceta/log_proofs.h"

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "verify/merkle.h"

namespace gaceta::client {
namespace {

// Of a server's text, in an error.
constexpr std::size_t kMaxOriginBytes = 200;

}  // namespace

absl::Status CheckLogOrigin(absl::string_view seen,
                            absl::string_view expected) {
  if (seen == expected) return absl::OkStatus();
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "log_origin says ", expected, ", the hub has ",
                        seen.substr(0, kMaxOriginBytes))),
                    "WRONG_LOG");
}

absl::StatusOr<LogPolicy::Opened> OpenByPolicy(const Federation& registry,
                                               absl::string_view log_origin,
                                               absl::string_view note) {
  if (registry.log_policy() == nullptr) {
    return WithReason(absl::UnavailableError(
                          "the registry has no log policy yet, so nothing can "
                          "be verified"),
                      "NO_LOG_POLICY");
  }
  auto opened = registry.log_policy()->policy.Open(note);
  if (!opened.ok()) return opened;
  if (absl::Status s = CheckLogOrigin(opened->checkpoint.origin, log_origin);
      !s.ok()) {
    return s;
  }
  return opened;
}

absl::Status CheckInclusion(const v1::Entry& entry,
                            const Checkpoint& checkpoint) {
  const auto bad = [&entry](absl::string_view why) {
    return WithReason(absl::DataLossError(
                          absl::StrCat("entry ", entry.position(), ": ", why)),
                      "BAD_INCLUSION_PROOF",
                      {{"position", absl::StrCat(entry.position())}});
  };
  const auto proof = SplitHashes(entry.inclusion_proof());
  if (!proof.ok()) return bad(proof.status().message());
  const absl::Status included =
      VerifyInclusion(HashLeaf(entry.leaf()), entry.position(), checkpoint.size,
                      *proof, checkpoint.root);
  return included.ok() ? included : bad(included.message());
}

}  // namespace gaceta::client
