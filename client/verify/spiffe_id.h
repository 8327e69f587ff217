// SPIFFE IDs, the only identity that Gaceta looks at.
#ifndef GACETA_CLIENT_VERIFY_SPIFFE_ID_H_
#define GACETA_CLIENT_VERIFY_SPIFFE_ID_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gaceta {

// `spiffe://<trust domain>/<path>`, checked by the strict rules of SPIFFE-ID:
// gRPC's own check is lax.
class SpiffeId {
 public:
  // kInvalidArgument says which rule `uri` breaks.
  static absl::StatusOr<SpiffeId> Parse(absl::string_view uri);

  // As `hn.gaceta.example`.
  const std::string& trust_domain() const { return trust_domain_; }
  // As `agency/migracion`, without the leading slash; never empty.
  const std::string& path() const { return path_; }
  std::string ToString() const;

  friend bool operator==(const SpiffeId&, const SpiffeId&) = default;

 private:
  SpiffeId(std::string trust_domain, std::string path)
      : trust_domain_(std::move(trust_domain)), path_(std::move(path)) {}

  std::string trust_domain_;
  std::string path_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_SPIFFE_ID_H_
