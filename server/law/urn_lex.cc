#include "server/law/urn_lex.h"

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

constexpr std::size_t kMaxBytes = 512;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

// Runs of `is_char`, joined by single characters of `joiners`.
template <typename IsChar>
bool IsJoined(absl::string_view text, absl::string_view joiners,
              IsChar is_char) {
  bool need_char = true;
  for (const char c : text) {
    if (is_char(c)) {
      need_char = false;
    } else if (!need_char && joiners.find(c) != absl::string_view::npos) {
      need_char = true;
    } else {
      return false;
    }
  }
  return !need_char;
}

// S of the profile: [a-z0-9]+([.-][a-z0-9]+)*
bool IsWord(absl::string_view text) {
  return IsJoined(text, ".-", [](char c) { return IsLower(c) || IsDigit(c); });
}

// N of the profile: [A-Za-z0-9]+([./-][A-Za-z0-9]+)*
bool IsNumber(absl::string_view text) {
  return IsJoined(text, "./-", [](char c) {
    return IsLower(c) || IsUpper(c) || IsDigit(c);
  });
}

// D of the profile: \d{4}-\d{2}-\d{2}
bool IsDate(absl::string_view text) {
  if (text.size() != 10) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i == 4 || i == 7 ? text[i] != '-' : !IsDigit(text[i])) return false;
  }
  return true;
}

bool IsYear(absl::string_view text) {
  return text.size() == 4 && std::all_of(text.begin(), text.end(), IsDigit);
}

template <typename Is>
bool AllOf(absl::string_view text, char separator, Is is) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, separator);
  return std::all_of(parts.begin(), parts.end(), is);
}

bool IsUnitPath(absl::string_view text) { return AllOf(text, ';', IsWord); }

bool IsLanguage(absl::string_view text) {
  return (text.size() == 2 || text.size() == 3) &&
         std::all_of(text.begin(), text.end(), IsLower);
}

absl::Status Invalid(absl::string_view urn, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("\"", urn.substr(0, 200), "\" ", why));
}

// Takes what follows `mark` off the end of `rest`.
absl::string_view TakeAfter(char mark, absl::string_view* rest) {
  const std::size_t at = rest->find(mark);
  if (at == absl::string_view::npos) return {};
  const absl::string_view taken = rest->substr(at + 1);
  *rest = rest->substr(0, at);
  return taken;
}

}  // namespace

absl::StatusOr<UrnLex> UrnLex::Parse(absl::string_view urn) {
  if (urn.size() > kMaxBytes) {
    return Invalid(
        urn, absl::StrCat("has ", urn.size(), " bytes, at most ", kMaxBytes));
  }
  absl::string_view rest = urn;
  if (!absl::ConsumePrefix(&rest, "urn:lex:")) {
    return Invalid(urn, "does not begin with urn:lex:");
  }

  // From the end: $manifestation, @version:language, ~part; then the work.
  const bool has_manifestation = absl::StrContains(rest, '$');
  const bool has_version = absl::StrContains(rest, '@');
  const bool has_part = absl::StrContains(rest, '~');
  const absl::string_view manifestation = TakeAfter('$', &rest);
  absl::string_view version = TakeAfter('@', &rest);
  const absl::string_view part = TakeAfter('~', &rest);
  if (has_manifestation && !AllOf(manifestation, ':', IsNumber)) {
    return Invalid(urn, "has a wrong manifestation after $");
  }
  UrnLex result;
  if (has_version) {
    const bool has_language = absl::StrContains(version, ':');
    const absl::string_view language = TakeAfter(':', &version);
    if (has_language && !IsLanguage(language)) {
      return Invalid(urn, "has a wrong language after the version");
    }
    result.language_ = std::string(language);
    if (!AllOf(version, ';',
               [](absl::string_view v) { return IsDate(v) || IsWord(v); })) {
      return Invalid(urn, "has a wrong version, expected a date after @");
    }
  }
  if (has_part && !AllOf(part, ';', IsNumber)) {
    return Invalid(urn, "has a wrong part after ~");
  }

  const std::vector<absl::string_view> fields = absl::StrSplit(rest, ':');
  if (fields.size() < 4) {
    return Invalid(urn,
                   "is too short, expected "
                   "urn:lex:<country>:<authority>:<measure>:<date>;<number>");
  }
  const absl::string_view jurisdiction = fields[0];
  const absl::string_view country =
      jurisdiction.substr(0, jurisdiction.find(';'));
  if (country.size() != 2 || !IsLower(country[0]) || !IsLower(country[1]) ||
      !IsUnitPath(jurisdiction)) {
    return Invalid(urn, absl::StrCat("has jurisdiction \"", jurisdiction,
                                     "\", expected two lower-case letters"));
  }
  if (!AllOf(fields[1], '+', IsUnitPath)) {
    return Invalid(urn, absl::StrCat("has authority \"", fields[1],
                                     "\", expected words of a-z 0-9 . -"));
  }
  if (!IsUnitPath(fields[2])) {
    return Invalid(urn, absl::StrCat("has measure \"", fields[2],
                                     "\", expected words of a-z 0-9 . -"));
  }
  absl::string_view date = fields[3];
  const absl::string_view numbers = TakeAfter(';', &date);
  if (!IsYear(date) && !AllOf(date, ',', IsDate)) {
    return Invalid(urn, absl::StrCat("has date \"", date,
                                     "\", expected YYYY-MM-DD or YYYY"));
  }
  if (numbers.empty() || !AllOf(numbers, ',', IsNumber)) {
    return Invalid(urn, absl::StrCat("has number \"", numbers,
                                     "\", expected A-Z a-z 0-9 . / -"));
  }
  if (!std::all_of(fields.begin() + 4, fields.end(), IsWord)) {
    return Invalid(urn, "has a wrong annex");
  }
  result.work_ = absl::StrCat("urn:lex:", rest);
  result.country_ = std::string(country);
  result.part_ = std::string(part);
  result.version_ = std::string(version);
  return result;
}

}  // namespace gaceta
