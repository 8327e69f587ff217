#include "server/services/page_token.h"

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"

namespace gaceta {
namespace {

absl::Status WrongToken(absl::string_view rpc) {
  return InvalidField(
      "page_token",
      absl::StrCat("was not made by ", rpc,
                   "; expected next_page_token of the page before"));
}

}  // namespace

std::string MakePageToken(absl::string_view rpc, absl::string_view key) {
  return absl::WebSafeBase64Escape(absl::StrCat(rpc, "\n", key));
}

absl::StatusOr<std::string> ReadPageToken(absl::string_view rpc,
                                          absl::string_view token) {
  if (token.empty()) return std::string();
  std::string text;
  if (!absl::WebSafeBase64Unescape(token, &text)) return WrongToken(rpc);
  absl::string_view key = text;
  if (!absl::ConsumePrefix(&key, absl::StrCat(rpc, "\n")) || key.empty()) {
    return WrongToken(rpc);
  }
  return std::string(key);
}

absl::StatusOr<std::int64_t> ReadPageNumber(absl::string_view rpc,
                                            absl::string_view token,
                                            std::int64_t first) {
  auto key = ReadPageToken(rpc, token);
  if (!key.ok()) return key.status();
  if (key->empty()) return first;
  std::int64_t number = 0;
  if (!absl::SimpleAtoi(*key, &number) || number < 0) return WrongToken(rpc);
  return number;
}

absl::StatusOr<int> PageSize(std::int32_t wanted, int fallback, int most) {
  if (wanted < 0) {
    return InvalidField("page_size",
                        absl::StrCat("is ", wanted, ", expected 0 or more"));
  }
  return wanted == 0 ? fallback : std::min(wanted, most);
}

}  // namespace gaceta
