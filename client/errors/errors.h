// Errors as programs of every language understand them: a canonical code, a
// text for people, and google.rpc details (AIP-193) for programs.
//
// Details travel as payloads of absl::Status, under the type URL that gRPC
// clients expect, so layers that know nothing of gRPC can make and read them.
#ifndef GACETA_CLIENT_ERRORS_ERRORS_H_
#define GACETA_CLIENT_ERRORS_ERRORS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"

namespace gaceta {

// One field that breaks a rule.
struct FieldViolation {
  // A path, as `update.dates.end_date` or `update.documents[2].sha256`.
  std::string field;
  // What was seen and what was expected.
  std::string description;

  friend bool operator==(const FieldViolation&,
                         const FieldViolation&) = default;
};

using ErrorMetadata = std::vector<std::pair<std::string, std::string>>;

// Returns `status` with an ErrorInfo: `reason` is UPPER_SNAKE_CASE and stable.
// Does nothing to an OK status.
absl::Status WithReason(absl::Status status, absl::string_view reason,
                        const ErrorMetadata& metadata = {});

// Returns `status` with a BadRequest that lists `violations`.
absl::Status WithViolations(absl::Status status,
                            const std::vector<FieldViolation>& violations);

// Returns kInvalidArgument for one field, reason `INVALID_FIELD`.
absl::Status InvalidField(absl::string_view field,
                          absl::string_view description);

// Returns kInvalidArgument that lists all of `violations`, reason `reason`.
absl::Status InvalidFields(absl::string_view reason,
                           const std::vector<FieldViolation>& violations);

// Returns the ErrorInfo's reason; empty if there is none.
std::string Reason(const absl::Status& status);

// Returns the ErrorInfo's metadata under `key`; empty if there is none.
std::string ReasonMetadata(const absl::Status& status, absl::string_view key);

// Returns the BadRequest's violations; none if there is none.
std::vector<FieldViolation> Violations(const absl::Status& status);

// Returns `status` with `prefix` and ": " before its text, details kept.
absl::Status Annotate(const absl::Status& status, absl::string_view prefix);

// Converts to and from the wire form. Both keep all details.
google::rpc::Status ToRpcStatus(const absl::Status& status);
absl::Status FromRpcStatus(const google::rpc::Status& status);

}  // namespace gaceta

#endif  // GACETA_CLIENT_ERRORS_ERRORS_H_
