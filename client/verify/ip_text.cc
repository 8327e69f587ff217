#include "verify/ip_text.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace gaceta {
namespace {

constexpr std::size_t kIpv4Bytes = 4;
constexpr std::size_t kIpv6Bytes = 16;
constexpr int kBitsOfByte = 8;

// Bytes of any text that the C library takes; none if it takes it for none.
std::optional<std::string> BytesOf(absl::string_view text) {
  std::array<unsigned char, kIpv6Bytes> bytes{};
  const std::string copy(text);
  // A zero byte would end the text early.
  if (absl::StrContains(copy, '\0')) return std::nullopt;
  const bool ipv6 = absl::StrContains(copy, ':');
  if (inet_pton(ipv6 ? AF_INET6 : AF_INET, copy.c_str(), bytes.data()) != 1) {
    return std::nullopt;
  }
  return std::string(reinterpret_cast<const char*>(bytes.data()),
                     ipv6 ? kIpv6Bytes : kIpv4Bytes);
}

bool IsAllZero(absl::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](char c) { return c == '\0'; });
}

// `::ffff:0:0/96`, RFC 4291 section 2.5.5.2.
bool IsIpv4InIpv6(absl::string_view bytes) {
  return bytes.size() == kIpv6Bytes && IsAllZero(bytes.substr(0, 10)) &&
         bytes.substr(10, 2) == "\xff\xff";
}

std::string MaskOf(std::size_t size, int prefix) {
  std::string mask(size, '\0');
  for (char& byte : mask) {
    const int bits = std::min(prefix, kBitsOfByte);
    byte = static_cast<char>(0xff << (kBitsOfByte - bits));
    prefix -= bits;
  }
  return mask;
}

}  // namespace

absl::StatusOr<std::string> ParseIpAddress(absl::string_view text) {
  const auto invalid = [text](absl::string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text.substr(0, 100), "\" ", why));
  };
  std::optional<std::string> bytes = BytesOf(text);
  if (!bytes.has_value()) {
    return invalid(
        "is no IP address; expected a single one, as 192.0.2.17 or "
        "2001:db8::17");
  }
  if (IsAllZero(*bytes)) return invalid("stands for every address");
  if (IsIpv4InIpv6(*bytes)) {
    return invalid(absl::StrCat("is the IPv4 address ",
                                IpAddressText(bytes->substr(12)),
                                ", which is written so"));
  }
  if (const std::string canonical = IpAddressText(*bytes); canonical != text) {
    return invalid(absl::StrCat("is written ", canonical));
  }
  return *std::move(bytes);
}

std::string IpAddressText(absl::string_view bytes) {
  char text[INET6_ADDRSTRLEN] = {};
  if ((bytes.size() != kIpv4Bytes && bytes.size() != kIpv6Bytes) ||
      inet_ntop(bytes.size() == kIpv4Bytes ? AF_INET : AF_INET6, bytes.data(),
                text, sizeof text) == nullptr) {
    return absl::StrCat(bytes.size(), " bytes");
  }
  return text;
}

absl::StatusOr<std::string> ParseIpRange(absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('/', 1));
  const std::optional<std::string> address = BytesOf(parts.first);
  int prefix = 0;
  if (!address.has_value() ||
      (absl::StrContains(text, '/') &&
       (!absl::SimpleAtoi(parts.second, &prefix) || prefix < 0 ||
        prefix > static_cast<int>(address->size()) * kBitsOfByte))) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text.substr(0, 100),
                     "\" is no range of IP addresses, as 10.0.0.0/8 or ::/0"));
  }
  if (!absl::StrContains(text, '/')) {
    prefix = static_cast<int>(address->size()) * kBitsOfByte;
  }
  return absl::StrCat(*address, MaskOf(address->size(), prefix));
}

std::string IpRangeText(absl::string_view bytes) {
  const std::size_t size = bytes.size() / 2;
  if (bytes.size() != 2 * kIpv4Bytes && bytes.size() != 2 * kIpv6Bytes) {
    return absl::StrCat(bytes.size(), " bytes");
  }
  const std::string address = IpAddressText(bytes.substr(0, size));
  const absl::string_view mask = bytes.substr(size);
  const int bits = static_cast<int>(size) * kBitsOfByte;
  for (int prefix = 0; prefix <= bits; ++prefix) {
    if (MaskOf(size, prefix) != mask) continue;
    return prefix == bits ? address : absl::StrCat(address, "/", prefix);
  }
  return absl::StrCat(address, "/", IpAddressText(mask));
}

}  // namespace gaceta
