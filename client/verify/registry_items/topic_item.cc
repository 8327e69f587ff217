// Topics: words by which updates are found.
#include <string>

#include "absl/strings/str_cat.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

class Kind : public RegistryItemKind {
 public:
  v1::RegistryItem::ItemCase item_case() const override {
    return v1::RegistryItem::kTopic;
  }
  int since_version() const override { return 1; }

  void Check(const v1::RegistryItem& item, const RegistryState& /*before*/,
             ItemCheck* check) const override {
    if (!IsRegistryId(item.topic().id(), 2)) {
      check->Fail("topic.id", absl::StrCat("is \"", item.topic().id(),
                                           "\", expected [a-z0-9-]{2,63}"));
    }
    CheckNames(item.topic().names(), "topic.names", check);
  }

  void Apply(const v1::RegistryItem& item, std::int64_t /*position*/,
             RegistryState* state) const override {
    state->topics[item.topic().id()] = item.topic();
  }

  bool IsInForce(const v1::RegistryItem& item,
                 const RegistryState& state) const override {
    const auto found = state.topics.find(item.topic().id());
    return found != state.topics.end() && found->second.SerializeAsString() ==
                                              item.topic().SerializeAsString();
  }

  std::string Describe(const v1::RegistryItem& item) const override {
    return absl::StrCat("topic ", item.topic().id());
  }
};

}  // namespace

const RegistryItemKind& TopicKind() {
  static const Kind kind;
  return kind;
}

}  // namespace gaceta
