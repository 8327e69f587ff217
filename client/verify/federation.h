// The registry as the secretariat's statements make it: members, their CAs and
// signing keys, corridors, topics, erasures. The hub, nodes and subscribers all
// build it with this code, from the log and the federation's root certificate
// alone.
#ifndef GACETA_CLIENT_VERIFY_FEDERATION_H_
#define GACETA_CLIENT_VERIFY_FEDERATION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "errors/errors.h"
#include "gaceta/v1/registry.pb.h"
#include "gaceta/v1/statement.pb.h"
#include "verify/keys.h"
#include "verify/registry_state.h"
#include "verify/spiffe_id.h"
#include "verify/statement.h"

namespace gaceta {

// Reason of kFailedPrecondition for a change that a later version of Gaceta
// wrote: nobody is at fault, and an upgraded program reads on.
inline constexpr absl::string_view kRegistryNewer = "REGISTRY_NEWER";

// A value: copy it to keep a snapshot.
//
// Keys and suspensions count by position, so that a registry that is ahead of
// an entry still judges it as of the entry's place in the log. All else is as
// the last change left it.
//
// Thread safety: concurrent reads are safe, Apply() needs exclusion.
class Federation {
 public:
  // `root_pem`: certificates of the federation's root, at least one.
  // `federation`: its domain, `gaceta.example`; the secretariat's trust domain
  // is `secretariat.<federation>`.
  static absl::StatusOr<Federation> Create(absl::string_view root_pem,
                                           std::string federation);

  // Checks that `change` may be applied: known form of ids, trust domains
  // below the federation's, certificates that chain to the root and name
  // `spiffe://<trust domain>/signer`, corridors of states' codes. Says the same
  // of the same changes at any time: certificates may have expired since, which
  // counts when a leaf comes with them (CheckLeaf). All violations are listed
  // by field; reason `RULE_VIOLATION`. kFailedPrecondition, reason
  // kRegistryNewer, for an item, field or value of a later version.
  absl::Status Check(const v1::RegistryChange& change) const;

  // Applies a change that Check() passes, the entry at `position`; does nothing
  // if it does not. kFailedPrecondition, reason `POSITION_ORDER`, if `position`
  // is below next_position(): changes come in order, each once.
  absl::Status Apply(const v1::RegistryChange& change, std::int64_t position);

  // Every change so far stands below this position; 0 before the first.
  std::int64_t next_position() const { return next_position_; }

  // Returns the key `key_id` if it may sign the entry at `position` for
  // `publisher`: a change below that position brought it, none below revoked
  // it, and the publisher is not suspended there. The first change of all also
  // counts at its own position, for the secretariat's key that it brings.
  // kLatest asks about the next entry.
  //
  // kPermissionDenied with reason `UNKNOWN_KEY` or `MEMBER_SUSPENDED`.
  absl::StatusOr<PublicKey> FindKey(absl::string_view publisher,
                                    absl::string_view key_id,
                                    std::int64_t position) const;

  // The first statement of all brings the key that signed it. Returns the key
  // that `change` introduces under `key_id` for the secretariat, if its
  // certificate chains to the root and nothing was applied so far.
  // kPermissionDenied with reason `UNKNOWN_KEY` otherwise.
  absl::StatusOr<PublicKey> FindBootstrapKey(const v1::RegistryChange& change,
                                             absl::string_view key_id) const;

  // Whether a certificate is, under its issuer and the root, that of
  // `spiffe://<trust_domain>/signer`, both DER: valid now or not, since what a
  // key signed counts for longer than its certificate. Needs no member.
  // kUnauthenticated says what fails.
  absl::Status CheckSigner(absl::string_view trust_domain,
                           absl::string_view certificate_der,
                           absl::string_view issuer_der) const;

  // The trust domain of a member that goes by its id: `hn.<federation>` of
  // `HN`.
  std::string UsualTrustDomain(absl::string_view member) const;

  // The certificate that brought a key, and its issuer's, whether it may still
  // sign or not. Null if the registry never had it.
  const v1::SignerKey* FindSigner(absl::string_view key_id) const;

  // Null if there is none.
  const v1::Member* FindMember(absl::string_view id) const;
  const v1::Member* FindMemberByTrustDomain(absl::string_view domain) const;
  const v1::Corridor* FindCorridor(absl::string_view id) const;
  bool HasTopic(absl::string_view id) const;

  // Whether `leaf` (DER), valid at `now`, is one of `id`'s trust domain, signed
  // by a CA that the registry has for it, or, for a domain that the registry
  // does not have (yet), by one of `intermediates` that the root signed, with
  // its name constraints. What the root signed itself does not count.
  // kUnauthenticated says what fails.
  absl::Status CheckLeaf(const SpiffeId& id, absl::string_view leaf_der,
                         const std::vector<std::string>& intermediates_der,
                         absl::Time now) const;

  // In order of id.
  const std::map<std::string, v1::Member, std::less<>>& members() const {
    return state_.members;
  }
  const std::map<std::string, v1::Corridor, std::less<>>& corridors() const {
    return state_.corridors;
  }
  const std::map<std::string, v1::Topic, std::less<>>& topics() const {
    return state_.topics;
  }
  // Erased payloads by position, erased documents by SHA-256 in hex. The first
  // erasure of each counts.
  const std::map<std::int64_t, ErasureInForce>& erasures() const {
    return state_.erasures;
  }
  const std::map<std::string, ErasureInForce, std::less<>>& document_erasures()
      const {
    return state_.document_erasures;
  }
  // The last that was put; null if none was.
  const LogPolicyInForce* log_policy() const { return state_.log_policy.get(); }
  // All of it, for checks that need no question of their own.
  const RegistryState& state() const { return state_; }
  const std::string& name() const { return state_.federation; }

 private:
  Federation() = default;

  // The registry after `change`, at `position`. Errors as of Check().
  absl::StatusOr<RegistryState> After(const v1::RegistryChange& change,
                                      std::int64_t position) const;
  bool IsActive(absl::string_view member, std::int64_t position) const;
  bool IsRevoked(const X509* certificate) const;

  RegistryState state_;
  // Of the first change of all.
  std::int64_t first_position_ = kLatest;
  std::int64_t next_position_ = 0;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_FEDERATION_H_
