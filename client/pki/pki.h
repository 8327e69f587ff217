// Makes the certificates of a federation: its root, one CA a member, leaves.
//
// Everything here is made in memory; PkiFolder keeps it in files. Any other CA
// that issues the same names does as well.
#ifndef GACETA_CLIENT_PKI_PKI_H_
#define GACETA_CLIENT_PKI_PKI_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "verify/spiffe_id.h"

namespace gaceta::pki {

// All functions may be called concurrently.
//
// Errors: kInvalidArgument for a name, a time or a PEM text that cannot be
// used, kFailedPrecondition for what the issuer may not sign or for a key that
// is not its certificate's, kInternal if OpenSSL fails.

// A certificate and its private key, as PEM texts.
struct CertifiedKey {
  // A leaf is followed by its CA, as TLS wants to send them. A CA and a root
  // stand alone.
  std::string certificate_pem;
  // PKCS #8, not encrypted.
  std::string key_pem;
};

// Returns the root CA of `federation`, as `gaceta.example`: ECDSA P-256, signed
// by itself. It signs member CAs only (pathlen:1).
absl::StatusOr<CertifiedKey> MakeRoot(absl::string_view federation,
                                      absl::Time not_before,
                                      absl::Duration validity);

// By what a member's servers are reached, beside the DNS names of its trust
// domain. The rules are those of v1::Member.
struct MemberNames {
  // As `gaceta.migracion.gob.hn`.
  std::vector<std::string> host_names;
  // As `192.0.2.17` or `2001:db8::17`.
  std::vector<std::string> ip_addresses;
};

// Returns the CA of the member whose names are in `trust_domain`, as
// `hn.gaceta.example`: ECDSA P-256, signed by `root`. It signs leaves only
// (pathlen:0), and critical name constraints keep it to URIs of that very trust
// domain, to DNS names of that and of the host names and below them, and to
// those addresses.
//
// `trust_domain` must be one label before the root's federation. If `root` ends
// earlier than `validity` says, the CA ends with it.
absl::StatusOr<CertifiedKey> MakeCa(const CertifiedKey& root,
                                    absl::string_view trust_domain,
                                    absl::Time not_before,
                                    absl::Duration validity,
                                    const MemberNames& names = {});

struct LeafOptions {
  // By what a server is reached, for clients that look at that: Gaceta's own
  // look at the SPIFFE ID alone. The CA has to permit each; where a list is
  // empty, the leaf has all the host names, or all the addresses, that the CA
  // names. A server always has its own DNS name, `node.hn.<federation>`.
  //
  // Only for a server, `hub` or `node`: no other leaf has any.
  std::vector<std::string> dns_names;
  std::vector<std::string> ip_addresses;
  // Ed25519 in place of ECDSA P-256, for a signer. TLS wants P-256: not every
  // stack takes an Ed25519 certificate.
  bool ed25519 = false;
  // As of when it counts. An hour ago is a good choice where clocks differ.
  absl::Time not_before;
  // If `ca` ends earlier than this says, the leaf ends with it.
  absl::Duration validity;
};

// Returns a leaf that names `id` and nobody else, signed by `ca`, whose trust
// domain must be the one of `id`.
//
// All leaves have the form of an X509-SVID, with serverAuth and clientAuth, the
// one of a signer too: what a leaf may do follows from its SPIFFE ID, and
// `/signer` may do nothing on the wire.
absl::StatusOr<CertifiedKey> MakeLeaf(const CertifiedKey& ca,
                                      const SpiffeId& id,
                                      const LeafOptions& options);

}  // namespace gaceta::pki

#endif  // GACETA_CLIENT_PKI_PKI_H_
