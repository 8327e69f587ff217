// Forms that several fields of an update have.
#ifndef GACETA_SERVER_LAW_FIELD_CHECKS_H_
#define GACETA_SERVER_LAW_FIELD_CHECKS_H_

#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"

namespace gaceta {

// Parses `YYYY-MM-DD`; none if it is not a day of the calendar.
std::optional<absl::CivilDay> ParseDay(absl::string_view text);

// Whether `text` is a BCP 47 tag of Gaceta's profile.
bool IsLanguageTag(absl::string_view text);

// Whether `text` is an Akoma Ntoso IRI of a version in one language:
// `/akn/{cc}/{doctype}[/…]/{date}[/{number}]/{lang3}@{version}`.
bool IsAknIri(absl::string_view text);

// Whether `text` is an IANA media type, `type/subtype`.
bool IsMediaType(absl::string_view text);

// Whether `text` is an absolute address of `https` (or `http` as well).
bool IsWebAddress(absl::string_view text, bool allow_http);

// Number of Unicode characters in UTF-8 text.
std::size_t CountCharacters(absl::string_view text);

// What in a free text looks like a person's data: an e-mail address, a
// telephone number, the number of an identity document. Empty if nothing does.
absl::string_view FindPersonalData(absl::string_view text);

}  // namespace gaceta

#endif  // GACETA_SERVER_LAW_FIELD_CHECKS_H_
