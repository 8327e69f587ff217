// Reads certificates back: what they say, and whether a chain holds.
#ifndef GACETA_CLIENT_PKI_INSPECT_H_
#define GACETA_CLIENT_PKI_INSPECT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "verify/ca_constraints.h"

namespace gaceta::pki {

// All functions may be called concurrently.

// What a certificate says. Nothing of it is verified.
struct CertificateFacts {
  enum class Kind {
    // Signed by itself.
    kRoot,
    // Signed by a root, and may sign leaves.
    kCa,
    // Of a program or a person.
    kLeaf,
  };
  Kind kind = Kind::kLeaf;
  // One line each, as `O=hn.gaceta.example, CN=node`.
  std::string subject;
  std::string issuer;
  // A leaf's SPIFFE ID is the only one of `uris`.
  std::vector<std::string> uris;
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  absl::Time not_before;
  absl::Time not_after;
  // Of a CA: what it is kept to; none if it has no name constraints.
  std::optional<CaConstraints> constraints;
  // Of a CA: how many CAs may follow; -1 if any number may.
  int path_length = -1;
  // `ECDSA P-256`, `Ed25519`, or OpenSSL's word for what Gaceta does not use.
  std::string key_algorithm;
  // SHA-256 of the SubjectPublicKeyInfo, 32 bytes: a signer's `key_id`.
  std::string key_id;
  // In lower-case hex.
  std::string serial;
};

// Returns the facts of every certificate in `pem`, in order; at least one.
// kInvalidArgument if there is none.
absl::StatusOr<std::vector<CertificateFacts>> ReadCertificates(
    absl::string_view pem);

// Checks that the first certificate of `chain_pem` holds at `now`, through the
// others, under one of `trusted_pem`, which need not be a root.
// kUnauthenticated says which certificate fails and why, with OpenSSL's words.
absl::Status CheckChain(absl::string_view chain_pem,
                        absl::string_view trusted_pem, absl::Time now);

// As `2026-01-31`, UTC.
std::string DateOf(absl::Time time);

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_INSPECT_H_
