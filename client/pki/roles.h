// What the path of a SPIFFE ID says, in words for people.
//
// Who may call what is decided by the servers' own table, not here.
#ifndef GACETA_CLIENT_PKI_ROLES_H_
#define GACETA_CLIENT_PKI_ROLES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace gaceta::pki {

// First label of the secretariat's trust domain.
inline constexpr absl::string_view kSecretariatName = "secretariat";

// Whether a certificate with this path has a use in a trust domain whose first
// label is `member`. kInvalidArgument lists the paths that have one.
absl::Status CheckRole(absl::string_view member, absl::string_view path);

// As `agency migracion: submits to the node of its state`; `unknown role` for
// what CheckRole() refuses.
std::string RoleInWords(absl::string_view member, absl::string_view path);

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_ROLES_H_
