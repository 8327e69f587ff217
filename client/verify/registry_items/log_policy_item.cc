// The log's policy: who signs and who cosigns its checkpoints.
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

constexpr std::size_t kMaxPolicyBytes = 16 * 1024;

absl::Status CheckWitnessNames(const LogPolicy& policy,
                               const RegistryState& state) {
  for (const NoteKey& witness : policy.witnesses()) {
    absl::string_view name = witness.name();
    if (!absl::ConsumePrefix(&name, "node.") || !state.IsTrustDomain(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("has witness \"", witness.name(),
                       "\", expected node.<state>.", state.federation));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<LogPolicyInForce> ReadPolicy(const v1::LogPolicy& text,
                                            const RegistryState& state) {
  if (text.policy().size() > kMaxPolicyBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has ", text.policy().size(), " bytes, at most ", kMaxPolicyBytes));
  }
  auto policy = LogPolicy::Parse(text.policy());
  if (!policy.ok()) return policy.status();
  if (absl::Status s = CheckWitnessNames(*policy, state); !s.ok()) return s;
  LogPolicyInForce in_force{*std::move(policy)};
  if (!text.has_quorum_grace()) return in_force;
  in_force.quorum_grace = absl::Seconds(text.quorum_grace().seconds()) +
                          absl::Nanoseconds(text.quorum_grace().nanos());
  if (in_force.quorum_grace < absl::Seconds(1) ||
      in_force.quorum_grace > absl::Hours(24)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has quorum_grace ", absl::FormatDuration(in_force.quorum_grace),
        ", expected 1s to 24h"));
  }
  return in_force;
}

class Kind : public RegistryItemKind {
 public:
  v1::RegistryItem::ItemCase item_case() const override {
    return v1::RegistryItem::kLogPolicy;
  }
  int since_version() const override { return 1; }

  void Check(const v1::RegistryItem& item, const RegistryState& before,
             ItemCheck* check) const override {
    if (auto policy = ReadPolicy(item.log_policy(), before); !policy.ok()) {
      check->Fail("log_policy", std::string(policy.status().message()));
    }
  }

  void Apply(const v1::RegistryItem& item, std::int64_t /*position*/,
             RegistryState* state) const override {
    auto policy = ReadPolicy(item.log_policy(), *state);
    if (!policy.ok()) return;
    state->log_policy =
        std::make_shared<const LogPolicyInForce>(*std::move(policy));
  }

  bool IsInForce(const v1::RegistryItem& item,
                 const RegistryState& state) const override {
    const auto policy = ReadPolicy(item.log_policy(), state);
    return policy.ok() && state.log_policy != nullptr &&
           state.log_policy->policy.text() == policy->policy.text() &&
           state.log_policy->quorum_grace == policy->quorum_grace;
  }

  std::string Describe(const v1::RegistryItem& /*item*/) const override {
    return "log policy";
  }
};

}  // namespace

const RegistryItemKind& LogPolicyKind() {
  static const Kind kind;
  return kind;
}

}  // namespace gaceta
