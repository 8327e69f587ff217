// Who may read which document.
#ifndef GACETA_SERVER_SERVICES_DOCUMENT_ACCESS_H_
#define GACETA_SERVER_SERVICES_DOCUMENT_ACCESS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/identity/access.h"
#include "server/identity/authorizer.h"
#include "server/projections/projected_log.h"

namespace gaceta {

// A document is as secret as the updates that name it: who may read the payload
// of one of them may read it. To all others it is as if it were not stored.
//
// Thread safety: immutable; all methods may be called concurrently.
class DocumentAccess {
 public:
  // `log` must outlive this object.
  DocumentAccess(ServerKind kind, ProjectedLog* log) : kind_(kind), log_(log) {}

  // `sha256_hex`: 64 digits of lower-case hex. What no update names yet, only
  // programs of its own state may read, at their node. Fails as the log does.
  absl::StatusOr<bool> MayRead(absl::string_view sha256_hex,
                               const Caller& caller) const;

  // Who may upload is told how much has arrived, whatever it may read: it has
  // the bytes.
  bool MayUpload(const Caller& caller) const;

 private:
  const ServerKind kind_;
  ProjectedLog* const log_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_DOCUMENT_ACCESS_H_
