#include "pki/roles.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace gaceta::pki {
namespace {

constexpr absl::string_view kUnknownRole = "unknown role";

}  // namespace

absl::Status CheckRole(absl::string_view member, absl::string_view path) {
  if (RoleInWords(member, path) != kUnknownRole) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", path, "\" is no role in ", member, "; expected ",
      member == kSecretariatName
          ? "hub, signer, admin/<name> or subscriber/<name>"
          : "node, signer, agency/<name>, subscriber/<name> or admin/<name>"));
}

std::string RoleInWords(absl::string_view member, absl::string_view path) {
  const bool secretariat = member == kSecretariatName;
  if (path == "hub" && secretariat) {
    return "hub: orders and relays the statements of all";
  }
  if (path == "node" && !secretariat) {
    return "node: publishes for its state and follows the hub";
  }
  if (path == "signer") {
    return "signer: signs statements, and never connects to anybody";
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(path, '/');
  if (parts.size() == 2 && !parts[1].empty()) {
    if (parts[0] == "agency" && !secretariat) {
      return absl::StrCat("agency ", parts[1],
                          ": submits to the node of its state");
    }
    if (parts[0] == "subscriber") {
      return absl::StrCat("subscriber ", parts[1], ": reads what is relayed");
    }
    if (parts[0] == "admin") {
      return absl::StrCat("administrator ", parts[1],
                          secretariat ? ": keeps the federation's registry"
                                      : ": administers the node of its state");
    }
  }
  return std::string(kUnknownRole);
}

}  // namespace gaceta::pki
