// Issues certificates exactly as told, without asking whether they should be:
// the ground that pki.h stands on, and the way for tests to make wrong ones.
#ifndef GACETA_CLIENT_PKI_ISSUE_H_
#define GACETA_CLIENT_PKI_ISSUE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "pki/pki.h"

namespace gaceta::pki {

// What a certificate says.
struct CertificateForm {
  // For people; each is cut to 64 bytes. Left out where empty.
  std::string organization;
  std::string common_name;
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  absl::Time not_before;
  absl::Time not_after;
  bool ed25519 = false;

  // A CA may sign certificates, a leaf may use TLS.
  bool is_ca = false;
  // Of a CA: how many CAs may come between it and a leaf.
  int path_length = 0;
  // Of a CA: the only host that its URIs may have and the only domain of its
  // DNS names, as a critical name constraint. None where empty.
  std::string permitted_domain;
};

// Makes a key and its certificate, signed by `issuer`, or by itself if that is
// null. The result's PEM holds this one certificate, without its issuer's.
//
// kInvalidArgument if `issuer` or the times cannot be read or written,
// kFailedPrecondition if the issuer's key is not its certificate's.
absl::StatusOr<CertifiedKey> Issue(const CertificateForm& form,
                                   const CertifiedKey* issuer);

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_ISSUE_H_
