#include "server/registry/registry.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gaceta/v1/registry.pb.h"
#include "gaceta/v1/statement.pb.h"
#include "verify/entry_verifier.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

constexpr int kPageEntries = 100;

}  // namespace

Registry::Registry(Federation empty)
    : federation_(std::make_shared<const Federation>(std::move(empty))) {}

std::shared_ptr<const Federation> Registry::Snapshot() const {
  absl::MutexLock lock(&mu_);
  return federation_;
}

absl::Status Registry::CatchUp(const LogStore& log,
                               const StatementIndex& index) {
  Position begin = Snapshot()->next_position();
  while (true) {
    auto page = index.ListByPublisher(kSecretariat, begin, kPageEntries);
    if (!page.ok()) return page.status();
    if (page->empty()) return absl::OkStatus();
    for (const IndexedStatement& statement : *page) {
      auto entry = log.Read(statement.position, 1, 1);
      if (!entry.ok()) return entry.status();
      if (entry->empty()) {
        return absl::DataLossError(
            absl::StrCat("the index names a registry statement at position ",
                         statement.position, ", where the log has ended"));
      }
      if (absl::Status s = Apply(statement.position, (*entry)[0]); !s.ok()) {
        return s;
      }
      begin = statement.position + 1;
    }
  }
}

absl::Status Registry::Apply(Position position, const StoredEntry& entry) {
  const auto header = HeaderOfLeaf(entry.leaf);
  if (!header.has_value()) {
    return absl::DataLossError(
        absl::StrCat("entry ", position, " does not parse"));
  }
  if (!EntryVerifier::IsRegistryChange(*header)) return absl::OkStatus();
  const std::shared_ptr<const Federation> before = Snapshot();
  // Catching up meets again what was applied when it was appended.
  if (position < before->next_position()) return absl::OkStatus();
  v1::RegistryChange change;
  if (!change.ParseFromString(entry.payload)) {
    return absl::DataLossError(absl::StrCat("registry statement at position ",
                                            position, " does not parse"));
  }
  auto next = std::make_shared<Federation>(*before);
  if (absl::Status s = next->Apply(change, position); !s.ok()) {
    return Annotate(s,
                    absl::StrCat("registry statement at position ", position));
  }
  absl::MutexLock lock(&mu_);
  federation_ = std::move(next);
  return absl::OkStatus();
}

}  // namespace gaceta
