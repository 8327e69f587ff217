// Every kind of registry item. A new kind is one file beside this one, one line
// here and one in registry_items.cc.
#ifndef GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_REGISTRY_ITEMS_H_
#define GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_REGISTRY_ITEMS_H_

#include <string>

#include "gaceta/v1/registry.pb.h"
#include "verify/registry_items/registry_item_kind.h"

namespace gaceta {

// Version of the registry's form that this program reads. It rises with each
// kind of item, field or value that an older program must not ignore:
//
//   1  members, signer keys and their revocation, corridors, topics, log
//      policies, erasures
//   2  revoked certificates
inline constexpr int kRegistryVersion = 2;

const RegistryItemKind& MemberKind();
const RegistryItemKind& SignerKeyKind();
const RegistryItemKind& SignerKeyRevocationKind();
const RegistryItemKind& RevokedCertificateKind();
const RegistryItemKind& CorridorKind();
const RegistryItemKind& TopicKind();
const RegistryItemKind& LogPolicyKind();
const RegistryItemKind& ErasureKind();

// Null if `item` has none that this program knows.
const RegistryItemKind* FindKind(const v1::RegistryItem& item);

// The version that a program must read to know every item of `change`, which
// has none that this program does not know.
int VersionOf(const v1::RegistryChange& change);

// What an item puts, as `topic entry-visa` or `member HN (192.0.2.17)`: with
// the member's host names and addresses. `nothing` for an item without a kind.
std::string DescribeItem(const v1::RegistryItem& item);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_REGISTRY_ITEMS_REGISTRY_ITEMS_H_
