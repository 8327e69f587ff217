// Decides at the start of every rpc who calls and whether it may.
#ifndef GACETA_SERVER_IDENTITY_AUTHORIZER_H_
#define GACETA_SERVER_IDENTITY_AUTHORIZER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/security/auth_context.h"
#include "server/identity/access.h"
#include "verify/federation.h"

namespace gaceta {

// The caller of an rpc that may go on.
struct Caller {
  Peer peer;
  // Registry id of the member that the caller belongs to: `HN`, `OAS`, or an
  // organisation's. Empty while the registry does not know its trust domain.
  std::string member;
  // Whether that member is a state.
  bool is_state = false;
};

// Thread safety: immutable; all methods may be called concurrently.
class Authorizer {
 public:
  using FederationSource = std::function<std::shared_ptr<const Federation>()>;

  // For a node, `own_trust_domain` is the only one whose members it serves.
  Authorizer(ServerKind kind, std::string own_trust_domain,
             FederationSource federation)
      : kind_(kind),
        own_trust_domain_(std::move(own_trust_domain)),
        federation_(std::move(federation)) {}

  // `method` as in AccessTable(). kUnauthenticated without a usable
  // certificate, with reason `NO_IDENTITY`, or `SERVER_NAMES_NOT_ALLOWED` for a
  // DNS name or IP address that only a server may have; kPermissionDenied with
  // reason `ROLE_NOT_ALLOWED`, `UNKNOWN_MEMBER`, `MEMBER_SUSPENDED` or
  // `WRONG_TRUST_DOMAIN`.
  //
  // A registrar is let in while the registry is still empty, since it is who
  // fills it.
  absl::StatusOr<Caller> Authorize(const grpc::AuthContext& context,
                                   absl::string_view method) const;

  // The same, for an identity already known (tests, open streams).
  absl::StatusOr<Caller> AuthorizeId(const SpiffeId& id,
                                     absl::string_view method) const;

 private:
  const ServerKind kind_;
  const std::string own_trust_domain_;
  const FederationSource federation_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_IDENTITY_AUTHORIZER_H_
