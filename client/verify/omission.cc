#include "verify/omission.h"

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

absl::Status Withheld(std::int64_t position, absl::string_view why) {
  return WithReason(
      absl::DataLossError(absl::StrCat(
          "entry ", position, ": the server leaves its payload out ", why)),
      "PAYLOAD_WITHHELD", {{"position", absl::StrCat(position)}});
}

}  // namespace

absl::Status CheckOmission(std::int64_t position, v1::Entry::Omission omission,
                           const v1::StatementHeader& header,
                           const Federation& newest) {
  if (omission == v1::Entry::OMISSION_RESTRICTED && IsPublic(header)) {
    return Withheld(position, "as restricted, but everybody may read it");
  }
  if (omission == v1::Entry::OMISSION_ERASED &&
      !newest.erasures().contains(position)) {
    return Withheld(position,
                    "as erased, but no statement of the secretariat erases it");
  }
  return absl::OkStatus();
}

}  // namespace gaceta
