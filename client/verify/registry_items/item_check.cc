#include "verify/registry_items/item_check.h"

#include <algorithm>

namespace gaceta {
namespace {

// 500 and 300 characters of at most 4 bytes.
constexpr std::size_t kMaxGroundBytes = 2000;
constexpr std::size_t kMaxNameBytes = 1200;

}  // namespace

bool IsStateCode(absl::string_view text) {
  return text.size() == 2 && text[0] >= 'A' && text[0] <= 'Z' &&
         text[1] >= 'A' && text[1] <= 'Z';
}

bool IsRegistryId(absl::string_view text, std::size_t least) {
  return text.size() >= least && text.size() <= 63 &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

void CheckNames(const google::protobuf::RepeatedPtrField<v1::NameText>& names,
                absl::string_view field, ItemCheck* check) {
  if (names.empty()) check->Fail(field, "is empty, expected at least one name");
  for (const v1::NameText& name : names) {
    if (name.language().empty() || name.text().empty() ||
        name.text().size() > kMaxNameBytes) {
      check->Fail(field, "has a name without language or text, or too long");
    }
  }
}

void CheckGround(const std::string& ground, absl::string_view field,
                 ItemCheck* check) {
  if (!ground.empty() && ground.size() <= kMaxGroundBytes) return;
  check->Fail(field, "is empty or too long");
}

}  // namespace gaceta
