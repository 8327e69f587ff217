// The calls of one rpc that are open.
#ifndef GACETA_SERVER_HUB_OPEN_STREAMS_H_
#define GACETA_SERVER_HUB_OPEN_STREAMS_H_

#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace gaceta {

// Owns the reactors of streams until gRPC has done with them, and ends them all
// when the server drains: `Stream` has a Drain().
//
// Thread safety: all methods may be called concurrently.
template <typename Stream>
class OpenStreams {
 public:
  // False while draining: the stream is to be drained at once.
  bool Add(const std::shared_ptr<Stream>& stream) {
    absl::MutexLock lock(&mu_);
    streams_[stream.get()] = stream;
    return !draining_;
  }

  // gRPC has done with it.
  void Remove(Stream* stream) {
    std::shared_ptr<Stream> last;  // Destroyed without the lock.
    absl::MutexLock lock(&mu_);
    auto found = streams_.find(stream);
    last = std::move(found->second);
    streams_.erase(found);
  }

  // Drains every stream, and takes no more. Returns when all have ended or
  // `deadline` has come.
  void Drain(absl::Time deadline) {
    std::vector<std::shared_ptr<Stream>> streams;
    {
      absl::MutexLock lock(&mu_);
      draining_ = true;
      for (const auto& [key, stream] : streams_) streams.push_back(stream);
    }
    for (const auto& stream : streams) stream->Drain();
    streams.clear();
    absl::MutexLock lock(&mu_);
    const auto all_ended = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return streams_.empty();
    };
    mu_.AwaitWithDeadline(absl::Condition(&all_ended), deadline);
  }

 private:
  absl::Mutex mu_;
  absl::flat_hash_map<Stream*, std::shared_ptr<Stream>> streams_
      ABSL_GUARDED_BY(mu_);
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_OPEN_STREAMS_H_
