// What the path of a SPIFFE ID says, in words for people.
//
// Who may call what is decided by the servers' own table, not here.
#ifndef GACETA_CLIENT_PKI_ROLES_H_
#define GACETA_CLIENT_PKI_ROLES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "verify/spiffe_id.h"

namespace gaceta::pki {

// First label of the secretariat's trust domain.
inline constexpr absl::string_view kSecretariatName = "secretariat";

// Whether a certificate for `id` has a use in a federation. kInvalidArgument
// lists the paths that its trust domain may have.
absl::Status CheckRole(const SpiffeId& id);

// As `agency migracion: submits to the node of its state`; `unknown role` for
// an id that CheckRole() refuses.
std::string RoleInWords(const SpiffeId& id);

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_ROLES_H_
