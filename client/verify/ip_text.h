// Text forms of IP addresses, as the registry and certificates have them.
#ifndef GACETA_CLIENT_VERIFY_IP_TEXT_H_
#define GACETA_CLIENT_VERIFY_IP_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gaceta {

// All functions may be called concurrently.

// Returns the 4 or 16 bytes of the address of one server, IPv4 or IPv6.
//
// An address has one text only, that of RFC 5952: `192.0.2.17`,
// `2001:db8::17`. kInvalidArgument for anything else: another text of the same
// address, a range, a zone, an IPv4 address written as IPv6
// (`::ffff:192.0.2.17`), and the addresses that stand for every address,
// `0.0.0.0` and `::`.
absl::StatusOr<std::string> ParseIpAddress(absl::string_view text);

// Returns the text of 4 or 16 bytes. Another number of bytes is no address;
// their text is their number, `3 bytes`.
std::string IpAddressText(absl::string_view bytes);

// Returns the bytes of a range in a name constraint, which are an address and
// its mask (RFC 5280 section 4.2.1.10). `text` is a single address, or an
// address and the length of its prefix: `192.0.2.17`, `10.0.0.0/8`, `::/0`.
absl::StatusOr<std::string> ParseIpRange(absl::string_view text);

// Returns the text of the bytes of such a range: without a prefix for a single
// address, with the mask in place of the length if it is no prefix.
std::string IpRangeText(absl::string_view bytes);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_IP_TEXT_H_
