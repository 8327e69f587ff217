// Members, corridors, topics and erasures, out of the secretariat's own
// statements.
#ifndef GACETA_CLIENT_GACETA_REGISTRY_CLIENT_H_
#define GACETA_CLIENT_GACETA_REGISTRY_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "gaceta/log_source.h"
#include "gaceta/v1/registry.grpc.pb.h"
#include "verify/entry_verifier.h"
#include "verify/federation.h"
#include "verify/log_policy.h"

namespace gaceta::client {

// The federation's registry, read from a hub or node and verified: every
// statement of the secretariat is checked by its signature back to the
// federation's root, and, where there is a log policy, the log must have it. A
// server can keep back the newest of them, but not alter, invent or skip one.
//
// Keeps the registry as it was after each of them (some ten kilobytes each), so
// that old entries can be checked by the keys of their time.
//
// Thread safety: all methods may be called concurrently.
//
// Errors of Refresh(): kDataLoss, reason as of EntryVerifier, LogPolicy or
// VerifyInclusion(), if a statement does not verify; nothing of it is used, and
// every later call repeats the same status. kUnavailable is tried again with
// growing waits until the deadline.
class Registry {
 public:
  // Connects on first use, in Refresh(). Errors as of OpenSource().
  static absl::StatusOr<std::unique_ptr<Registry>> Create(
      const LogSource& source, BackoffOptions backoff = {});

  // Reads what is new. Before the first time the registry is empty.
  absl::Status Refresh(absl::Time deadline = absl::InfiniteFuture());

  // As of the last Refresh(). Never changes.
  std::shared_ptr<const Federation> Latest() const;
  // As it was for the entry at `position`.
  std::shared_ptr<const Federation> At(std::int64_t position) const;
  // Every registry statement below this position is in.
  std::int64_t next_position() const;

  // Opens the note of a checkpoint by the log policy, after a Refresh() if
  // there is none or it does not fit. The last that was opened is not checked
  // again.
  //
  // kUnavailable, reason `NO_LOG_POLICY`, if there is none still; kDataLoss as
  // LogPolicy::Open(); errors of Refresh().
  absl::StatusOr<LogPolicy::Opened> OpenCheckpoint(
      const std::string& note, absl::Time deadline = absl::InfiniteFuture());

  // Checks an entry of an answer, whose checkpoint is `checkpoint`: by the keys
  // of its time, after a Refresh() if it is newer than the last, and that the
  // log has it at its position, and whether a payload that is left out may be.
  // Says nothing of chains: an entry alone shows none.
  //
  // kDataLoss, reason as of EntryVerifier, OpenCheckpoint(), CheckOmission() or
  // `BAD_INCLUSION_PROOF`; errors of OpenCheckpoint().
  absl::StatusOr<VerifiedEntry> Verify(
      v1::Entry entry, const std::string& checkpoint,
      absl::Time deadline = absl::InfiniteFuture());

 private:
  Registry(OpenedSource source, BackoffOptions backoff);

  // One attempt.
  absl::Status ReadNew(bool* progress)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(refresh_mu_);
  // Opens by the registry as it is known.
  absl::StatusOr<LogPolicy::Opened> OpenByLatest(const std::string& note);

  const std::unique_ptr<v1::RegistryService::Stub> stub_;
  const BackoffOptions backoff_;

  // Held while reading from the server, so that one thread does.
  absl::Mutex refresh_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  EntryVerifier verifier_ ABSL_GUARDED_BY(refresh_mu_);
  // The secretariat's last statement.
  ChainHead head_ ABSL_GUARDED_BY(refresh_mu_);
  // What did not verify.
  absl::Status failure_ ABSL_GUARDED_BY(refresh_mu_);

  const EntryVerifier::Options verify_options_;
  mutable absl::Mutex mu_;
  // From which position on each counts, in order; the first is the empty one.
  std::vector<std::pair<std::int64_t, std::shared_ptr<const Federation>>>
      versions_ ABSL_GUARDED_BY(mu_);
  std::int64_t next_position_ ABSL_GUARDED_BY(mu_) = 0;
  // The checkpoint that was opened last, and by which registry.
  std::string opened_note_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const Federation> opened_by_ ABSL_GUARDED_BY(mu_);
  LogPolicy::Opened opened_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_REGISTRY_CLIENT_H_
