// Checkpoints of the log, and receipts that stand alone.
#ifndef GACETA_CLIENT_GACETA_LOG_READER_H_
#define GACETA_CLIENT_GACETA_LOG_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "gaceta/evidence_folder.h"
#include "gaceta/log_source.h"
#include "gaceta/registry_client.h"
#include "gaceta/v1/log.grpc.pb.h"
#include "gaceta/v1/registry.pb.h"
#include "verify/entry_verifier.h"
#include "verify/log_policy.h"
#include "verify/log_receipt.h"

namespace gaceta::client {

// Only `source` is required.
struct LogReaderOptions {
  LogSource source;
  BackoffOptions backoff;
  // How long a server may take to reach a checkpoint that is known from
  // elsewhere: a node is a moment behind the hub. Then it counts as one whose
  // log was shortened.
  absl::Duration patience = absl::Seconds(10);
  // Optional. A folder for evidence, as EvidenceFolder has it: two checkpoints
  // that do not fit are kept there, and while there is a piece that no person
  // has dismissed, no LogReader begins.
  std::string evidence_folder;
};

// A checkpoint that holds.
struct LogCheckpoint {
  // As the server sent it, with the cosignatures that it has.
  std::string note;
  LogPolicy::Opened opened;
};

// All that a third party needs, but for the payload.
struct ProvedEntry {
  LogReceipt receipt;
  // Without its payload.
  VerifiedEntry entry;
  // The certificate of the key that signed it, and its issuer's.
  v1::SignerKey signer;
  // That of the receipt.
  LogPolicy::Opened checkpoint;
};

// Asks a hub or node for proofs, and checks them: the log's signature and the
// cosignatures by the registry's newest log policy, that a checkpoint extends
// those that are known, that a receipt holds.
//
// Thread safety: all methods may be called concurrently.
//
// Errors: kDataLoss, reason `LOG_FORKED`, `LOG_SHORTENED` or
// `BAD_CONSISTENCY_PROOF` if a checkpoint does not extend a known one, or as of
// Registry::Verify() and LogPolicy: stop, wake a person. kUnavailable is tried
// again with growing waits until the deadline; all other errors of the server
// are returned as they are.
class LogReader {
 public:
  // Connects on first use. Errors as of OpenSource(); kFailedPrecondition,
  // reason `LOG_DISTRUSTED`, if there is evidence against the log.
  static absl::StatusOr<std::unique_ptr<LogReader>> Create(
      LogReaderOptions options);

  // The newest checkpoint. It extends each of `known`, notes of this log that
  // were verified before, in any order. kNotFound, reason `NO_CHECKPOINT`, if
  // the log is empty; kInvalidArgument if one of `known` is none of this log.
  absl::StatusOr<LogCheckpoint> Newest(
      const std::vector<std::string>& known = {},
      absl::Time deadline = absl::InfiniteFuture());

  // The newest checkpoint that the policy's quorum has cosigned; where it asks
  // for none, the newest of all. It may be older than those that are known: the
  // newest of all then extends them all. kNotFound, reason `NO_CHECKPOINT`, if
  // there is none yet; kUnavailable, reason `QUORUM_MISSING`, if what the
  // server takes for a quorum is none.
  absl::StatusOr<LogCheckpoint> NewestCosigned(
      const std::vector<std::string>& known = {},
      absl::Time deadline = absl::InfiniteFuture());

  // The entry at `position` with its receipt. Waits for a quorum's checkpoint
  // until the deadline: kUnavailable, reason `QUORUM_MISSING`. kOutOfRange if
  // the log ends before.
  absl::StatusOr<ProvedEntry> Prove(
      std::int64_t position, absl::Time deadline = absl::InfiniteFuture());

  // What all is verified with, as far as it was read.
  Registry& registry() const { return *registry_; }

 private:
  struct Known;

  LogReader(LogReaderOptions options, std::string log_origin,
            std::shared_ptr<grpc::Channel> channel,
            std::unique_ptr<Registry> registry,
            std::unique_ptr<EvidenceFolder> evidence);

  absl::StatusOr<v1::GetCheckpointResponse> Ask(
      const v1::GetCheckpointRequest& request, absl::Time deadline);
  absl::StatusOr<LogCheckpoint> Fetch(const v1::GetCheckpointRequest& request,
                                      absl::Time deadline);
  absl::StatusOr<LogCheckpoint> FetchExtending(const Known& known,
                                               absl::Time deadline);
  absl::StatusOr<ProvedEntry> TryProve(std::int64_t position,
                                       grpc::ClientContext* context,
                                       absl::Time deadline);
  absl::Status Shortened(const Known& known, absl::Time deadline);
  // Keeps the notes, and returns kDataLoss.
  absl::Status Condemn(absl::string_view reason, absl::string_view text,
                       const std::vector<std::string>& notes);

  const LogReaderOptions options_;
  const std::string log_origin_;
  const std::unique_ptr<v1::LogService::Stub> stub_;
  const std::unique_ptr<Registry> registry_;
  // Null if none is kept.
  const std::unique_ptr<EvidenceFolder> evidence_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_LOG_READER_H_
