// A LogStore that a test can count, hold up and make fail.
#ifndef GACETA_TESTS_SERVER_HUB_FAULTY_STORE_H_
#define GACETA_TESTS_SERVER_HUB_FAULTY_STORE_H_

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "server/log/memory_log_store.h"

namespace gaceta::testing {

// What outlives a restart, and the test's hold of the store.
class StoreControl {
 public:
  // Fails appends until it is told kOk. With `lands`, the entries are there
  // nevertheless.
  void Fail(absl::Status status, bool lands = false) {
    absl::MutexLock lock(&mu_);
    failure_ = std::move(status);
    lands_ = lands;
  }
  // Appends wait while `held`.
  void Hold(bool held) {
    absl::MutexLock lock(&mu_);
    held_ = held;
  }
  // How many appends began.
  int appends() const {
    absl::MutexLock lock(&mu_);
    return appends_;
  }

  absl::Status Append(Position expected,
                      absl::Span<const StoredEntry> entries) {
    absl::Status failure;
    bool lands = true;
    {
      absl::MutexLock lock(&mu_);
      ++appends_;
      const auto free = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return !held_;
      };
      mu_.Await(absl::Condition(&free));
      failure = failure_;
      if (!failure.ok()) lands = lands_;
    }
    if (lands) {
      if (absl::Status s = memory_.Append(expected, entries); !s.ok()) return s;
    }
    return failure;
  }

  absl::Status Erase(absl::Span<const Position> positions) {
    return memory_.Erase(positions);
  }

  const MemoryLogStore& memory() const { return memory_; }

 private:
  MemoryLogStore memory_;
  mutable absl::Mutex mu_;
  int appends_ ABSL_GUARDED_BY(mu_) = 0;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool lands_ ABSL_GUARDED_BY(mu_) = false;
};

class FaultyStore : public LogStore {
 public:
  explicit FaultyStore(StoreControl* control) : control_(control) {}

  absl::Status Append(Position expected,
                      absl::Span<const StoredEntry> entries) override {
    return control_->Append(expected, entries);
  }
  absl::Status Scan(Position begin, int max_count, std::size_t max_bytes,
                    Show show) const override {
    return control_->memory().Scan(begin, max_count, max_bytes, show);
  }
  absl::Status Erase(absl::Span<const Position> positions) override {
    return control_->Erase(positions);
  }
  Position Size() const override { return control_->memory().Size(); }

 private:
  StoreControl* const control_;
};

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SERVER_HUB_FAULTY_STORE_H_
