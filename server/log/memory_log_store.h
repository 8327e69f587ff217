// A LogStore in memory: for tests, and for whoever needs no durability.
#ifndef GACETA_SERVER_LOG_MEMORY_LOG_STORE_H_
#define GACETA_SERVER_LOG_MEMORY_LOG_STORE_H_

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/log/log_store.h"

namespace gaceta {

class MemoryLogStore : public LogStore {
 public:
  absl::Status Append(Position expected,
                      absl::Span<const StoredEntry> entries) override;
  absl::Status Scan(Position begin, int max_count, std::size_t max_bytes,
                    Show show) const override;
  absl::Status Erase(absl::Span<const Position> positions) override;
  Position Size() const override;

 private:
  mutable absl::Mutex mu_;
  std::vector<StoredEntry> entries_ ABSL_GUARDED_BY(mu_);
};

// Errors that every engine words alike.
absl::Status WrongPosition(Position expected, Position size);
absl::Status BeyondEnd(Position begin, Position size);

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_MEMORY_LOG_STORE_H_
