// Checks that several kinds of registry item share.
#ifndef GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_ITEM_CHECK_H_
#define GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_ITEM_CHECK_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "gaceta/v1/registry.pb.h"

namespace gaceta {

// First label of the secretariat's trust domain.
inline constexpr absl::string_view kSecretariatLabel = "secretariat";

// Collects the violations of one item, with paths below `items[N].`.
class ItemCheck {
 public:
  // `out` must outlive this object.
  ItemCheck(std::string path, std::vector<FieldViolation>* out)
      : path_(std::move(path)), out_(out) {}

  // Adds a violation of `field`, a path below the item, as `member.id`.
  void Fail(absl::string_view field, std::string text) {
    out_->push_back({absl::StrCat(path_, field), std::move(text)});
  }

 private:
  const std::string path_;
  std::vector<FieldViolation>* const out_;
};

// Whether `text` is two capital letters, as `HN`.
bool IsStateCode(absl::string_view text);

// Whether `text` is `[a-z0-9-]{least,63}`.
bool IsRegistryId(absl::string_view text, std::size_t least);

// At least one name, each with its language and at most 300 characters.
void CheckNames(const google::protobuf::RepeatedPtrField<v1::NameText>& names,
                absl::string_view field, ItemCheck* check);

// Not empty, at most 500 characters.
void CheckGround(const std::string& ground, absl::string_view field,
                 ItemCheck* check);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_ITEM_CHECK_H_
