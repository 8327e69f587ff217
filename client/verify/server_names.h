// The DNS names and IP addresses of certificates, by which clients that know
// nothing of SPIFFE IDs recognise a server.
#ifndef GACETA_CLIENT_VERIFY_SERVER_NAMES_H_
#define GACETA_CLIENT_VERIFY_SERVER_NAMES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "openssl/x509.h"
#include "verify/spiffe_id.h"

namespace gaceta {

// All functions may be called concurrently.

// In the order of the certificate.
struct ServerNames {
  std::vector<std::string> dns_names;
  // As `192.0.2.17`.
  std::vector<std::string> ip_addresses;
};

ServerNames X509ServerNames(const X509* certificate);

// Returns the DNS name that the certificate of a server always has:
// `node.hn.<federation>` for `spiffe://hn.<federation>/node`,
// `hub.secretariat.<federation>` for the hub. None for every other role.
std::optional<std::string> ServerDnsName(const SpiffeId& id);

// Checks that a certificate has DNS names or IP addresses only if `id` is a
// server: to a client that looks at them alone, whoever has them is that
// server. kUnauthenticated, reason `SERVER_NAMES_NOT_ALLOWED`, names the first.
absl::Status CheckServerNames(const SpiffeId& id, const ServerNames& names);

// Whether `text` is a DNS name in lower case: labels of a-z 0-9 -, parted by
// dots.
bool IsDnsName(absl::string_view text);

// Whether `name` is `domain` or below it.
bool IsWithin(absl::string_view name, absl::string_view domain);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_SERVER_NAMES_H_
