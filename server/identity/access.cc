#include "server/identity/access.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

constexpr absl::string_view kSecretariatLabel = "secretariat";

const std::set<Role>& NobodyRoles() {
  static const auto* roles = new std::set<Role>;
  return *roles;
}

const std::set<Role>& HubReaders() {
  static const auto* roles =
      new std::set<Role>{Role::kNode, Role::kAgency, Role::kSubscriber,
                         Role::kStateAdmin, Role::kRegistrar};
  return *roles;
}

const std::set<Role>& NodeReaders() {
  static const auto* roles =
      new std::set<Role>{Role::kAgency, Role::kSubscriber, Role::kStateAdmin};
  return *roles;
}

// Adds one rule for each of `methods` of `service`.
void Add(std::vector<AccessRule>* table, absl::string_view service,
         const std::vector<absl::string_view>& methods,
         const std::set<Role>& hub, const std::set<Role>& node) {
  for (absl::string_view method : methods) {
    table->push_back(
        {absl::StrCat("gaceta.v1.", service, "/", method), hub, node});
  }
}

std::vector<AccessRule> MakeTable() {
  const std::set<Role> publishers = {Role::kNode, Role::kRegistrar};
  const std::set<Role> submitters = {Role::kAgency, Role::kStateAdmin};
  std::vector<AccessRule> table;
  Add(&table, "DocumentsService", {"DownloadDocument", "GetDocument"},
      HubReaders(), NodeReaders());
  Add(&table, "DocumentsService", {"UploadDocument"}, {Role::kNode},
      submitters);
  Add(&table, "LogService", {"GetCheckpoint", "GetProof"}, HubReaders(),
      NodeReaders());
  Add(&table, "PublishingService", {"GetChainHead", "Publish"}, publishers,
      NobodyRoles());
  Add(&table, "RegistryService",
      {"ListCorridors", "ListMembers", "ListRegistryEntries", "ListTopics"},
      HubReaders(), NodeReaders());
  Add(&table, "RelayService",
      {"DeleteSubscription", "Explain", "GetSubscription", "ListSubscriptions",
       "Subscribe"},
      HubReaders(), NodeReaders());
  Add(&table, "SubmissionsService",
      {"GetSubmission", "ListSubmissions", "SubmitUpdate", "WatchSubmission"},
      NobodyRoles(), submitters);
  Add(&table, "UpdatesService", {"GetUpdate", "ListUpdates"}, HubReaders(),
      NodeReaders());
  Add(&table, "WitnessService", {"Witness"}, {Role::kNode}, NobodyRoles());
  return table;
}

const std::set<Role>& RolesOf(const AccessRule& rule, ServerKind kind) {
  return kind == ServerKind::kHub ? rule.hub_roles : rule.node_roles;
}

absl::Status NoRole(const SpiffeId& id) {
  return WithReason(
      absl::PermissionDeniedError(absl::StrCat(
          "identity ", id.ToString(),
          " has no role; expected a path of hub, node, agency/<a-z0-9->, "
          "subscriber/<name> or admin/<name>")),
      "ROLE_NOT_ALLOWED", {{"identity", id.ToString()}});
}

}  // namespace

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kHub:
      return "hub";
    case Role::kRegistrar:
      return "registrar";
    case Role::kNode:
      return "node";
    case Role::kAgency:
      return "agency";
    case Role::kSubscriber:
      return "subscriber";
    case Role::kStateAdmin:
      return "state-admin";
  }
  return "unknown";
}

absl::StatusOr<Peer> IdentifyPeer(const SpiffeId& id,
                                  absl::string_view federation) {
  const std::string suffix = absl::StrCat(".", federation);
  if (!absl::EndsWith(id.trust_domain(), suffix) ||
      absl::StrContains(absl::StripSuffix(id.trust_domain(), suffix), ".")) {
    return WithReason(
        absl::PermissionDeniedError(absl::StrCat(
            "identity ", id.ToString(), " is not of federation ", federation)),
        "WRONG_TRUST_DOMAIN", {{"identity", id.ToString()}});
  }
  const bool secretariat =
      id.trust_domain() == absl::StrCat(kSecretariatLabel, suffix);
  const std::vector<std::string> path = absl::StrSplit(id.path(), '/');

  if (path.size() == 1 && path[0] == "hub" && secretariat) {
    return Peer{id, Role::kHub, ""};
  }
  if (path.size() == 1 && path[0] == "node" && !secretariat) {
    return Peer{id, Role::kNode, ""};
  }
  if (path.size() != 2) return NoRole(id);
  if (path[0] == "admin") {
    return Peer{id, secretariat ? Role::kRegistrar : Role::kStateAdmin,
                path[1]};
  }
  // Its name goes into statements, whose rule is narrower than SPIFFE's.
  if (path[0] == "agency" && !secretariat && IsAgencyName(path[1])) {
    return Peer{id, Role::kAgency, path[1]};
  }
  if (path[0] == "subscriber") return Peer{id, Role::kSubscriber, path[1]};
  return NoRole(id);
}

const std::vector<AccessRule>& AccessTable() {
  static const auto* table = new std::vector<AccessRule>(MakeTable());
  return *table;
}

bool MayCall(ServerKind kind, absl::string_view method, Role role) {
  for (const AccessRule& rule : AccessTable()) {
    if (rule.method == method) return RolesOf(rule, kind).contains(role);
  }
  return false;
}

std::string PrintAccessTable(ServerKind kind) {
  std::string text;
  for (const AccessRule& rule : AccessTable()) {
    const std::set<Role>& roles = RolesOf(rule, kind);
    if (roles.empty()) continue;
    absl::StrAppend(&text, rule.method, ": ",
                    absl::StrJoin(roles, ", ",
                                  [](std::string* out, Role role) {
                                    absl::StrAppend(out, RoleName(role));
                                  }),
                    "\n");
  }
  absl::StrAppend(&text,
                  "grpc.health.v1.Health, grpc.reflection.v1alpha: "
                  "anybody with a certificate of the federation\n");
  return text;
}

}  // namespace gaceta
