#include "cli/pki_text.h"

#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cli/output.h"
#include "pki/roles.h"
#include "verify/ca_constraints.h"
#include "verify/digest.h"
#include "verify/spiffe_id.h"

namespace gaceta::cli {
namespace {

using pki::CertificateFacts;

absl::string_view KindWord(CertificateFacts::Kind kind) {
  switch (kind) {
    case CertificateFacts::Kind::kRoot:
      return "root CA";
    case CertificateFacts::Kind::kCa:
      return "member CA";
    case CertificateFacts::Kind::kLeaf:
      return "leaf";
  }
  return "certificate";
}

// Whom a certificate is of: its only URI, or the name of a certificate that
// another tool made.
std::string Holder(const CertificateFacts& facts) {
  return OneLine(facts.uris.size() == 1 ? facts.uris[0] : facts.subject);
}

std::string Role(const CertificateFacts& facts) {
  switch (facts.kind) {
    case CertificateFacts::Kind::kRoot:
      return "signs the CAs of members; its key stays offline";
    case CertificateFacts::Kind::kCa:
      return "signs the leaves of one member";
    case CertificateFacts::Kind::kLeaf:
      break;
  }
  if (facts.uris.size() != 1) {
    return absl::StrCat("none: has ", facts.uris.size(),
                        " URI names, expected exactly one SPIFFE ID");
  }
  auto id = SpiffeId::Parse(facts.uris[0]);
  if (!id.ok()) {
    return absl::StrCat("none: ", OneLine(id.status().message()));
  }
  const std::string& domain = id->trust_domain();
  return pki::RoleInWords(domain.substr(0, domain.find('.')), id->path());
}

std::string List(const std::vector<std::string>& names) {
  return names.empty() ? "any" : OneLine(absl::StrJoin(names, ", "));
}

void Line(std::ostream& out, absl::string_view label, absl::string_view text) {
  constexpr std::size_t kWidth = 13;
  out << "  " << label
      << std::string(label.size() < kWidth ? kWidth - label.size() : 1, ' ')
      << text << '\n';
}

std::string Validity(const CertificateFacts& facts, absl::Time now) {
  const std::string range = absl::StrCat(pki::DateOf(facts.not_before), " to ",
                                         pki::DateOf(facts.not_after));
  if (now > facts.not_after) return absl::StrCat(range, ", EXPIRED");
  if (now < facts.not_before) return absl::StrCat(range, ", NOT YET VALID");
  return absl::StrCat(range, ", ", (facts.not_after - now) / absl::Hours(24),
                      " days left");
}

// Which IP addresses a CA may vouch for. A CA that is not kept from a family of
// addresses can vouch for any of it, the hub's too.
std::string Addresses(const CaConstraints& constraints) {
  const std::vector<std::string>& permitted = constraints.permitted_ip_ranges;
  if (!permitted.empty()) return OneLine(absl::StrJoin(permitted, ", "));
  const auto excludes = [&](absl::string_view range) {
    return absl::c_linear_search(constraints.excluded_ip_ranges, range);
  };
  std::vector<std::string> open;
  if (!excludes("0.0.0.0/0")) open.emplace_back("ANY IPv4");
  if (!excludes("::/0")) open.emplace_back("ANY IPv6");
  if (open.empty()) return "none";
  return absl::StrCat(absl::StrJoin(open, " and "),
                      " address; no registry takes this CA");
}

// The lines that `inspect` and the verbs that make something share.
void PrintLimits(std::ostream& out, const CertificateFacts& facts) {
  if (facts.constraints.has_value()) {
    const CaConstraints& constraints = *facts.constraints;
    Line(out, "only for",
         absl::StrCat("URIs of ", List(constraints.permitted_uri_hosts),
                      "; DNS names of ", List(constraints.permitted_dns_names),
                      " and below",
                      constraints.critical ? "" : "; NOT CRITICAL"));
    Line(out, "IP addresses", Addresses(constraints));
  } else if (facts.kind == CertificateFacts::Kind::kCa) {
    Line(out, "only for", "no limit: may sign for every member");
  }
  if (!facts.dns_names.empty()) {
    Line(out, "DNS names", List(facts.dns_names));
  }
  if (!facts.ip_addresses.empty()) {
    Line(out, "IP addresses", List(facts.ip_addresses));
  }
}

std::string JsonStrings(const std::vector<std::string>& texts) {
  return absl::StrCat("[",
                      absl::StrJoin(texts, ",",
                                    [](std::string* out, const auto& text) {
                                      out->append(JsonString(text));
                                    }),
                      "]");
}

std::string JsonTime(absl::Time time) {
  return JsonString(
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone()));
}

// The members of a JSON object, without its braces.
std::string JsonFields(const CertificateFacts& facts) {
  absl::string_view kind = "leaf";
  if (facts.kind == CertificateFacts::Kind::kRoot) kind = "root";
  if (facts.kind == CertificateFacts::Kind::kCa) kind = "ca";
  const CaConstraints constraints =
      facts.constraints.value_or(CaConstraints{.critical = false});
  return absl::StrCat(
      "\"kind\":", JsonString(kind), ",\"uris\":", JsonStrings(facts.uris),
      ",\"role\":", JsonString(Role(facts)),
      ",\"subject\":", JsonString(facts.subject),
      ",\"issuer\":", JsonString(facts.issuer),
      ",\"notBefore\":", JsonTime(facts.not_before),
      ",\"notAfter\":", JsonTime(facts.not_after),
      ",\"dnsNames\":", JsonStrings(facts.dns_names),
      ",\"ipAddresses\":", JsonStrings(facts.ip_addresses),
      ",\"constraintsAreCritical\":", constraints.critical ? "true" : "false",
      ",\"permittedUriHosts\":", JsonStrings(constraints.permitted_uri_hosts),
      ",\"permittedDnsDomains\":", JsonStrings(constraints.permitted_dns_names),
      ",\"permittedIpRanges\":", JsonStrings(constraints.permitted_ip_ranges),
      ",\"excludedUriHosts\":", JsonStrings(constraints.excluded_uri_hosts),
      ",\"excludedDnsDomains\":", JsonStrings(constraints.excluded_dns_names),
      ",\"excludedIpRanges\":", JsonStrings(constraints.excluded_ip_ranges),
      ",\"keyAlgorithm\":", JsonString(facts.key_algorithm),
      ",\"keyId\":", JsonString(ToHex(facts.key_id)),
      ",\"serial\":", JsonString(facts.serial));
}

}  // namespace

void PrintMade(std::ostream& out, const pki::PkiFolder::Files& files,
               const CertificateFacts& facts) {
  out << "made " << KindWord(facts.kind) << " of " << Holder(facts) << '\n';
  Line(out, "role", Role(facts));
  PrintLimits(out, facts);
  Line(out, "certificate", OneLine(files.certificate_file));
  Line(out, "private key",
       absl::StrCat(OneLine(files.key_file),
                    "  (mode 0600; show it to nobody)"));
  Line(out, "valid until", pki::DateOf(facts.not_after));
  Line(out, "key",
       absl::StrCat(facts.key_algorithm, ", id ", ToHex(facts.key_id)));
}

void PrintMadeJson(std::ostream& out, const pki::PkiFolder::Files& files,
                   const CertificateFacts& facts) {
  out << "{\"certificateFile\":" << JsonString(files.certificate_file)
      << ",\"keyFile\":" << JsonString(files.key_file) << ','
      << JsonFields(facts) << "}\n";
}

void PrintInspected(std::ostream& out, const InspectedFile& file,
                    absl::Time now) {
  out << OneLine(file.path) << '\n';
  if (file.certificates.empty()) {
    Line(out, "private key", absl::StrCat("id ", ToHex(file.key_id)));
    return;
  }
  for (const CertificateFacts& facts : file.certificates) {
    Line(out, KindWord(facts.kind), Holder(facts));
    Line(out, "role", Role(facts));
    PrintLimits(out, facts);
    Line(out, "subject", OneLine(facts.subject));
    Line(out, "issuer", OneLine(facts.issuer));
    Line(out, "valid", Validity(facts, now));
    Line(out, "key",
         absl::StrCat(facts.key_algorithm, ", id ", ToHex(facts.key_id)));
    Line(out, "serial", facts.serial);
    out << '\n';
  }
  if (file.root_file.empty()) {
    Line(out, "chain", "not checked; give the root with --root FILE");
  } else if (file.chain.ok()) {
    Line(out, "chain", absl::StrCat("holds under ", OneLine(file.root_file)));
  } else {
    Line(out, "chain",
         absl::StrCat("DOES NOT HOLD under ", OneLine(file.root_file), ": ",
                      OneLine(file.chain.message())));
  }
}

void PrintInspectedJson(std::ostream& out, const InspectedFile& file,
                        absl::Time now) {
  out << "{\"file\":" << JsonString(file.path);
  if (file.certificates.empty()) {
    out << ",\"privateKeyId\":" << JsonString(ToHex(file.key_id));
  }
  out << ",\"certificates\":["
      << absl::StrJoin(file.certificates, ",",
                       [&](std::string* text, const CertificateFacts& facts) {
                         absl::StrAppend(
                             text, "{", JsonFields(facts), ",\"expired\":",
                             now > facts.not_after ? "true" : "false", "}");
                       })
      << ']';
  if (!file.root_file.empty()) {
    out << ",\"root\":" << JsonString(file.root_file)
        << ",\"chainHolds\":" << (file.chain.ok() ? "true" : "false");
    if (!file.chain.ok()) {
      out << ",\"chainError\":" << JsonString(file.chain.message());
    }
  }
  out << "}\n";
}

}  // namespace gaceta::cli
