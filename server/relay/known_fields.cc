#include "server/relay/known_fields.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "verify/later_version.h"

namespace gaceta {

absl::Status CheckKnownFields(absl::string_view path,
                              const google::protobuf::Message& message) {
  const std::string later = FindLaterVersion(message);
  if (later.empty()) return absl::OkStatus();
  const std::string field = absl::StrCat(path, ".", later);
  return WithReason(absl::InvalidArgumentError(absl::StrCat(
                        field,
                        " is not known to this server, which would have "
                        "to ignore it; the server is older than the "
                        "program that asks")),
                    "UNKNOWN_FIELD", {{"field", field}});
}

}  // namespace gaceta
