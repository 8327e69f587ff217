#include "server/log/log_store.h"

#include <string>
#include <vector>

namespace gaceta {

absl::StatusOr<std::vector<StoredEntry>> LogStore::Read(
    Position begin, int max_count, std::size_t max_bytes) const {
  std::vector<StoredEntry> entries;
  const absl::Status status =
      Scan(begin, max_count, max_bytes, [&entries](const EntryView& entry) {
        entries.push_back({std::string(entry.leaf), std::string(entry.payload),
                           entry.omission});
      });
  if (!status.ok()) return status;
  return entries;
}

}  // namespace gaceta
