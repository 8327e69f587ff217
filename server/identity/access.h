// Who may call what: one table from (service, method) to roles. Denies by
// default: an rpc that is not in the table can be called by nobody.
#ifndef GACETA_SERVER_IDENTITY_ACCESS_H_
#define GACETA_SERVER_IDENTITY_ACCESS_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verify/federation.h"
#include "verify/spiffe_id.h"

namespace gaceta {

// What a SPIFFE ID says its holder is (design table of README.md).
enum class Role {
  // `secretariat.<federation>/hub`.
  kHub,
  // `secretariat.<federation>/admin/<name>`: keeps the registry.
  kRegistrar,
  // `<state>.<federation>/node`.
  kNode,
  // `<state>.<federation>/agency/<name>`.
  kAgency,
  // `<member>.<federation>/subscriber/<name>`.
  kSubscriber,
  // `<state>.<federation>/admin/<name>`.
  kStateAdmin,
};

absl::string_view RoleName(Role role);

// Who is at the other end of a connection, as far as its certificate says.
struct Peer {
  SpiffeId id;
  Role role;
  // Last segment of the path where the role has a name: `migracion`.
  std::string name;
};

// Returns what `id` is in `federation`. kPermissionDenied for a path that no
// role has, a trust domain outside, and `signer`, which never connects.
absl::StatusOr<Peer> IdentifyPeer(const SpiffeId& id,
                                  absl::string_view federation);

// Which server serves an rpc.
enum class ServerKind { kHub, kNode };

struct AccessRule {
  // As `gaceta.v1.RelayService/Subscribe`.
  std::string method;
  std::set<Role> hub_roles;
  std::set<Role> node_roles;
};

// The table, in order of method.
const std::vector<AccessRule>& AccessTable();

// Whether `role` may call `method` on a server of `kind`.
bool MayCall(ServerKind kind, absl::string_view method, Role role);

// The table as text, for `--print-access`.
std::string PrintAccessTable(ServerKind kind);

}  // namespace gaceta

#endif  // GACETA_SERVER_IDENTITY_ACCESS_H_
