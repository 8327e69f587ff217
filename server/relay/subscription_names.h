// Names of named subscriptions.
#ifndef GACETA_SERVER_RELAY_SUBSCRIPTION_NAMES_H_
#define GACETA_SERVER_RELAY_SUBSCRIPTION_NAMES_H_

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "verify/spiffe_id.h"

namespace gaceta {

// What a client calls it: `[a-z0-9-]{1,63}`.
inline bool IsShortSubscriptionName(absl::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// How the server keeps it: `<trust domain>/<path>:<short name>`.
inline std::string FullSubscriptionName(const SpiffeId& owner,
                                        absl::string_view short_name) {
  return absl::StrCat(owner.trust_domain(), "/", owner.path(), ":", short_name);
}

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_SUBSCRIPTION_NAMES_H_
