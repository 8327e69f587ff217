#include "verify/registry_items/registry_items.h"

#include <algorithm>
#include <string>

namespace gaceta {

const RegistryItemKind* FindKind(const v1::RegistryItem& item) {
  for (const RegistryItemKind* kind :
       {&MemberKind(), &SignerKeyKind(), &SignerKeyRevocationKind(),
        &RevokedCertificateKind(), &CorridorKind(), &TopicKind(),
        &LogPolicyKind(), &ErasureKind()}) {
    if (kind->item_case() == item.item_case()) return kind;
  }
  return nullptr;
}

int VersionOf(const v1::RegistryChange& change) {
  int version = 1;
  for (const v1::RegistryItem& item : change.items()) {
    if (const RegistryItemKind* kind = FindKind(item); kind != nullptr) {
      version = std::max(version, kind->since_version());
    }
  }
  return version;
}

std::string DescribeItem(const v1::RegistryItem& item) {
  const RegistryItemKind* kind = FindKind(item);
  return kind == nullptr ? "nothing" : kind->Describe(item);
}

}  // namespace gaceta
