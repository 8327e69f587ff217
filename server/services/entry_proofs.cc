#include "server/services/entry_proofs.h"

#include "verify/merkle.h"

namespace gaceta {

absl::Status ProveEntryAt(const ProjectedLog& log, Position size,
                          v1::Entry* entry) {
  auto proof = log.tree().Inclusion(entry->position(), size);
  if (!proof.ok()) return proof.status();
  entry->set_inclusion_proof(JoinHashes(*proof));
  return absl::OkStatus();
}

absl::Status ProveEntry(const ProjectedLog& log, v1::Entry* entry,
                        std::string* checkpoint) {
  // There is one: the log has the entry.
  const LogHeadPtr head = log.head();
  *checkpoint = head->note;
  return ProveEntryAt(log, head->checkpoint.size, entry);
}

absl::Status ProveEntries(
    const ProjectedLog& log,
    google::protobuf::RepeatedPtrField<v1::Entry>* entries,
    std::string* checkpoint) {
  const LogHeadPtr head = log.head();
  if (head == nullptr) return absl::OkStatus();
  *checkpoint = head->note;
  for (v1::Entry& entry : *entries) {
    if (absl::Status s = ProveEntryAt(log, head->checkpoint.size, &entry);
        !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

}  // namespace gaceta
