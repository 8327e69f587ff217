#include "server/law/field_checks.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace gaceta {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsPrintable(char c) { return c > ' ' && c < 0x7f; }

template <typename Is>
bool All(absl::string_view text, Is is) {
  return std::all_of(text.begin(), text.end(), is);
}

bool IsMailChar(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
         c == '_' || c == '-' || c == '+';
}

bool HasMailAddress(absl::string_view text) {
  for (std::size_t at = text.find('@'); at != absl::string_view::npos;
       at = text.find('@', at + 1)) {
    if (at == 0 || !IsMailChar(text[at - 1])) continue;
    std::size_t end = at + 1;
    while (end < text.size() && IsMailChar(text[end])) ++end;
    const std::size_t dot = text.substr(0, end).rfind('.');
    if (dot != absl::string_view::npos && dot > at + 1 && end > dot + 2) {
      return true;
    }
  }
  return false;
}

// A run that begins with `+` and has 8 to 15 digits, blanks and hyphens among
// them: the international form of a telephone number.
bool HasTelephone(absl::string_view text) {
  for (std::size_t at = text.find('+'); at != absl::string_view::npos;
       at = text.find('+', at + 1)) {
    int digits = 0;
    for (std::size_t i = at + 1; i < text.size(); ++i) {
      if (IsDigit(text[i])) {
        ++digits;
      } else if (text[i] != ' ' && text[i] != '-' && text[i] != '(' &&
                 text[i] != ')') {
        break;
      }
    }
    if (digits >= 8 && digits <= 15) return true;
  }
  return false;
}

// A word for an identity document, followed within a few characters by a
// number of 6 digits or more.
bool HasIdentityNumber(absl::string_view text) {
  static constexpr absl::string_view kWords[] = {
      "pasaporte", "passport", "passeport", "passaporte", "dni ",
      "curp ",     "cédula",   "rut ",      "cpf "};
  const std::string lower = absl::AsciiStrToLower(text);
  for (const absl::string_view word : kWords) {
    for (std::size_t at = lower.find(std::string(word));
         at != std::string::npos; at = lower.find(std::string(word), at + 1)) {
      const std::size_t from = at + word.size();
      const std::string after = lower.substr(from, 30);
      int digits = 0;
      for (const char c : after) {
        if (IsDigit(c)) {
          if (++digits >= 6) return true;
        } else if (c != '.' && c != '-') {
          digits = 0;
        }
      }
    }
  }
  return false;
}

}  // namespace

std::optional<absl::CivilDay> ParseDay(absl::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') {
    return std::nullopt;
  }
  int year = 0;
  int month = 0;
  int day = 0;
  if (!All(text.substr(0, 4), IsDigit) || !All(text.substr(5, 2), IsDigit) ||
      !All(text.substr(8, 2), IsDigit) ||
      !absl::SimpleAtoi(text.substr(0, 4), &year) ||
      !absl::SimpleAtoi(text.substr(5, 2), &month) ||
      !absl::SimpleAtoi(text.substr(8, 2), &day)) {
    return std::nullopt;
  }
  const absl::CivilDay civil(year, month, day);
  // CivilDay turns 31 April into 1 May.
  if (civil.month() != month || civil.day() != day) return std::nullopt;
  return civil;
}

bool IsLanguageTag(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '-');
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if ((parts[0].size() != 2 && parts[0].size() != 3) ||
      !All(parts[0], IsLower)) {
    return false;
  }
  std::size_t next = 1;
  if (next < parts.size() && parts[next].size() == 4 && upper(parts[next][0]) &&
      All(parts[next].substr(1), IsLower)) {
    ++next;
  }
  if (next < parts.size() &&
      ((parts[next].size() == 2 && All(parts[next], upper)) ||
       (parts[next].size() == 3 && All(parts[next], IsDigit)))) {
    ++next;
  }
  return next == parts.size();
}

bool IsAknIri(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, "/akn/") || !All(text, IsPrintable)) {
    return false;
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  // Country, type, date and language at the least.
  if (parts.size() < 4 ||
      std::any_of(parts.begin(), parts.end(),
                  [](absl::string_view part) { return part.empty(); })) {
    return false;
  }
  const absl::string_view country = parts[0].substr(0, parts[0].find('-'));
  const absl::string_view expression = parts.back();
  const auto is_date = [](absl::string_view part) {
    return (part.size() == 4 && All(part, IsDigit)) ||
           ParseDay(part).has_value();
  };
  // The date is the last but one, or a number comes after it.
  return country.size() == 2 && All(country, IsLower) &&
         expression.size() >= 4 && All(expression.substr(0, 3), IsLower) &&
         expression[3] == '@' &&
         (is_date(parts[parts.size() - 2]) ||
          (parts.size() >= 5 && is_date(parts[parts.size() - 3])));
}

bool IsMediaType(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  return text.size() <= 127 && parts.size() == 2 &&
         std::all_of(parts.begin(), parts.end(), [](absl::string_view part) {
           return !part.empty() && All(part, [](char c) {
             return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                    c == '.' || c == '+' || c == '-' || c == '_';
           });
         });
}

bool IsWebAddress(absl::string_view text, bool allow_http) {
  if (!absl::ConsumePrefix(&text, "https://") &&
      !(allow_http && absl::ConsumePrefix(&text, "http://"))) {
    return false;
  }
  return !text.empty() && text[0] != '/' && text.size() <= 2000 &&
         All(text, [](char c) { return static_cast<unsigned char>(c) > ' '; });
}

std::size_t CountCharacters(absl::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(),
      [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

absl::string_view FindPersonalData(absl::string_view text) {
  if (HasMailAddress(text)) return "an e-mail address";
  if (HasTelephone(text)) return "a telephone number";
  if (HasIdentityNumber(text)) return "the number of an identity document";
  return {};
}

}  // namespace gaceta
