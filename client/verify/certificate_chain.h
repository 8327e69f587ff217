// The rules by which a certificate counts: its form and its way to the root.
#ifndef GACETA_CLIENT_VERIFY_CERTIFICATE_CHAIN_H_
#define GACETA_CLIENT_VERIFY_CERTIFICATE_CHAIN_H_

#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "verify/openssl_ptr.h"
#include "verify/spiffe_id.h"

namespace gaceta {

// Checks that one of `roots` signed `certificate`; or, if there are
// `intermediates`, that one of these signed it and one of `roots` signed that
// intermediate. All of them are valid at `now`; the time does not count if
// `now` is not given. kUnauthenticated says what fails.
absl::Status CheckCertificateChain(X509* certificate,
                                   const std::vector<X509*>& intermediates,
                                   const std::vector<OpensslPtr<X509>>& roots,
                                   std::optional<absl::Time> now);

// Checks the form of an X509-SVID leaf for `expected` (SPIFFE X509-SVID
// section 4). kUnauthenticated says what differs.
absl::Status CheckLeafForm(X509* leaf, const SpiffeId& expected);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_CERTIFICATE_CHAIN_H_
