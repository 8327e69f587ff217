#include "server/hub/check_line.h"

#include <utility>

namespace gaceta {
namespace {

// Of one stream before another has its turn.
constexpr int kChecksInTurn = 16;

}  // namespace

void CheckLine::Add(const void* stream, std::function<void()> check) {
  {
    absl::MutexLock lock(&mu_);
    auto [found, is_new] = waiting_.try_emplace(stream);
    found->second.push_back(std::move(check));
    if (!is_new) return;
  }
  workers_.Add([this, stream] { TakeTurn(stream); });
}

void CheckLine::TakeTurn(const void* stream) {
  for (int i = 0; i < kChecksInTurn; ++i) {
    std::function<void()> check;
    {
      absl::MutexLock lock(&mu_);
      auto found = waiting_.find(stream);
      if (found->second.empty()) {
        waiting_.erase(found);
        return;
      }
      check = std::move(found->second.front());
      found->second.pop_front();
    }
    check();
  }
  workers_.Add([this, stream] { TakeTurn(stream); });
}

}  // namespace gaceta
