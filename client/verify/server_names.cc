#include "verify/server_names.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"
#include "verify/ip_text.h"
#include "verify/openssl_ptr.h"

namespace gaceta {
namespace {

constexpr std::size_t kMaxNameBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;

bool IsLabel(absl::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelBytes &&
         label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

}  // namespace

ServerNames X509ServerNames(const X509* certificate) {
  ServerNames found;
  const OpensslPtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get());
       ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      found.dns_names.push_back(Asn1Bytes(name->d.dNSName));
    } else if (name->type == GEN_IPADD) {
      found.ip_addresses.push_back(IpAddressText(Asn1Bytes(name->d.iPAddress)));
    }
  }
  return found;
}

std::optional<std::string> ServerDnsName(const SpiffeId& id) {
  const bool secretariat = absl::StartsWith(id.trust_domain(), "secretariat.");
  if (id.path() != (secretariat ? "hub" : "node")) return std::nullopt;
  return absl::StrCat(id.path(), ".", id.trust_domain());
}

absl::Status CheckServerNames(const SpiffeId& id, const ServerNames& names) {
  if (ServerDnsName(id).has_value()) return absl::OkStatus();
  if (names.dns_names.empty() && names.ip_addresses.empty()) {
    return absl::OkStatus();
  }
  const std::string first =
      names.dns_names.empty()
          ? absl::StrCat("IP address ", names.ip_addresses.front())
          : absl::StrCat("DNS name ", names.dns_names.front().substr(0, 253));
  return WithReason(
      absl::UnauthenticatedError(absl::StrCat(
          "certificate of ", id.ToString(), " has ", first,
          "; expected none: only hub and node have DNS names or IP addresses")),
      "SERVER_NAMES_NOT_ALLOWED", {{"identity", id.ToString()}});
}

bool IsDnsName(absl::string_view text) {
  const std::vector<absl::string_view> labels = absl::StrSplit(text, '.');
  return text.size() <= kMaxNameBytes &&
         std::all_of(labels.begin(), labels.end(), IsLabel);
}

bool IsWithin(absl::string_view name, absl::string_view domain) {
  return absl::ConsumeSuffix(&name, domain) &&
         (name.empty() || name.back() == '.');
}

}  // namespace gaceta
