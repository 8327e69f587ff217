// Makes the changes of the registry that the secretariat publishes, out of
// files.
#ifndef GACETA_CLIENT_CLI_REGISTRY_CHANGE_H_
#define GACETA_CLIENT_CLI_REGISTRY_CHANGE_H_

#include <string>

#include "absl/status/statusor.h"
#include "gaceta/v1/registry.pb.h"
#include "verify/federation.h"

namespace gaceta::cli {

// Reads a file with the JSON of one v1::RegistryChange. kInvalidArgument or
// kNotFound names the file.
absl::StatusOr<v1::RegistryChange> ReadRegistryChange(const std::string& path);

// What makes a member join.
struct MemberFiles {
  // `HN`, `OAS`, or an organisation's id.
  std::string id;
  // The member's CA certificates, PEM, one after the other.
  std::string ca_file;
  // Optional. The certificate of its signer, PEM, followed by its CA's.
  std::string signer_file;
  // Optional. A RegistryChange in JSON that has the member's names;
  // certificates and the federation's domain are filled in.
  std::string members_file;
};

// Returns the member, active, and its signer key, if it has one. The trust
// domain is the label of `members_file` below `federation`, else the id in
// lower case (`secretariat` for `OAS`).
absl::StatusOr<v1::RegistryChange> MakeMemberChange(
    const MemberFiles& files, const std::string& federation);

// Takes out what the registry has already, so that publishing the same twice
// adds nothing to the log.
void DropUnchanged(const Federation& registry, v1::RegistryChange* change);

// What an item puts, as `member HN` or `topic entry-visa`.
std::string DescribeItem(const v1::RegistryItem& item);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_REGISTRY_CHANGE_H_
