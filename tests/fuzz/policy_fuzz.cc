#include <functional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz.h"
#include "verify/log_policy.h"

namespace gaceta::fuzz {
namespace {

using Names = std::set<std::string, std::less<>>;

void FuzzPolicy(absl::string_view text) {
  const auto policy = LogPolicy::Parse(text);
  if (!policy.ok()) return;
  Require(policy->text() == text, "a policy keeps its text");
  Require(LogPolicy::Parse(policy->text()).ok(), "a policy parses again");

  Names all;
  for (const NoteKey& witness : policy->witnesses()) {
    Require(all.insert(witness.name()).second, "each witness has its name");
  }
  Require(policy->IsQuorum(all), "all witnesses together are a quorum");
  // Strangers change nothing, and one more witness is never too many.
  Names some = {"stranger"};
  bool was_quorum = policy->IsQuorum({});
  for (const std::string& name : all) {
    some.insert(name);
    const bool is_quorum = policy->IsQuorum(some);
    Require(is_quorum || !was_quorum, "a quorum stays one");
    was_quorum = is_quorum;
  }
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gaceta::fuzz::FuzzPolicy(gaceta::fuzz::TextOf(data, size));
  return 0;
}
