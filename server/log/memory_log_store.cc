#include "server/log/memory_log_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"

namespace gaceta {

absl::Status WrongPosition(Position expected, Position size) {
  return absl::AbortedError(absl::StrCat("cannot append at position ", expected,
                                         ": the log ends at ", size,
                                         "; someone else wrote"));
}

absl::Status BeyondEnd(Position begin, Position size) {
  return WithReason(
      absl::OutOfRangeError(absl::StrCat(
          "position ", begin, " is beyond the end of the log, ", size)),
      "POSITION_BEYOND_END",
      {{"position", absl::StrCat(begin)}, {"log_size", absl::StrCat(size)}});
}

absl::Status MemoryLogStore::Append(Position expected,
                                    absl::Span<const StoredEntry> entries) {
  absl::MutexLock lock(&mu_);
  const auto size = static_cast<Position>(entries_.size());
  if (expected != size) return WrongPosition(expected, size);
  entries_.insert(entries_.end(), entries.begin(), entries.end());
  return absl::OkStatus();
}

absl::Status MemoryLogStore::Scan(Position begin, int max_count,
                                  std::size_t max_bytes, Show show) const {
  absl::MutexLock lock(&mu_);
  const auto size = static_cast<Position>(entries_.size());
  if (begin < 0 || begin > size) return BeyondEnd(begin, size);
  const Position end = std::min<Position>(size, begin + max_count);
  std::size_t bytes = 0;
  for (Position p = begin; p < end && (p == begin || bytes < max_bytes); ++p) {
    const StoredEntry& entry = entries_[static_cast<std::size_t>(p)];
    show(entry);
    bytes += entry.leaf.size() + entry.payload.size();
  }
  return absl::OkStatus();
}

absl::Status MemoryLogStore::Erase(absl::Span<const Position> positions) {
  absl::MutexLock lock(&mu_);
  const auto size = static_cast<Position>(entries_.size());
  for (const Position position : positions) {
    if (position < 0 || position >= size) return BeyondEnd(position, size);
  }
  for (const Position position : positions) {
    StoredEntry& entry = entries_[static_cast<std::size_t>(position)];
    entry.payload.clear();
    entry.omission = v1::Entry::OMISSION_ERASED;
  }
  return absl::OkStatus();
}

Position MemoryLogStore::Size() const {
  absl::MutexLock lock(&mu_);
  return static_cast<Position>(entries_.size());
}

}  // namespace gaceta
