// What every subscriber checks of every entry, before anybody sees it.
#ifndef GACETA_CLIENT_VERIFY_ENTRY_VERIFIER_H_
#define GACETA_CLIENT_VERIFY_ENTRY_VERIFIER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/statement.pb.h"
#include "gaceta/v1/update.pb.h"
#include "verify/federation.h"
#include "verify/statement.h"

namespace gaceta {

// An entry that holds.
struct VerifiedEntry {
  std::int64_t position = 0;
  v1::StatementHeader header;
  // SHA-256 of the header's bytes.
  std::string header_digest;
  absl::Time recorded_time;
  // As received, with leaf and payload.
  v1::Entry entry;
  // Set if the payload is there and is an update.
  std::shared_ptr<const v1::Update> update;
};

// Checks entries of one stream, in order: signature by a key that counts at the
// entry's position, digest of the payload, positions that rise, and each
// publisher's chain as far as the stream shows it. Builds the registry from the
// secretariat's entries as they come. It may be ahead of the stream, never
// behind.
//
// The signature and the digest of an entry need nothing but the registry, so
// they may be checked on several threads (CheckAlone); the rest (CheckInOrder)
// is done by one thread, in order, and must follow.
//
// Thread safety: CheckAlone() may be called concurrently with a snapshot of the
// registry; the rest needs exclusion.
//
// kFailedPrecondition with reason kRegistryNewer: the secretariat's statement
// at that position needs a later version of this program. It can go on after an
// upgrade, from that position. All other errors are kDataLoss, with reason
// `MALFORMED_STATEMENT`, `WRONG_LOG`, `UNKNOWN_KEY`, `MEMBER_SUSPENDED`,
// `BAD_SIGNATURE`, `TOO_LARGE`, `PAYLOAD_DIGEST_MISMATCH`, `POSITION_ORDER`,
// `CHAIN_BROKEN`, `CHAIN_GAP` or `BAD_REGISTRY`. Nothing that failed may be
// used.
class EntryVerifier {
 public:
  struct Options {
    std::string log_origin;
    // The stream has every statement of the publishers that it shows, so that a
    // missing one is an error.
    bool complete_chains = false;
  };

  // What has to be kept to go on after a restart, beside the registry's
  // entries.
  struct State {
    std::map<std::string, ChainHead> heads;
    // The next entry's position must be this at least.
    std::int64_t next_position = 0;
    // The note of the newest checkpoint of the log that was verified; empty
    // before the first. The verifier itself does not use it.
    std::string checkpoint;
  };

  EntryVerifier(Options options, Federation empty);

  // The registry as of the entries so far. Never changes.
  std::shared_ptr<const Federation> registry() const { return registry_; }
  // The secretariat's statements up to here have been applied.
  std::uint64_t registry_sequence() const { return registry_head_.sequence; }

  // Checks one entry of the secretariat's list, from the first on, and applies
  // it. One that was applied before is checked, and changes nothing.
  absl::Status ApplyRegistryEntry(const v1::Entry& entry);

  // Parses and checks what needs no order. `registry` must have every change
  // below the entry's position; it may have later ones.
  static absl::StatusOr<VerifiedEntry> CheckAlone(v1::Entry entry,
                                                  const Options& options,
                                                  const Federation& registry);

  // Checks position and chain of what CheckAlone() passed, and moves on.
  absl::Status CheckInOrder(const VerifiedEntry& entry);

  // Both, for an entry of a stream.
  absl::StatusOr<VerifiedEntry> Check(v1::Entry entry);

  const Options& options() const { return options_; }
  const State& state() const { return state_; }
  void set_state(State state) { state_ = std::move(state); }

  // Whether an entry is a registry statement, by its payload type and
  // publisher alone.
  static bool IsRegistryChange(const v1::StatementHeader& header);

 private:
  absl::Status ApplyChange(const VerifiedEntry& entry);
  // Applies what is next, and checks that what was applied before is the same.
  absl::Status FollowRegistry(const VerifiedEntry& entry);

  const Options options_;
  std::shared_ptr<const Federation> registry_;
  // Last statement of the secretariat that was applied. Not in state_: who goes
  // on after a restart applies the registry's entries again.
  ChainHead registry_head_;
  State state_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_ENTRY_VERIFIER_H_
