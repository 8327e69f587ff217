// The registry as plain data: what the changes so far have made. Federation
// keeps one and answers questions about it; each kind of item reads and changes
// it (registry_items/).
#ifndef GACETA_CLIENT_VERIFY_REGISTRY_STATE_H_
#define GACETA_CLIENT_VERIFY_REGISTRY_STATE_H_

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/registry.pb.h"
#include "verify/keys.h"
#include "verify/log_policy.h"
#include "verify/openssl_ptr.h"

namespace gaceta {

// The end of the log, as a position: what counts for the next entry, "now".
inline constexpr std::int64_t kLatest =
    std::numeric_limits<std::int64_t>::max();

inline constexpr absl::Duration kDefaultQuorumGrace = absl::Seconds(60);

// Who signs and cosigns the log, as the registry says.
struct LogPolicyInForce {
  LogPolicy policy;
  // How long entries may be shown before a quorum has cosigned them.
  absl::Duration quorum_grace = kDefaultQuorumGrace;
};

struct ErasureInForce {
  v1::Erasure erasure;
  // Of the change that brought it.
  std::int64_t position = 0;
};

// A certificate as RFC 5280 identifies it.
struct CertificateName {
  // Distinguished name of the issuer, DER.
  std::string issuer;
  // Serial number, big-endian, without leading zero bytes.
  std::string serial;

  friend bool operator<(const CertificateName& a, const CertificateName& b) {
    return std::tie(a.issuer, a.serial) < std::tie(b.issuer, b.serial);
  }
  friend bool operator==(const CertificateName&,
                         const CertificateName&) = default;
};

// Returns what identifies `certificate`.
CertificateName NameOf(const X509* certificate);

// A value. Positions are those of the changes that brought each item.
struct RegistryState {
  struct Signer {
    // Who it signs for, and its certificate; shared by all copies.
    std::shared_ptr<const v1::SignerKey> certified;
    PublicKey key;
    // Positions of the changes that brought and, if any, revoked it.
    std::int64_t brought = 0;
    std::int64_t revoked = kLatest;
  };
  // Whether a member takes part in entries beyond `position`.
  struct StatusChange {
    std::int64_t position = 0;
    bool active = false;
  };

  // The federation's domain and its root certificates. Never change.
  std::string federation;
  std::shared_ptr<const std::vector<OpensslPtr<X509>>> roots;

  // By id.
  std::map<std::string, v1::Member, std::less<>> members;
  std::map<std::string, v1::Corridor, std::less<>> corridors;
  std::map<std::string, v1::Topic, std::less<>> topics;
  // By member, in order of position.
  std::map<std::string, std::vector<StatusChange>, std::less<>> statuses;
  // By key id.
  std::map<std::string, Signer, std::less<>> signers;
  std::map<CertificateName, v1::RevokedCertificate> revoked_certificates;
  // Erased payloads by position, erased documents by SHA-256 in hex. The first
  // erasure of each counts.
  std::map<std::int64_t, ErasureInForce> erasures;
  std::map<std::string, ErasureInForce, std::less<>> document_erasures;
  // Null before the first.
  std::shared_ptr<const LogPolicyInForce> log_policy;

  // `secretariat.<federation>`.
  std::string SecretariatDomain() const;

  // Whether `domain` is one label before the federation's name: the trust
  // domains that servers let in.
  bool IsTrustDomain(absl::string_view domain) const;

  // Null if there is none.
  const v1::Member* FindMember(absl::string_view id) const;
  const v1::Member* FindMemberByTrustDomain(absl::string_view domain) const;

  // As Federation::CheckSigner().
  absl::Status CheckSigner(absl::string_view trust_domain,
                           absl::string_view certificate_der,
                           absl::string_view issuer_der) const;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_REGISTRY_STATE_H_
