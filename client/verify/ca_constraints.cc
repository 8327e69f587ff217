#include "verify/ca_constraints.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "verify/ip_text.h"
#include "verify/openssl_ptr.h"

namespace gaceta {
namespace {

constexpr char kAllIpv4[] = "0.0.0.0/0";
constexpr char kAllIpv6[] = "::/0";
constexpr std::size_t kMaxShownBytes = 300;

void Read(const STACK_OF(GENERAL_SUBTREE) * subtrees,
          std::vector<std::string>* uri_hosts,
          std::vector<std::string>* dns_names,
          std::vector<std::string>* ip_ranges) {
  for (int i = 0; subtrees != nullptr && i < sk_GENERAL_SUBTREE_num(subtrees);
       ++i) {
    const GENERAL_NAME* base = sk_GENERAL_SUBTREE_value(subtrees, i)->base;
    if (base->type == GEN_URI) {
      uri_hosts->push_back(Asn1Bytes(base->d.uniformResourceIdentifier));
    } else if (base->type == GEN_DNS) {
      dns_names->push_back(Asn1Bytes(base->d.dNSName));
    } else if (base->type == GEN_IPADD) {
      ip_ranges->push_back(IpRangeText(Asn1Bytes(base->d.iPAddress)));
    }
  }
}

std::string List(const std::vector<std::string>& names) {
  std::string list = names.empty() ? "none" : absl::StrJoin(names, ", ");
  if (list.size() > kMaxShownBytes) {
    list.resize(kMaxShownBytes);
    list += "…";
  }
  return list;
}

void Compare(absl::string_view what, std::vector<std::string> seen,
             std::vector<std::string> expected,
             std::vector<std::string>* differences) {
  for (auto* names : {&seen, &expected}) {
    std::sort(names->begin(), names->end());
    names->erase(std::unique(names->begin(), names->end()), names->end());
  }
  if (seen == expected) return;
  differences->push_back(
      absl::StrCat(what, " ", List(seen), ", expected ", List(expected)));
}

}  // namespace

std::optional<CaConstraints> ReadCaConstraints(const X509* certificate) {
  int critical = 0;
  const OpensslPtr<NAME_CONSTRAINTS> read(static_cast<NAME_CONSTRAINTS*>(
      X509_get_ext_d2i(certificate, NID_name_constraints, &critical, nullptr)));
  if (read == nullptr) {
    ERR_clear_error();
    return std::nullopt;
  }
  CaConstraints constraints;
  constraints.critical = critical == 1;
  Read(read->permittedSubtrees, &constraints.permitted_uri_hosts,
       &constraints.permitted_dns_names, &constraints.permitted_ip_ranges);
  Read(read->excludedSubtrees, &constraints.excluded_uri_hosts,
       &constraints.excluded_dns_names, &constraints.excluded_ip_ranges);
  return constraints;
}

CaConstraints MemberCaConstraints(
    absl::string_view trust_domain, const std::vector<std::string>& host_names,
    const std::vector<std::string>& ip_addresses) {
  CaConstraints constraints;
  constraints.permitted_uri_hosts.emplace_back(trust_domain);
  constraints.permitted_dns_names.emplace_back(trust_domain);
  constraints.permitted_dns_names.insert(constraints.permitted_dns_names.end(),
                                         host_names.begin(), host_names.end());
  constraints.permitted_ip_ranges = ip_addresses;
  const auto is_ipv6 = [](const std::string& address) {
    return absl::StrContains(address, ':');
  };
  const auto ipv6 =
      std::count_if(ip_addresses.begin(), ip_addresses.end(), is_ipv6);
  if (ipv6 == static_cast<std::ptrdiff_t>(ip_addresses.size())) {
    constraints.excluded_ip_ranges.emplace_back(kAllIpv4);
  }
  if (ipv6 == 0) constraints.excluded_ip_ranges.emplace_back(kAllIpv6);
  return constraints;
}

std::vector<std::string> CompareCaConstraints(
    const std::optional<CaConstraints>& seen, const CaConstraints& expected) {
  if (!seen.has_value()) {
    return {"has no name constraints, or two; expected one extension of them"};
  }
  std::vector<std::string> differences;
  if (seen->critical != expected.critical) {
    differences.emplace_back(
        "has name constraints that are not critical, expected critical ones");
  }
  Compare("permits URIs of", seen->permitted_uri_hosts,
          expected.permitted_uri_hosts, &differences);
  Compare("permits DNS names of", seen->permitted_dns_names,
          expected.permitted_dns_names, &differences);
  Compare("permits IP addresses", seen->permitted_ip_ranges,
          expected.permitted_ip_ranges, &differences);
  Compare("excludes URIs of", seen->excluded_uri_hosts,
          expected.excluded_uri_hosts, &differences);
  Compare("excludes DNS names of", seen->excluded_dns_names,
          expected.excluded_dns_names, &differences);
  Compare("excludes IP addresses", seen->excluded_ip_ranges,
          expected.excluded_ip_ranges, &differences);
  return differences;
}

}  // namespace gaceta
