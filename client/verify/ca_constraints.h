// What the certificate of a member's CA lets it sign: its name constraints
// (RFC 5280 section 4.2.1.10).
#ifndef GACETA_CLIENT_VERIFY_CA_CONSTRAINTS_H_
#define GACETA_CLIENT_VERIFY_CA_CONSTRAINTS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "openssl/x509.h"

namespace gaceta {

// All functions may be called concurrently.

// Each list is in the order of the certificate. Constraints on other sorts of
// names, as e-mail addresses, are left out: nothing of the federation has any.
struct CaConstraints {
  // Whether software that does not know them has to refuse the CA.
  bool critical = true;
  // The very hosts that URIs may have.
  std::vector<std::string> permitted_uri_hosts;
  // DNS names, with all below them.
  std::vector<std::string> permitted_dns_names;
  // As `192.0.2.17`, a single address, or `10.0.0.0/8`.
  std::vector<std::string> permitted_ip_ranges;
  std::vector<std::string> excluded_uri_hosts;
  std::vector<std::string> excluded_dns_names;
  std::vector<std::string> excluded_ip_ranges;

  friend bool operator==(const CaConstraints&, const CaConstraints&) = default;
};

// None if the certificate has no name constraints, or more than one extension
// of them.
std::optional<CaConstraints> ReadCaConstraints(const X509* certificate);

// Returns what the CA of a member must have: URIs of its trust domain, DNS
// names of that and of its host names, its addresses, and no other address of
// either family. A family without an address is excluded as a whole: without
// any constraint on addresses a CA could vouch for every address.
CaConstraints MemberCaConstraints(absl::string_view trust_domain,
                                  const std::vector<std::string>& host_names,
                                  const std::vector<std::string>& ip_addresses);

// Returns how `seen` differs from `expected`, as `permits IP addresses none,
// expected 192.0.2.17`, one text for each list; none if it does not. The order
// of names does not count.
std::vector<std::string> CompareCaConstraints(
    const std::optional<CaConstraints>& seen, const CaConstraints& expected);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_CA_CONSTRAINTS_H_
