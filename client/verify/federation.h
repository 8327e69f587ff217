// The registry as the secretariat's statements make it: members, their CAs and
// signing keys, corridors, topics. The hub, nodes and subscribers all build it
// with this code, from the log and the federation's root certificate alone.
#ifndef GACETA_CLIENT_VERIFY_FEDERATION_H_
#define GACETA_CLIENT_VERIFY_FEDERATION_H_

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
#include "verify/spiffe_id.h"
#include "verify/statement.h"

namespace gaceta {

// A value: copy it to keep a snapshot.
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
  // by field; reason `RULE_VIOLATION`.
  absl::Status Check(const v1::RegistryChange& change) const;

  // Applies a change that Check() passes; does nothing if it does not.
  absl::Status Apply(const v1::RegistryChange& change);

  // Returns the key that may sign `header` for its publisher, among those that
  // the registry has; kPermissionDenied with reason `UNKNOWN_KEY` if none does,
  // or `MEMBER_SUSPENDED`.
  absl::StatusOr<PublicKey> FindKey(absl::string_view publisher,
                                    absl::string_view key_id) const;

  // The first statement of all brings the key that signed it. Returns the key
  // that `change` introduces under `key_id` for the secretariat, if its
  // certificate chains to the root. FindKey() has precedence.
  absl::StatusOr<PublicKey> FindBootstrapKey(const v1::RegistryChange& change,
                                             absl::string_view key_id) const;

  // Null if there is none.
  const v1::Member* FindMember(absl::string_view id) const;
  const v1::Member* FindMemberByTrustDomain(absl::string_view domain) const;
  const v1::Corridor* FindCorridor(absl::string_view id) const;
  bool HasTopic(absl::string_view id) const;

  // Whether the chain `leaf`, `intermediates…` (DER), valid at `now`, is a leaf
  // of `id`'s trust domain under the CA that the registry has for it, or, for a
  // domain that the registry does not have (yet), under the root with the CA's
  // name constraints. kUnauthenticated says what fails.
  absl::Status CheckLeaf(const SpiffeId& id, absl::string_view leaf_der,
                         const std::vector<std::string>& intermediates_der,
                         absl::Time now) const;

  // In order of id.
  const std::map<std::string, v1::Member, std::less<>>& members() const {
    return members_;
  }
  const std::map<std::string, v1::Corridor, std::less<>>& corridors() const {
    return corridors_;
  }
  const std::map<std::string, v1::Topic, std::less<>>& topics() const {
    return topics_;
  }
  const std::string& name() const { return name_; }

 private:
  struct Roots;
  struct Signer {
    std::string publisher;
    PublicKey key;
    bool revoked = false;
  };

  Federation() = default;

  bool IsTrustDomain(absl::string_view domain) const;
  void CheckItem(const v1::RegistryItem& item, std::string path,
                 std::vector<FieldViolation>* violations) const;
  void ApplyItem(const v1::RegistryItem& item);
  // Whether a certificate is, under `issuer_der` and the root, that of
  // `spiffe://<trust_domain>/signer`.
  absl::Status CheckSigner(absl::string_view trust_domain,
                           absl::string_view certificate_der,
                           absl::string_view issuer_der) const;

  std::string name_;
  std::shared_ptr<const Roots> roots_;
  std::map<std::string, v1::Member, std::less<>> members_;
  std::map<std::string, v1::Corridor, std::less<>> corridors_;
  std::map<std::string, v1::Topic, std::less<>> topics_;
  // By key id.
  std::map<std::string, Signer, std::less<>> signers_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_FEDERATION_H_
