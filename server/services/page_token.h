// Page tokens of list rpcs: opaque to clients, bound to the rpc that made them.
#ifndef GACETA_SERVER_SERVICES_PAGE_TOKEN_H_
#define GACETA_SERVER_SERVICES_PAGE_TOKEN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gaceta {

// Returns a token by which `rpc` goes on after `key`.
std::string MakePageToken(absl::string_view rpc, absl::string_view key);

// Returns the key of a token; empty for the empty token, the first page.
// kInvalidArgument for a token that `rpc` did not make.
absl::StatusOr<std::string> ReadPageToken(absl::string_view rpc,
                                          absl::string_view token);

// The same for keys that are numbers, at least 0; `first` for the first page.
absl::StatusOr<std::int64_t> ReadPageNumber(absl::string_view rpc,
                                            absl::string_view token,
                                            std::int64_t first);

// Returns how many items a page may have: `wanted`, at most `most`, and
// `fallback` for 0. kInvalidArgument below 0.
absl::StatusOr<int> PageSize(std::int32_t wanted, int fallback, int most);

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_PAGE_TOKEN_H_
