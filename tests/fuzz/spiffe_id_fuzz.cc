#include "tests/fuzz/fuzz.h"
#include "verify/spiffe_id.h"

namespace gaceta::fuzz {
namespace {

void FuzzSpiffeId(absl::string_view uri) {
  const auto id = SpiffeId::Parse(uri);
  if (!id.ok()) return;
  Require(id->ToString() == uri, "an id has one form");
  const auto again = SpiffeId::Parse(id->ToString());
  Require(again.ok() && *again == *id, "an id parses again");
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gaceta::fuzz::FuzzSpiffeId(gaceta::fuzz::TextOf(data, size));
  return 0;
}
