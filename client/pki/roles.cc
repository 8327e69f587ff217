#include "pki/roles.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace gaceta::pki {
namespace {

constexpr absl::string_view kUnknownRole = "unknown role";

bool IsSecretariat(const SpiffeId& id) {
  return absl::StartsWith(id.trust_domain(),
                          absl::StrCat(kSecretariatName, "."));
}

}  // namespace

absl::Status CheckRole(const SpiffeId& id) {
  if (RoleInWords(id) != kUnknownRole) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", id.path(), "\" is no role in ", id.trust_domain(), "; expected ",
      IsSecretariat(id) ? "hub, signer, admin/<name> or subscriber/<name>"
                        : "node, signer, agency/<name>, subscriber/<name> or "
                          "admin/<name>"));
}

std::string RoleInWords(const SpiffeId& id) {
  const bool secretariat = IsSecretariat(id);
  if (id.path() == "hub" && secretariat) {
    return "hub: orders and relays the statements of all";
  }
  if (id.path() == "node" && !secretariat) {
    return "node: publishes for its state and follows the hub";
  }
  if (id.path() == "signer") {
    return "signer: signs statements, and never connects to anybody";
  }
  const std::vector<std::string> path = absl::StrSplit(id.path(), '/');
  if (path.size() != 2) return std::string(kUnknownRole);
  if (path[0] == "agency" && !secretariat) {
    return absl::StrCat("agency ", path[1],
                        ": submits to the node of its state");
  }
  if (path[0] == "subscriber") {
    return absl::StrCat("subscriber ", path[1], ": reads what is relayed");
  }
  if (path[0] == "admin") {
    return absl::StrCat("administrator ", path[1],
                        secretariat ? ": keeps the federation's registry"
                                    : ": administers the node of its state");
  }
  return std::string(kUnknownRole);
}

}  // namespace gaceta::pki
