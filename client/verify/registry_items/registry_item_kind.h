// One kind of item that a registry change may have.
#ifndef GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_REGISTRY_ITEM_KIND_H_
#define GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_REGISTRY_ITEM_KIND_H_

#include <cstdint>
#include <string>

#include "gaceta/v1/registry.pb.h"
#include "verify/registry_items/item_check.h"
#include "verify/registry_state.h"

namespace gaceta {

// What an item of this kind may say, what it does, and what it is called. Each
// kind is one file of this folder; registry_items.h lists them.
//
// The methods are given items of their own kind alone, and no fields or values
// that this program does not know (later_version.h).
//
// Thread safety: immutable.
class RegistryItemKind {
 public:
  virtual ~RegistryItemKind() = default;

  // Which field of the oneof it is.
  virtual v1::RegistryItem::ItemCase item_case() const = 0;

  // The first version of the registry's form that has this kind; see
  // kRegistryVersion.
  virtual int since_version() const = 0;

  // Adds to `check` what is wrong with `item` in a registry that is `before`.
  // Says the same at any time: a log is verified years later.
  virtual void Check(const v1::RegistryItem& item, const RegistryState& before,
                     ItemCheck* check) const = 0;

  // Does what `item`, which passed Check(), says; it is part of the entry at
  // `position`.
  virtual void Apply(const v1::RegistryItem& item, std::int64_t position,
                     RegistryState* state) const = 0;

  // Whether `item` would change nothing.
  virtual bool IsInForce(const v1::RegistryItem& item,
                         const RegistryState& state) const = 0;

  // A few words for people, as `member HN`.
  virtual std::string Describe(const v1::RegistryItem& item) const = 0;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_REGISTRY_ITEM_KIND_H_
