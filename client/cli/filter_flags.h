// The flags by which a verb says which updates it means, and where it starts.
#ifndef GACETA_CLIENT_CLI_FILTER_FLAGS_H_
#define GACETA_CLIENT_CLI_FILTER_FLAGS_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/relay.pb.h"
#include "gaceta/v1/update.pb.h"

namespace gaceta::cli {

// One list for each field of v1::Filter, as typed.
struct FilterFlags {
  std::vector<std::string> states;
  // `ID` or `ID:role,role`.
  std::vector<std::string> corridors;
  std::vector<std::string> kinds;
  std::vector<std::string> events;
  std::vector<std::string> topics;
  // A urn:lex, or the beginning of one followed by `*`.
  std::vector<std::string> instruments;
  std::vector<std::string> languages;
  std::vector<std::string> agencies;
};

// Adds the flags to a verb. `flags` must outlive it.
void AddFilterFlags(CLI::App& verb, FilterFlags* flags);

// Returns the filter. A UsageError() says which flag is wrong, and what it may
// be.
absl::StatusOr<v1::Filter> ParseFilter(const FilterFlags& flags);

// Where a stream starts.
struct FromNow {};
using From = std::variant<std::int64_t, absl::Time, FromNow>;

// Parses `start`, `now`, a position, a day (`2026-03-01`, at 0 h UTC) or a time
// (RFC 3339).
absl::StatusOr<From> ParseFrom(absl::string_view text);

// How an enum value is typed and printed: `UPDATE_KIND_BEST_PRACTICE` is
// `best_practice`.
std::string NameOf(v1::UpdateKind kind);
std::string NameOf(v1::UpdateEvent event);

// All names of an enum, in its order, without the unspecified.
std::vector<std::string> KindNames();
std::vector<std::string> EventNames();

// The same for any enum value of the protos.
std::string EnumName(const google::protobuf::EnumDescriptor& type, int number);

// Returns the number of the value typed as `text`, `best_practice` or
// `best-practice`. A UsageError() names `flag` and all values.
absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type,
                              absl::string_view flag, absl::string_view text);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_FILTER_FLAGS_H_
