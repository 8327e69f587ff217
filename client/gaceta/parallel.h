// Spreads a loop over threads. Used inside the client library alone.
#ifndef GACETA_CLIENT_GACETA_PARALLEL_H_
#define GACETA_CLIENT_GACETA_PARALLEL_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace gaceta::client {

// Thread safety: one thread uses it.
class Parallel {
 public:
  // `threads`: how many work at the same time, the caller's among them; 0 is
  // one for each processor, at most 8. They are started by the first loop that
  // is worth it.
  explicit Parallel(int threads);
  // Ends the threads.
  ~Parallel();
  Parallel(const Parallel&) = delete;
  Parallel& operator=(const Parallel&) = delete;

  // Calls `body` with 0 to `count` - 1, in any order, and returns when all
  // calls have returned.
  void For(std::size_t count, const std::function<void(std::size_t)>& body);

 private:
  void StartThreads();
  void Work();
  // Takes indices until there are none.
  void TakeIndices(std::size_t count,
                   const std::function<void(std::size_t)>& body);

  const int thread_count_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> next_{0};

  absl::Mutex mu_;
  const std::function<void(std::size_t)>* body_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::size_t count_ ABSL_GUARDED_BY(mu_) = 0;
  // Counts the loops, so that a thread takes part in each once.
  int round_ ABSL_GUARDED_BY(mu_) = 0;
  // Threads that have not finished this round.
  int working_ ABSL_GUARDED_BY(mu_) = 0;
  bool ending_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_PARALLEL_H_
