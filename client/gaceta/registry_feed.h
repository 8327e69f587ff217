// Reads the secretariat's statements from a server into an EntryVerifier. Used
// inside the client library alone.
#ifndef GACETA_CLIENT_GACETA_REGISTRY_FEED_H_
#define GACETA_CLIENT_GACETA_REGISTRY_FEED_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gaceta/cancellation.h"
#include "gaceta/v1/registry.grpc.pb.h"
#include "verify/entry_verifier.h"

namespace gaceta::client {

inline constexpr std::int64_t kEndOfLog =
    std::numeric_limits<std::int64_t>::max();

// What to read.
struct RegistryRange {
  std::int64_t begin = 0;
  // Entries at or after it are left out.
  std::int64_t end = kEndOfLog;
  // The last statement before `begin`.
  ChainHead head;
  // Its log policy opens the answers' checkpoints. Null: that which is read.
  std::shared_ptr<const Federation> policy = nullptr;
};

struct RegistryRead {
  // The last statement that was read.
  ChainHead head;
  // There is no other below this position.
  std::int64_t next_position = 0;
};

// Reads the range, checks each statement (signature, digest, chain, rules) and
// applies it to `verifier`; `applied`, if set, is called after each. Where
// there is a log policy, the log must have each of them too. One attempt; each
// page may take `page_timeout`.
//
// kDataLoss, reason as of EntryVerifier, OpenByPolicy() or CheckInclusion(), if
// one does not verify. kUnavailable if the server's list does not reach
// `range.end` yet.
absl::StatusOr<RegistryRead> ReadRegistry(
    v1::RegistryService::Stub* stub, const RegistryRange& range,
    absl::Duration page_timeout, EntryVerifier* verifier,
    Cancellation* cancellation,
    const std::function<void(const RegistryRead& so_far)>& applied = nullptr);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_REGISTRY_FEED_H_
