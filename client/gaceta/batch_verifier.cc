#include "gaceta/batch_verifier.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"

namespace gaceta::client {
namespace {

// Whether an entry may change the registry. A verified header holds its payload
// type as it is, so this misses none; one that it takes by mistake only costs
// time.
bool MayChangeRegistry(const v1::Entry& entry) {
  return absl::StrContains(entry.leaf(), kRegistryChangePayloadType);
}

}  // namespace

absl::Status BatchVerifier::Verify(absl::Span<v1::Entry* const> entries,
                                   std::vector<VerifiedEntry>* verified) {
  // The entries after a change of the registry are checked against the changed
  // one, so a part ends with each change.
  std::size_t begin = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i + 1 < entries.size() && !MayChangeRegistry(*entries[i])) continue;
    if (absl::Status s =
            VerifyPart(entries.subspan(begin, i + 1 - begin), verified);
        !s.ok()) {
      return s;
    }
    begin = i + 1;
  }
  return absl::OkStatus();
}

absl::Status BatchVerifier::VerifyPart(absl::Span<v1::Entry* const> entries,
                                       std::vector<VerifiedEntry>* verified) {
  const auto registry = verifier_->registry();
  std::vector<std::optional<absl::StatusOr<VerifiedEntry>>> alone(
      entries.size());
  parallel_.For(entries.size(), [&](std::size_t i) {
    alone[i] = EntryVerifier::CheckAlone(std::move(*entries[i]),
                                         verifier_->options(), *registry);
  });
  for (auto& entry : alone) {
    if (!entry->ok()) return entry->status();
    if (absl::Status s = CheckBeginning(**entry); !s.ok()) return s;
    if (absl::Status s = verifier_->CheckInOrder(**entry); !s.ok()) return s;
    verified->push_back(**std::move(entry));
  }
  return absl::OkStatus();
}

absl::Status BatchVerifier::CheckBeginning(const VerifiedEntry& entry) const {
  if (!from_beginning_ || !verifier_->options().complete_chains ||
      entry.header.sequence() == 1 ||
      verifier_->state().heads.contains(entry.header.publisher())) {
    return absl::OkStatus();
  }
  return WithReason(absl::DataLossError(absl::StrCat(
                        "entry ", entry.position, ": ",
                        entry.header.publisher(), " begins with sequence ",
                        entry.header.sequence(), ": statements are withheld")),
                    "CHAIN_GAP", {{"position", absl::StrCat(entry.position)}});
}

}  // namespace gaceta::client
