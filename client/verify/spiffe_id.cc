#include "verify/spiffe_id.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace gaceta {
namespace {

constexpr std::size_t kMaxIdBytes = 2048;
constexpr std::size_t kMaxDomainBytes = 255;

bool IsLowerOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool IsDomainChar(char c) {
  return IsLowerOrDigit(c) || c == '.' || c == '-' || c == '_';
}

bool IsSegmentChar(char c) { return IsDomainChar(c) || (c >= 'A' && c <= 'Z'); }

absl::Status Invalid(absl::string_view uri, absl::string_view why) {
  // The text may come from a stranger's certificate: keep it short.
  return absl::InvalidArgumentError(
      absl::StrCat("SPIFFE ID \"", uri.substr(0, 100), "\" ", why));
}

}  // namespace

absl::StatusOr<SpiffeId> SpiffeId::Parse(absl::string_view uri) {
  if (uri.size() > kMaxIdBytes) {
    return Invalid(
        uri, absl::StrCat("has ", uri.size(), " bytes, at most ", kMaxIdBytes));
  }
  absl::string_view rest = uri;
  if (!absl::ConsumePrefix(&rest, "spiffe://")) {
    return Invalid(uri, "does not begin with spiffe://");
  }
  const absl::string_view domain = rest.substr(0, rest.find('/'));
  if (domain.empty() || domain.size() > kMaxDomainBytes ||
      !std::all_of(domain.begin(), domain.end(), IsDomainChar)) {
    return Invalid(uri,
                   "has a wrong trust domain, expected 1 to 255 of a-z 0-9 . - "
                   "_");
  }
  if (domain.size() == rest.size()) {
    return Invalid(uri, "has no path, which a certificate's holder needs");
  }
  const absl::string_view path = rest.substr(domain.size() + 1);
  for (absl::string_view segment : absl::StrSplit(path, '/')) {
    if (segment.empty()) return Invalid(uri, "has an empty path segment");
    if (segment == "." || segment == "..") {
      return Invalid(uri, "has a path segment . or ..");
    }
    if (!std::all_of(segment.begin(), segment.end(), IsSegmentChar)) {
      return Invalid(uri,
                     "has a path with other characters than a-z A-Z 0-9 . "
                     "- _");
    }
  }
  return SpiffeId(std::string(domain), std::string(path));
}

std::string SpiffeId::ToString() const {
  return absl::StrCat("spiffe://", trust_domain_, "/", path_);
}

}  // namespace gaceta
