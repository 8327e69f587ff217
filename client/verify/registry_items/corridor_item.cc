// Corridors: named routes of sending, transit and receiving states.
#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

bool HasRoles(const v1::Corridor::Stop& stop) {
  return !stop.roles().empty() &&
         std::all_of(stop.roles().begin(), stop.roles().end(), [](int role) {
           return role != v1::CORRIDOR_ROLE_UNSPECIFIED;
         });
}

class Kind : public RegistryItemKind {
 public:
  v1::RegistryItem::ItemCase item_case() const override {
    return v1::RegistryItem::kCorridor;
  }
  int since_version() const override { return 1; }

  void Check(const v1::RegistryItem& item, const RegistryState& /*before*/,
             ItemCheck* check) const override {
    const v1::Corridor& corridor = item.corridor();
    if (!IsRegistryId(corridor.id(), 2)) {
      check->Fail("corridor.id", absl::StrCat("is \"", corridor.id(),
                                              "\", expected [a-z0-9-]{2,63}"));
    }
    CheckNames(corridor.names(), "corridor.names", check);
    if (corridor.stops_size() < 2) {
      check->Fail("corridor.stops", "has fewer than two states");
    }
    std::set<std::string> seen;
    for (const v1::Corridor::Stop& stop : corridor.stops()) {
      if (!IsStateCode(stop.state()) || !seen.insert(stop.state()).second) {
        check->Fail("corridor.stops",
                    absl::StrCat("has \"", stop.state(),
                                 "\", expected each state once, as HN"));
      }
      if (!HasRoles(stop)) {
        check->Fail("corridor.stops",
                    absl::StrCat(stop.state(), " has no role"));
      }
    }
  }

  void Apply(const v1::RegistryItem& item, std::int64_t /*position*/,
             RegistryState* state) const override {
    state->corridors[item.corridor().id()] = item.corridor();
  }

  bool IsInForce(const v1::RegistryItem& item,
                 const RegistryState& state) const override {
    const auto found = state.corridors.find(item.corridor().id());
    return found != state.corridors.end() &&
           found->second.SerializeAsString() ==
               item.corridor().SerializeAsString();
  }

  std::string Describe(const v1::RegistryItem& item) const override {
    return absl::StrCat("corridor ", item.corridor().id());
  }
};

}  // namespace

const RegistryItemKind& CorridorKind() {
  static const Kind kind;
  return kind;
}

}  // namespace gaceta
