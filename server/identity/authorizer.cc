#include "server/identity/authorizer.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/support/string_ref.h"
#include "verify/server_names.h"

namespace gaceta {
namespace {

absl::Status Denied(absl::string_view reason, const SpiffeId& id,
                    absl::string_view text) {
  return WithReason(absl::PermissionDeniedError(
                        absl::StrCat("identity ", id.ToString(), " ", text)),
                    reason, {{"identity", id.ToString()}});
}

// An observer issues its own certificates, so that it could name any role:
// some only make sense for a state.
bool IsOfState(Role role) {
  return role == Role::kNode || role == Role::kAgency ||
         role == Role::kStateAdmin;
}

// What the peer's certificate has in its property `name`.
std::vector<std::string> Values(const grpc::AuthContext& context,
                                const char* name) {
  std::vector<std::string> values;
  for (const grpc::string_ref& value : context.FindPropertyValues(name)) {
    values.emplace_back(value.data(), value.size());
  }
  return values;
}

}  // namespace

absl::StatusOr<Caller> Authorizer::Authorize(const grpc::AuthContext& context,
                                             absl::string_view method) const {
  // The URI names of the certificate that TLS verified. gRPC's own reading of
  // SPIFFE IDs is lax, so the name is parsed again, strictly.
  const std::vector<grpc::string_ref> uris =
      context.FindPropertyValues("peer_uri");
  if (uris.size() != 1) {
    return WithReason(absl::UnauthenticatedError(absl::StrCat(
                          "the client's certificate has ", uris.size(),
                          " URI names, expected exactly one SPIFFE ID")),
                      "NO_IDENTITY");
  }
  auto id = SpiffeId::Parse(absl::string_view(uris[0].data(), uris[0].size()));
  if (!id.ok()) {
    return WithReason(absl::UnauthenticatedError(id.status().message()),
                      "NO_IDENTITY");
  }
  // A CA that is older than the rule may have signed such a leaf, and one with
  // a name of its own domain passes the CA's constraints.
  if (absl::Status s =
          CheckServerNames(*id, {Values(context, GRPC_PEER_DNS_PROPERTY_NAME),
                                 Values(context, GRPC_PEER_IP_PROPERTY_NAME)});
      !s.ok()) {
    return s;
  }
  return AuthorizeId(*id, method);
}

absl::StatusOr<Caller> Authorizer::AuthorizeId(const SpiffeId& id,
                                               absl::string_view method) const {
  const std::shared_ptr<const Federation> federation = federation_();
  auto peer = IdentifyPeer(id, federation->name());
  if (!peer.ok()) return peer.status();
  if (!MayCall(kind_, method, peer->role)) {
    return Denied("ROLE_NOT_ALLOWED", id,
                  absl::StrCat("has role ", RoleName(peer->role),
                               ", which may not call ", method));
  }
  if (kind_ == ServerKind::kNode && id.trust_domain() != own_trust_domain_) {
    return Denied(
        "WRONG_TRUST_DOMAIN", id,
        absl::StrCat("is not of ", own_trust_domain_, ", whose node this is"));
  }

  Caller caller{*std::move(peer), "", false};
  const v1::Member* member =
      federation->FindMemberByTrustDomain(id.trust_domain());
  if (member == nullptr) {
    // Before the first registry statement nobody is known. The registrar makes
    // that statement; a node that has never met its hub serves its own state.
    const bool known_without_registry =
        kind_ == ServerKind::kNode || caller.peer.role == Role::kRegistrar;
    if (known_without_registry && federation->members().empty()) return caller;
    return Denied("UNKNOWN_MEMBER", id,
                  "is of a trust domain that the registry does not have");
  }
  if (member->status() != v1::Member::STATUS_ACTIVE) {
    return Denied("MEMBER_SUSPENDED", id,
                  absl::StrCat("is of ", member->id(), ", which is suspended"));
  }
  caller.member = member->id();
  caller.is_state = member->kind() == v1::Member::KIND_STATE;
  if (!caller.is_state && IsOfState(caller.peer.role)) {
    return Denied("ROLE_NOT_ALLOWED", id,
                  absl::StrCat("has role ", RoleName(caller.peer.role),
                               ", which only states have, and ", member->id(),
                               " is none"));
  }
  return caller;
}

}  // namespace gaceta
