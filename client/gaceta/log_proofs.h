// Whether a log has what a server's answer shows. Used inside the client
// library alone.
#ifndef GACETA_CLIENT_GACETA_LOG_PROOFS_H_
#define GACETA_CLIENT_GACETA_LOG_PROOFS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gaceta/v1/statement.pb.h"
#include "verify/checkpoint.h"
#include "verify/federation.h"
#include "verify/log_policy.h"

namespace gaceta::client {

// Checks that a server's log is the one that this program is set to read. What
// a server calls its log is an error of a setting, here or there, and no
// misconduct: nothing that the server sends is used.
//
// kFailedPrecondition, reason `WRONG_LOG`, names both.
absl::Status CheckLogOrigin(absl::string_view seen, absl::string_view expected);

// Opens the note of a checkpoint of `log_origin` by the registry's log policy.
//
// kUnavailable, reason `NO_LOG_POLICY`, if the registry has none; kDataLoss as
// LogPolicy::Open(); as of CheckLogOrigin() if it is that of another log.
absl::StatusOr<LogPolicy::Opened> OpenByPolicy(const Federation& registry,
                                               absl::string_view log_origin,
                                               absl::string_view note);

// Checks the inclusion proof of an entry that an answer shows. kDataLoss,
// reason `BAD_INCLUSION_PROOF`, names the entry.
absl::Status CheckInclusion(const v1::Entry& entry,
                            const Checkpoint& checkpoint);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_LOG_PROOFS_H_
