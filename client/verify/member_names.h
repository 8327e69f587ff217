// The rules about the host names and addresses of members: what a member may
// register, and that its CA is kept to that.
//
// They bind when a change of the registry is admitted to the log. They are no
// part of Federation::Check(): a log that is older than these rules goes on to
// verify.
#ifndef GACETA_CLIENT_VERIFY_MEMBER_NAMES_H_
#define GACETA_CLIENT_VERIFY_MEMBER_NAMES_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "gaceta/v1/registry.pb.h"
#include "verify/federation.h"

namespace gaceta {

// All functions may be called concurrently.

// How many host names, and how many addresses, a member may have.
inline constexpr int kMaxMemberNames = 16;

// Whether a member of `federation` may have `name` as a host name, as far as
// that follows from the two: a DNS name in lower case, of two labels or more,
// that has nothing to do with the names of the federation. kInvalidArgument
// says what is wrong.
absl::Status CheckHostName(absl::string_view name,
                           absl::string_view federation);

// Returns what is wrong with the members that `change` puts into `registry`,
// one after the other; field paths as Federation::Check() has them:
//
//   - host names and addresses have a correct form, each is there once, and no
//     other member has them; no host name lies above or below one of another
//     member;
//   - the constraints of each CA are those of MemberCaConstraints().
//
// A member whose CAs, host names and addresses stay as they are is not checked,
// so that one that joined before these rules can be suspended.
std::vector<FieldViolation> CheckMemberNames(const Federation& registry,
                                             const v1::RegistryChange& change);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_MEMBER_NAMES_H_
