// Erasures: the end of a payload or of a document.
#include <string>

#include "absl/strings/str_cat.h"
#include "verify/digest.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

class Kind : public RegistryItemKind {
 public:
  v1::RegistryItem::ItemCase item_case() const override {
    return v1::RegistryItem::kErasure;
  }
  int since_version() const override { return 1; }

  void Check(const v1::RegistryItem& item, const RegistryState& /*before*/,
             ItemCheck* check) const override {
    const v1::Erasure& erasure = item.erasure();
    CheckGround(erasure.ground(), "erasure.ground", check);
    switch (erasure.target_case()) {
      case v1::Erasure::kPosition:
        if (erasure.position() < 0) {
          check->Fail(
              "erasure.position",
              absl::StrCat("is ", erasure.position(), ", expected 0 or more"));
        }
        break;
      case v1::Erasure::kDocument:
        if (!IsDigestHex(erasure.document())) {
          check->Fail("erasure.document",
                      absl::StrCat("is \"", erasure.document().substr(0, 80),
                                   "\", expected a SHA-256 in lower-case hex"));
        }
        break;
      case v1::Erasure::TARGET_NOT_SET:
        check->Fail("erasure.target", "is not set");
        break;
    }
  }

  void Apply(const v1::RegistryItem& item, std::int64_t position,
             RegistryState* state) const override {
    const v1::Erasure& erasure = item.erasure();
    if (erasure.target_case() == v1::Erasure::kDocument) {
      state->document_erasures.try_emplace(erasure.document(),
                                           ErasureInForce{erasure, position});
    } else if (erasure.position() < position) {
      // What is to come cannot be erased.
      state->erasures.try_emplace(erasure.position(),
                                  ErasureInForce{erasure, position});
    }
  }

  bool IsInForce(const v1::RegistryItem& item,
                 const RegistryState& state) const override {
    const v1::Erasure& erasure = item.erasure();
    return erasure.target_case() == v1::Erasure::kPosition
               ? state.erasures.contains(erasure.position())
               : state.document_erasures.contains(erasure.document());
  }

  std::string Describe(const v1::RegistryItem& item) const override {
    const v1::Erasure& erasure = item.erasure();
    return erasure.target_case() == v1::Erasure::kPosition
               ? absl::StrCat("erasure of entry ", erasure.position())
               : absl::StrCat("erasure of document ",
                              erasure.document().substr(0, 16));
  }
};

}  // namespace

const RegistryItemKind& ErasureKind() {
  static const Kind kind;
  return kind;
}

}  // namespace gaceta
