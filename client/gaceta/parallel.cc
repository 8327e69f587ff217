#include "gaceta/parallel.h"

#include <algorithm>

namespace gaceta::client {
namespace {

constexpr int kMaxDefaultThreads = 8;
// Below this, waking threads costs more than they save.
constexpr std::size_t kWorthwhile = 8;
// Indices taken at once.
constexpr std::size_t kStep = 4;

int ThreadCount(int threads) {
  if (threads > 0) return threads;
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1,
                    kMaxDefaultThreads);
}

}  // namespace

Parallel::Parallel(int threads) : thread_count_(ThreadCount(threads)) {}

Parallel::~Parallel() {
  {
    absl::MutexLock lock(&mu_);
    ending_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void Parallel::For(std::size_t count,
                   const std::function<void(std::size_t)>& body) {
  next_ = 0;
  if (count < kWorthwhile || thread_count_ == 1) {
    TakeIndices(count, body);
    return;
  }
  if (threads_.empty()) StartThreads();
  {
    absl::MutexLock lock(&mu_);
    body_ = &body;
    count_ = count;
    working_ = static_cast<int>(threads_.size());
    ++round_;
  }
  TakeIndices(count, body);
  absl::MutexLock lock(&mu_);
  const auto all_done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return working_ == 0;
  };
  mu_.Await(absl::Condition(&all_done));
}

void Parallel::StartThreads() {
  for (int i = 1; i < thread_count_; ++i) {
    threads_.emplace_back([this] { Work(); });
  }
}

void Parallel::Work() {
  int round = 0;
  while (true) {
    const std::function<void(std::size_t)>* body = nullptr;
    std::size_t count = 0;
    {
      absl::MutexLock lock(&mu_);
      const auto called = [this, &round]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
        return ending_ || round_ != round;
      };
      mu_.Await(absl::Condition(&called));
      if (ending_) return;
      round = round_;
      body = body_;
      count = count_;
    }
    TakeIndices(count, *body);
    absl::MutexLock lock(&mu_);
    --working_;
  }
}

void Parallel::TakeIndices(std::size_t count,
                           const std::function<void(std::size_t)>& body) {
  for (std::size_t begin = next_.fetch_add(kStep); begin < count;
       begin = next_.fetch_add(kStep)) {
    const std::size_t end = std::min(begin + kStep, count);
    for (std::size_t i = begin; i < end; ++i) body(i);
  }
}

}  // namespace gaceta::client
