// The parts of which the text formats of a log are made. Used inside this
// library alone.
//
// Each is read in one way only: what parses is, written again, the same bytes.
#ifndef GACETA_CLIENT_VERIFY_TEXT_LINES_H_
#define GACETA_CLIENT_VERIFY_TEXT_LINES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "verify/merkle.h"

namespace gaceta {

// More than any inclusion or consistency proof has.
inline constexpr std::size_t kMaxProofHashes = 63;

// Returns the first line of `*text`, without its LF, and takes both away.
// Nothing if no LF is left.
std::optional<absl::string_view> TakeLine(absl::string_view* text);

// An ASCII decimal of at most 2^63 - 1, without leading zeros.
std::optional<std::int64_t> ParseDecimal(absl::string_view text);

// The standard alphabet, with padding; unused bits are zero.
std::optional<std::string> ParseBase64(absl::string_view text);
std::string FormatBase64(absl::string_view bytes);

// A hash in base64.
std::optional<TreeHash> ParseHash(absl::string_view text);

// Takes lines with a hash each, and the empty line after them, away from
// `*text`. kInvalidArgument says what is wrong.
absl::StatusOr<std::vector<TreeHash>> TakeProof(absl::string_view* text);
std::string FormatProof(const std::vector<TreeHash>& proof);

// Whether `text` is UTF-8 without ASCII control characters other than LF.
bool IsPlainText(absl::string_view text);

// Whether `name` may name a note's key: UTF-8, not empty, without `+`, spaces
// of any script and control characters.
bool IsKeyName(absl::string_view name);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_TEXT_LINES_H_
