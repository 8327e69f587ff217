// Issues certificates exactly as told, without asking whether they should be:
// the ground that pki.h stands on, and the way for tests to make wrong ones.
#ifndef GACETA_CLIENT_PKI_ISSUE_H_
#define GACETA_CLIENT_PKI_ISSUE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pki/pki.h"
#include "verify/ca_constraints.h"

namespace gaceta::pki {

// What a certificate says.
struct CertificateForm {
  // For people; each is cut to 64 bytes. Left out where empty.
  std::string organization;
  std::string common_name;
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  // As `192.0.2.17`.
  std::vector<std::string> ip_addresses;
  absl::Time not_before;
  absl::Time not_after;
  bool ed25519 = false;

  // A CA may sign certificates, a leaf may use TLS.
  bool is_ca = false;
  // Of a CA: how many CAs may come between it and a leaf.
  int path_length = 0;
  // Of a CA: its name constraints.
  std::optional<CaConstraints> constraints;
};

// Makes a key and its certificate, signed by `issuer`, or by itself if that is
// null. The result's PEM holds this one certificate, without its issuer's.
//
// kInvalidArgument if `issuer`, the times or the addresses cannot be read or
// written,
// kFailedPrecondition if the issuer's key is not its certificate's.
absl::StatusOr<CertifiedKey> Issue(const CertificateForm& form,
                                   const CertifiedKey* issuer);

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_ISSUE_H_
