// Where statements wait to be checked.
#ifndef GACETA_SERVER_HUB_CHECK_LINE_H_
#define GACETA_SERVER_HUB_CHECK_LINE_H_

#include <deque>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "server/rpc/workers.h"

namespace gaceta {

// Runs checks on threads of its own: those of one stream one after the other,
// in their order; those of different streams at the same time. Streams take
// turns, so that one with much to check does not hold up the others.
//
// Thread safety: Add() may be called concurrently.
class CheckLine {
 public:
  explicit CheckLine(int threads) : workers_(threads) {}

  // `stream` tells streams apart, and is not looked at.
  void Add(const void* stream, std::function<void()> check);
  // Returns when all that was added has run; nothing may be added after.
  void Stop() { workers_.Stop(); }

 private:
  // What one stream waits for.
  using Checks = std::deque<std::function<void()>>;

  // Runs some checks of a stream, and asks for another turn if it has more.
  void TakeTurn(const void* stream);

  absl::Mutex mu_;
  // Streams of which one worker has, or will have, something to do.
  absl::flat_hash_map<const void*, Checks> waiting_ ABSL_GUARDED_BY(mu_);

  Workers workers_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_CHECK_LINE_H_
