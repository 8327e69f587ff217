#include "pki/pki.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "pki/inspect.h"
#include "pki/issue.h"
#include "verify/ca_constraints.h"
#include "verify/ip_text.h"
#include "verify/member_names.h"
#include "verify/server_names.h"

namespace gaceta::pki {
namespace {

constexpr absl::string_view kScheme = "spiffe://";

// A trust domain is a DNS name too, since the constraint is on both.
absl::Status CheckDomain(absl::string_view what, absl::string_view domain) {
  if (IsDnsName(domain)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      what, " \"", domain.substr(0, 100),
      "\" is no domain; expected labels of a-z 0-9 -, parted by dots"));
}

// Checks what a member's CA is to permit beside its trust domain.
absl::Status CheckNames(absl::string_view trust_domain,
                        const MemberNames& names) {
  const std::size_t most = kMaxMemberNames;
  if (names.host_names.size() > most || names.ip_addresses.size() > most) {
    return absl::InvalidArgumentError(
        absl::StrCat("there are ", names.host_names.size(), " host names and ",
                     names.ip_addresses.size(),
                     " IP addresses, expected at most ", most, " of each"));
  }
  for (const auto* list : {&names.host_names, &names.ip_addresses}) {
    for (auto name = list->begin(); name != list->end(); ++name) {
      if (std::find(list->begin(), name, *name) != name) {
        return absl::InvalidArgumentError(
            absl::StrCat("\"", *name, "\" is there twice"));
      }
    }
  }
  const absl::string_view federation =
      trust_domain.substr(trust_domain.find('.') + 1);
  for (const std::string& name : names.host_names) {
    if (absl::Status s = CheckHostName(name, federation); !s.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("host name ", s.message()));
    }
  }
  for (const std::string& address : names.ip_addresses) {
    if (auto bytes = ParseIpAddress(address); !bytes.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("IP address ", bytes.status().message()));
    }
  }
  return absl::OkStatus();
}

// What the certificate of an issuer says of itself.
absl::StatusOr<CertificateFacts> FactsOf(const CertifiedKey& issuer,
                                         absl::string_view what) {
  auto facts = ReadCertificates(issuer.certificate_pem);
  if (!facts.ok()) return facts.status();
  if (facts->front().kind == CertificateFacts::Kind::kLeaf) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate of the ", what, " is a leaf's"));
  }
  return std::move(facts->front());
}

// The parts of `seen` that can be names of a leaf: another tool's CA may permit
// ranges of addresses, or names in a form of its own.
std::vector<std::string> HostNamesOf(const CaConstraints& seen,
                                     absl::string_view trust_domain) {
  std::vector<std::string> names;
  for (const std::string& name : seen.permitted_dns_names) {
    if (name != trust_domain && IsDnsName(name)) names.push_back(name);
  }
  return names;
}
std::vector<std::string> AddressesOf(const CaConstraints& seen) {
  std::vector<std::string> addresses;
  for (const std::string& range : seen.permitted_ip_ranges) {
    if (ParseIpAddress(range).ok()) addresses.push_back(range);
  }
  return addresses;
}

// Puts the DNS names and addresses of a server, `own` the first, into `form`.
absl::Status SetServerNames(const std::string& own, const LeafOptions& options,
                            const CertificateFacts& issuer,
                            absl::string_view trust_domain,
                            CertificateForm* form) {
  const CaConstraints& permitted = *issuer.constraints;
  const std::vector<std::string> host_names =
      HostNamesOf(permitted, trust_domain);
  form->dns_names = {own};
  for (const std::string& name :
       options.dns_names.empty() ? host_names : options.dns_names) {
    if (absl::Status s = CheckDomain("DNS name", name); !s.ok()) return s;
    if (!IsWithin(name, trust_domain) &&
        std::none_of(
            host_names.begin(), host_names.end(),
            [&](const std::string& host) { return IsWithin(name, host); })) {
      return absl::InvalidArgumentError(absl::StrCat(
          "DNS name ", name,
          " is outside of what the CA is kept to: ", trust_domain,
          host_names.empty() ? "" : ", ", absl::StrJoin(host_names, ", ")));
    }
    if (name != own) form->dns_names.push_back(name);
  }
  const std::vector<std::string> addresses = AddressesOf(permitted);
  form->ip_addresses =
      options.ip_addresses.empty() ? addresses : options.ip_addresses;
  for (const std::string& address : form->ip_addresses) {
    if (std::find(addresses.begin(), addresses.end(), address) ==
        addresses.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "IP address ", address, " is none that the CA is kept to: ",
          addresses.empty() ? "none" : absl::StrJoin(addresses, ", ")));
    }
  }
  return absl::OkStatus();
}

// Puts the times of what `issuer` signs inside its own: a chain counts only
// while all of it does.
absl::Status SetTimes(const CertificateFacts& issuer, absl::Time not_before,
                      absl::Duration validity, CertificateForm* form) {
  if (validity <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("the validity is not above zero");
  }
  form->not_before = std::max(not_before, issuer.not_before);
  form->not_after = std::min(not_before + validity, issuer.not_after);
  if (form->not_after <= form->not_before) {
    return absl::FailedPreconditionError(absl::StrCat(
        issuer.subject, " is valid from ", DateOf(issuer.not_before), " to ",
        DateOf(issuer.not_after),
        ", which leaves no time for what it would sign"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CertifiedKey> MakeRoot(absl::string_view federation,
                                      absl::Time not_before,
                                      absl::Duration validity) {
  if (absl::Status s = CheckDomain("federation", federation); !s.ok()) return s;
  CertificateForm form;
  form.organization = std::string(federation);
  form.common_name = "Federation root CA";
  form.uris = {absl::StrCat(kScheme, federation)};
  form.not_before = not_before;
  form.not_after = not_before + validity;
  form.is_ca = true;
  form.path_length = 1;
  return Issue(form, nullptr);
}

absl::StatusOr<CertifiedKey> MakeCa(const CertifiedKey& root,
                                    absl::string_view trust_domain,
                                    absl::Time not_before,
                                    absl::Duration validity,
                                    const MemberNames& names) {
  if (absl::Status s = CheckDomain("trust domain", trust_domain); !s.ok()) {
    return s;
  }
  if (absl::Status s = CheckNames(trust_domain, names); !s.ok()) return s;
  auto issuer = FactsOf(root, "root");
  if (!issuer.ok()) return issuer.status();
  if (issuer->kind != CertificateFacts::Kind::kRoot) {
    return absl::FailedPreconditionError(
        absl::StrCat(issuer->subject, " is no root, so it signs no other CA"));
  }
  // A root that another tool made may not say which federation it is of.
  if (!issuer->uris.empty()) {
    const std::string suffix =
        absl::StrCat(".", absl::StripPrefix(issuer->uris.front(), kScheme));
    if (!absl::EndsWith(trust_domain, suffix) ||
        absl::StrContains(absl::StripSuffix(trust_domain, suffix), '.')) {
      return absl::InvalidArgumentError(absl::StrCat(
          "trust domain ", trust_domain,
          " is not of the root's federation, expected <name>", suffix));
    }
  }
  CertificateForm form;
  form.organization = std::string(trust_domain);
  form.common_name = "Member CA";
  form.uris = {absl::StrCat(kScheme, trust_domain)};
  form.is_ca = true;
  form.path_length = 0;
  form.constraints =
      MemberCaConstraints(trust_domain, names.host_names, names.ip_addresses);
  if (absl::Status s = SetTimes(*issuer, not_before, validity, &form);
      !s.ok()) {
    return s;
  }
  return Issue(form, &root);
}

absl::StatusOr<CertifiedKey> MakeLeaf(const CertifiedKey& ca,
                                      const SpiffeId& id,
                                      const LeafOptions& options) {
  auto issuer = FactsOf(ca, "CA");
  if (!issuer.ok()) return issuer.status();
  if (!issuer->constraints.has_value() ||
      issuer->constraints->permitted_uri_hosts !=
          std::vector<std::string>{id.trust_domain()}) {
    return absl::FailedPreconditionError(absl::StrCat(
        issuer->subject, " may not sign for ", id.ToString(),
        ": its certificate does not keep it to ", id.trust_domain()));
  }
  CertificateForm form;
  form.organization = id.trust_domain();
  form.common_name = id.path();
  form.uris = {id.ToString()};
  form.ed25519 = options.ed25519;
  if (const auto own = ServerDnsName(id); own.has_value()) {
    if (absl::Status s =
            SetServerNames(*own, options, *issuer, id.trust_domain(), &form);
        !s.ok()) {
      return s;
    }
  } else if (!options.dns_names.empty() || !options.ip_addresses.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        id.ToString(),
        " is no server; only hub and node have DNS names and IP addresses"));
  }
  if (absl::Status s =
          SetTimes(*issuer, options.not_before, options.validity, &form);
      !s.ok()) {
    return s;
  }
  auto leaf = Issue(form, &ca);
  if (!leaf.ok()) return leaf.status();
  // OpenSSL has the last word on what the CA's constraints allow.
  if (absl::Status s = CheckChain(leaf->certificate_pem, ca.certificate_pem,
                                  form.not_before);
      !s.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(issuer->subject, " may not sign for ", id.ToString(), ": ",
                     s.message()));
  }
  leaf->certificate_pem += ca.certificate_pem;
  return leaf;
}

}  // namespace gaceta::pki
