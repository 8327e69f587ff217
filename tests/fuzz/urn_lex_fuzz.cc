#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/law/urn_lex.h"
#include "tests/fuzz/fuzz.h"

namespace gaceta::fuzz {
namespace {

std::string Marked(absl::string_view mark, const std::string& text) {
  return text.empty() ? "" : absl::StrCat(mark, text);
}

void FuzzUrnLex(absl::string_view urn) {
  const auto parsed = UrnLex::Parse(urn);
  if (!parsed.ok()) return;
  // The manifestation, after $, is checked and not kept.
  const std::string written = absl::StrCat(
      parsed->work(), Marked("~", parsed->part()),
      Marked("@", parsed->version()), Marked(":", parsed->language()));
  Require(absl::StartsWith(urn, written), "the parts are those of the name");
  Require(urn.size() == written.size() || urn[written.size()] == '$',
          "nothing is left out");
  const auto again = UrnLex::Parse(written);
  Require(again.ok(), "a name that is written again parses");
  Require(again->work() == parsed->work() && again->part() == parsed->part() &&
              again->version() == parsed->version() &&
              again->language() == parsed->language() &&
              again->country() == parsed->country(),
          "a name stays the same");
  Require(UrnLex::Parse(parsed->work()).ok(), "a work has a name of its own");
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gaceta::fuzz::FuzzUrnLex(gaceta::fuzz::TextOf(data, size));
  return 0;
}
