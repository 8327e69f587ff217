#include "verify/entry_verifier.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

absl::Status Fails(std::int64_t position, absl::string_view reason,
                   absl::string_view text) {
  return WithReason(
      absl::DataLossError(absl::StrCat("entry ", position, ": ", text)), reason,
      {{"position", absl::StrCat(position)}});
}

// The same failure, seen by a reader: what was signed is not what arrived.
absl::Status Fails(std::int64_t position, const absl::Status& status) {
  return Fails(position, Reason(status), status.message());
}

// A change that this program is too old for, with the place where it stops.
absl::Status AtPosition(const absl::Status& newer, std::int64_t position) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        newer.message(), " from position ", position)),
                    kRegistryNewer,
                    {{"position", absl::StrCat(position)},
                     {"seen", ReasonMetadata(newer, "seen")}});
}

absl::StatusOr<PublicKey> FindKey(const v1::StatementHeader& header,
                                  absl::string_view key_id,
                                  const v1::Entry& entry,
                                  const Federation& registry) {
  auto key = registry.FindKey(header.publisher(), key_id, entry.position());
  if (key.ok() || registry.next_position() > 0 || header.sequence() != 1 ||
      !EntryVerifier::IsRegistryChange(header)) {
    return key;
  }
  // The first statement of all brings the key that signed it. Later ones
  // cannot: a key that the secretariat gave up long ago would make another
  // first one.
  v1::RegistryChange change;
  if (!change.ParseFromString(entry.payload())) return key;
  return registry.FindBootstrapKey(change, key_id);
}

}  // namespace

EntryVerifier::EntryVerifier(Options options, Federation empty)
    : options_(std::move(options)),
      registry_(std::make_shared<const Federation>(std::move(empty))) {}

bool EntryVerifier::IsRegistryChange(const v1::StatementHeader& header) {
  return header.publisher() == kSecretariat &&
         header.payload_type() == kRegistryChangePayloadType;
}

absl::StatusOr<VerifiedEntry> EntryVerifier::CheckAlone(
    v1::Entry entry, const Options& options, const Federation& registry) {
  const std::int64_t position = entry.position();
  if (position < 0 || position == kLatest) {
    return Fails(position, "POSITION_ORDER", "has no possible position");
  }
  v1::Leaf leaf;
  if (!leaf.ParseFromString(entry.leaf())) {
    return Fails(position, "MALFORMED_STATEMENT", "leaf does not parse");
  }
  auto header = ParseHeader(leaf.header());
  if (!header.ok()) return Fails(position, header.status());
  if (header->log_origin() != options.log_origin) {
    return Fails(
        position, "WRONG_LOG",
        absl::StrCat("statement is meant for log ", header->log_origin(),
                     ", expected ", options.log_origin));
  }
  auto key = FindKey(*header, leaf.key_id(), entry, registry);
  if (!key.ok()) return Fails(position, key.status());
  if (absl::Status s =
          VerifyHeaderSignature(leaf.header(), leaf.signature(), *key);
      !s.ok()) {
    return Fails(position, s);
  }

  VerifiedEntry verified;
  if (entry.omission() == v1::Entry::OMISSION_UNSPECIFIED) {
    if (absl::Status s = VerifyPayload(*header, entry.payload()); !s.ok()) {
      return Fails(position, s);
    }
    if (header->payload_type() == kUpdatePayloadType) {
      auto update = std::make_shared<v1::Update>();
      if (!update->ParseFromString(entry.payload())) {
        return Fails(position, "MALFORMED_STATEMENT", "update does not parse");
      }
      verified.update = std::move(update);
    }
  } else if (!entry.payload().empty()) {
    return Fails(position, "PAYLOAD_DIGEST_MISMATCH",
                 "entry has a payload and says that it has none");
  }
  verified.position = position;
  verified.header_digest = Sha256(leaf.header());
  verified.header = *std::move(header);
  verified.recorded_time =
      absl::FromUnixSeconds(leaf.recorded_time().seconds()) +
      absl::Nanoseconds(leaf.recorded_time().nanos());
  verified.entry = std::move(entry);
  return verified;
}

absl::Status EntryVerifier::CheckInOrder(const VerifiedEntry& entry) {
  if (entry.position < state_.next_position) {
    return Fails(entry.position, "POSITION_ORDER",
                 absl::StrCat("came again, expected position ",
                              state_.next_position, " or more"));
  }
  const v1::StatementHeader& header = entry.header;
  const auto found = state_.heads.find(header.publisher());
  const bool first = found == state_.heads.end();
  const ChainHead head = first ? ChainHead{} : found->second;
  if (header.sequence() <= head.sequence) {
    return Fails(entry.position, "CHAIN_BROKEN",
                 absl::StrCat(header.publisher(), " has sequence ",
                              header.sequence(), " after ", head.sequence));
  }
  const bool next = header.sequence() == head.sequence + 1;
  if (next && header.previous_digest() != head.header_digest) {
    return Fails(entry.position, "CHAIN_BROKEN",
                 absl::StrCat(header.publisher(), " ", header.sequence(),
                              " names another predecessor than came before"));
  }
  // The first statement seen of a publisher may be any: a subscriber need not
  // begin at the beginning.
  if (!next && !first && options_.complete_chains) {
    return Fails(
        entry.position, "CHAIN_GAP",
        absl::StrCat(header.publisher(), " has sequence ", header.sequence(),
                     " after ", head.sequence, ": statements are withheld"));
  }
  if (absl::Status s = FollowRegistry(entry); !s.ok()) return s;
  state_.heads[header.publisher()] = {header.sequence(), entry.header_digest};
  state_.next_position = entry.position + 1;
  return absl::OkStatus();
}

absl::StatusOr<VerifiedEntry> EntryVerifier::Check(v1::Entry entry) {
  auto verified = CheckAlone(std::move(entry), options_, *registry_);
  if (!verified.ok()) return verified.status();
  if (absl::Status s = CheckInOrder(*verified); !s.ok()) return s;
  return verified;
}

absl::Status EntryVerifier::ApplyRegistryEntry(const v1::Entry& entry) {
  auto verified = CheckAlone(entry, options_, *registry_);
  if (!verified.ok()) return verified.status();
  return FollowRegistry(*verified);
}

absl::Status EntryVerifier::FollowRegistry(const VerifiedEntry& entry) {
  if (entry.header.publisher() != kSecretariat) return absl::OkStatus();
  const std::uint64_t sequence = entry.header.sequence();
  if (sequence < registry_head_.sequence) return absl::OkStatus();
  if (sequence == registry_head_.sequence) {
    if (entry.header_digest == registry_head_.header_digest) {
      return absl::OkStatus();
    }
    return Fails(entry.position, "CHAIN_BROKEN",
                 absl::StrCat("registry statement ", sequence,
                              " is another than came before"));
  }
  if (sequence != registry_head_.sequence + 1) {
    return Fails(entry.position, "BAD_REGISTRY",
                 absl::StrCat("registry statement ", sequence, " after ",
                              registry_head_.sequence, ": one is missing"));
  }
  if (entry.header.previous_digest() != registry_head_.header_digest) {
    return Fails(entry.position, "CHAIN_BROKEN",
                 absl::StrCat("registry statement ", sequence,
                              " names another predecessor than came before"));
  }
  if (IsRegistryChange(entry.header)) {
    if (absl::Status s = ApplyChange(entry); !s.ok()) return s;
  }
  registry_head_ = {sequence, entry.header_digest};
  return absl::OkStatus();
}

absl::Status EntryVerifier::ApplyChange(const VerifiedEntry& entry) {
  v1::RegistryChange change;
  if (!change.ParseFromString(entry.entry.payload())) {
    return Fails(entry.position, "BAD_REGISTRY",
                 "registry change does not parse");
  }
  if (entry.position < registry_->next_position()) {
    return Fails(
        entry.position, "POSITION_ORDER",
        absl::StrCat("registry change comes after the one at position ",
                     registry_->next_position() - 1));
  }
  auto next = std::make_shared<Federation>(*registry_);
  if (absl::Status s = next->Apply(change, entry.position); !s.ok()) {
    // Nobody is at fault if the secretariat is ahead of this program.
    if (Reason(s) == kRegistryNewer) return AtPosition(s, entry.position);
    return Fails(entry.position, "BAD_REGISTRY", s.message());
  }
  registry_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace gaceta
