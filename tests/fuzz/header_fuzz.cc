#include <string>

#include "tests/fuzz/fuzz.h"
#include "verify/statement.h"

namespace gaceta::fuzz {
namespace {

void FuzzHeader(absl::string_view bytes) {
  const auto header = ParseHeader(bytes);
  if (!header.ok()) return;
  Require(IsStatementId(header->statement_id()), "ids are UUIDs");
  Require(header->sequence() >= 1, "sequences begin at 1");
  // Protobuf has more than one form of a message; that is why signed bytes are
  // kept. Written by us, it is the same from the first time on.
  const std::string written = header->SerializeAsString();
  const auto again = ParseHeader(written);
  Require(again.ok(), "a header that is written again parses");
  Require(again->SerializeAsString() == written, "a header stays the same");
  (void)VerifyPayload(*header, bytes);
  (void)CheckFollows({}, *header);
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gaceta::fuzz::FuzzHeader(gaceta::fuzz::TextOf(data, size));
  return 0;
}
