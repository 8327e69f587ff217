// Makes the changes of the registry that the secretariat publishes, out of
// files.
#ifndef GACETA_CLIENT_CLI_REGISTRY_CHANGE_H_
#define GACETA_CLIENT_CLI_REGISTRY_CHANGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
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
// lower case (`secretariat` for `OAS`). Host names and addresses are those that
// the first CA is kept to.
absl::StatusOr<v1::RegistryChange> MakeMemberChange(
    const MemberFiles& files, const std::string& federation);

// What makes a log policy.
struct PolicyFiles {
  // The log's public key: the hub's log.key.pub.
  std::string log_key_file;
  // Public keys of witnesses: the nodes' cosigner.key.pub.
  std::vector<std::string> witness_files;
  // How many of them are a quorum: a number, `all`, or `none`.
  std::string quorum;
  // How long clients wait for it; the registry's default if it is zero.
  absl::Duration grace;
};

// Returns the change that puts the policy. kInvalidArgument names the file or
// the option that is wrong.
absl::StatusOr<v1::RegistryChange> MakePolicyChange(const PolicyFiles& files);

// What is erased: one of the two.
struct ErasureTarget {
  // Of an entry; none if a document is erased.
  std::optional<std::int64_t> position;
  // SHA-256, lower-case hex.
  std::string document;
};

v1::RegistryChange MakeErasureChange(const ErasureTarget& target,
                                     const std::string& ground);

// Returns the change that revokes the first certificate of a PEM file.
absl::StatusOr<v1::RegistryChange> MakeRevokedCertificateChange(
    const std::string& path, const std::string& ground);

// Takes out what the registry has already, so that publishing the same twice
// adds nothing to the log.
void DropUnchanged(const Federation& registry, v1::RegistryChange* change);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_REGISTRY_CHANGE_H_
