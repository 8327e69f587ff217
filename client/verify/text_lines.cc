#include "verify/text_lines.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

constexpr char32_t kMaxCodePoint = 0x10FFFF;

// Takes one character away. Nothing if `*text` does not begin with UTF-8
// (RFC 3629: the shortest form, no surrogates).
std::optional<char32_t> TakeCodePoint(absl::string_view* text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned char>((*text)[i]);
  };
  const unsigned char first = byte(0);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xC0 ? 0
                           : first < 0xE0 ? 2
                           : first < 0xF0 ? 3
                           : first < 0xF8 ? 4
                                          : 0;
  if (size == 0 || size > text->size()) return std::nullopt;
  char32_t point = size == 1 ? first : first & (0x7F >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return std::nullopt;
    point = point << 6 | (byte(i) & 0x3F);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kSmallest[size] || point > kMaxCodePoint ||
      (point >= 0xD800 && point <= 0xDFFF)) {
    return std::nullopt;
  }
  text->remove_prefix(size);
  return point;
}

// Unicode's White_Space beyond ASCII.
bool IsWideSpace(char32_t c) {
  return c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

}  // namespace

std::optional<absl::string_view> TakeLine(absl::string_view* text) {
  const std::size_t end = text->find('\n');
  if (end == absl::string_view::npos) return std::nullopt;
  const absl::string_view line = text->substr(0, end);
  text->remove_prefix(end + 1);
  return line;
}

std::optional<std::int64_t> ParseDecimal(absl::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  std::int64_t value = 0;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) {
      return std::nullopt;
    }
    const int digit = c - '0';
    if (value > (std::numeric_limits<std::int64_t>::max() - digit) / 10) {
      return std::nullopt;
    }
    value = 10 * value + digit;
  }
  return value;
}

std::optional<std::string> ParseBase64(absl::string_view text) {
  std::string bytes;
  // Abseil lets pass blanks, missing padding and unused bits that are set.
  if (!absl::Base64Unescape(text, &bytes) || FormatBase64(bytes) != text) {
    return std::nullopt;
  }
  return bytes;
}

std::string FormatBase64(absl::string_view bytes) {
  return absl::Base64Escape(bytes);
}

std::optional<TreeHash> ParseHash(absl::string_view text) {
  const std::optional<std::string> bytes = ParseBase64(text);
  if (!bytes.has_value() || bytes->size() != kDigestSize) return std::nullopt;
  TreeHash hash;
  std::copy(bytes->begin(), bytes->end(), hash.begin());
  return hash;
}

absl::StatusOr<std::vector<TreeHash>> TakeProof(absl::string_view* text) {
  std::vector<TreeHash> proof;
  for (;;) {
    const auto line = TakeLine(text);
    if (!line.has_value()) {
      return absl::InvalidArgumentError("no empty line after the proof");
    }
    if (line->empty()) return proof;
    const auto hash = ParseHash(*line);
    if (!hash.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "line ", proof.size() + 1, " of the proof is no SHA-256 in base64"));
    }
    if (proof.size() == kMaxProofHashes) {
      return absl::InvalidArgumentError(
          absl::StrCat("the proof has more than ", kMaxProofHashes, " hashes"));
    }
    proof.push_back(*hash);
  }
}

std::string FormatProof(const std::vector<TreeHash>& proof) {
  std::string text;
  for (const TreeHash& hash : proof) {
    absl::StrAppend(&text, FormatBase64(View(hash)), "\n");
  }
  return text + "\n";
}

bool IsPlainText(absl::string_view text) {
  while (!text.empty()) {
    const auto c = TakeCodePoint(&text);
    if (!c.has_value() || (*c < 0x20 && *c != '\n')) return false;
  }
  return true;
}

bool IsKeyName(absl::string_view name) {
  if (name.empty()) return false;
  while (!name.empty()) {
    const auto c = TakeCodePoint(&name);
    if (!c.has_value() || *c <= 0x20 || *c == '+' || IsWideSpace(*c)) {
      return false;
    }
  }
  return true;
}

}  // namespace gaceta
