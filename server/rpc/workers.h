// Threads that do what a loop must not.
#ifndef GACETA_SERVER_RPC_WORKERS_H_
#define GACETA_SERVER_RPC_WORKERS_H_

#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace gaceta {

// Runs tasks, which may wait for the disk or take long, in the order in which
// they were added; with one thread, one after the other.
//
// Thread safety: Add() may be called concurrently.
class Workers {
 public:
  explicit Workers(int threads);
  // Stops.
  ~Workers() { Stop(); }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // What is added after Stop() is not run; what a task adds meanwhile is.
  void Add(std::function<void()> task);
  // Returns when all that was added has been done. By one thread.
  void Stop();

 private:
  void Run();

  absl::Mutex mu_;
  std::deque<std::function<void()>> tasks_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::vector<std::thread> threads_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RPC_WORKERS_H_
