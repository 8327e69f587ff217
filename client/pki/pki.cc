#include "pki/pki.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "pki/inspect.h"
#include "pki/issue.h"

namespace gaceta::pki {
namespace {

constexpr absl::string_view kScheme = "spiffe://";
constexpr std::size_t kMaxDomainBytes = 253;
constexpr std::size_t kMaxLabelBytes = 63;

bool IsLabel(absl::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelBytes &&
         label.front() != '-' && label.back() != '-' &&
         std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// A trust domain is a DNS name too, since the constraint is on both.
absl::Status CheckDomain(absl::string_view what, absl::string_view domain) {
  const std::vector<absl::string_view> labels = absl::StrSplit(domain, '.');
  if (domain.size() <= kMaxDomainBytes &&
      std::all_of(labels.begin(), labels.end(), IsLabel)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      what, " \"", domain.substr(0, 100),
      "\" is no domain; expected labels of a-z 0-9 -, parted by dots"));
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
                                    absl::Duration validity) {
  if (absl::Status s = CheckDomain("trust domain", trust_domain); !s.ok()) {
    return s;
  }
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
        !IsLabel(absl::StripSuffix(trust_domain, suffix))) {
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
  form.permitted_domain = std::string(trust_domain);
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
  if (issuer->permitted_uri_hosts !=
      std::vector<std::string>{id.trust_domain()}) {
    return absl::FailedPreconditionError(absl::StrCat(
        issuer->subject, " may not sign for ", id.ToString(),
        ": its certificate does not keep it to ", id.trust_domain()));
  }
  for (const std::string& dns : options.dns_names) {
    if (absl::Status s = CheckDomain("DNS name", dns); !s.ok()) return s;
    if (dns != id.trust_domain() &&
        !absl::EndsWith(dns, absl::StrCat(".", id.trust_domain()))) {
      return absl::InvalidArgumentError(
          absl::StrCat("DNS name ", dns, " is outside of ", id.trust_domain(),
                       ", which the CA is kept to"));
    }
  }

  CertificateForm form;
  form.organization = id.trust_domain();
  form.common_name = id.path();
  form.uris = {id.ToString()};
  form.dns_names = options.dns_names;
  form.ed25519 = options.ed25519;
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
