// The calls of one streaming rpc.
#ifndef GACETA_SERVER_RPC_OPEN_CALLS_H_
#define GACETA_SERVER_RPC_OPEN_CALLS_H_

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/rpc/call.h"
#include "server/rpc/call_loop.h"

namespace gaceta {

// Owns them, keeps some ready for clients, and ends them all when the server
// drains.
//
// Threads: each method says which may call it. One lock, for the count.
class OpenCalls {
 public:
  // Makes a call that waits for a client; see Call. On the loop's thread, or
  // before it runs.
  using Make = std::function<std::unique_ptr<Call>()>;

  // `loop` must outlive this object, and be stopped before it is destroyed.
  OpenCalls(CallLoop* loop, Make make) : loop_(loop), make_(std::move(make)) {}
  OpenCalls(const OpenCalls&) = delete;
  OpenCalls& operator=(const OpenCalls&) = delete;

  // Takes calls from now on. After the server is built, before the loop runs.
  void Start();

  // By any thread but the loop's: drains every call, and those that come later.
  void Drain();
  // Returns when none is open or `deadline` has come.
  void AwaitEnd(absl::Time deadline);
  // By any thread: how many are open.
  int open() const;

  // The following: on the loop's thread.
  CallLoop* loop() const { return loop_; }
  bool draining() const { return draining_.load(); }
  // Calls `work` with each open call. None leaves meanwhile: that they do only
  // when something has come back.
  template <typename C, typename Work>
  void ForAll(Work work) const {
    for (Call* call : open_calls_) work(static_cast<C*>(call));
  }

 private:
  friend class Call;

  void WaitForOne();
  // A client has called.
  void Opened(Call* call);
  // Destroys it.
  void Remove(Call* call);

  CallLoop* const loop_;
  const Make make_;
  std::atomic<bool> draining_{false};

  // Touched only by the loop's thread (and by Start(), before it runs).
  //
  // Those that wait for a client as well.
  absl::flat_hash_map<Call*, std::unique_ptr<Call>> calls_;
  std::vector<Call*> open_calls_;

  mutable absl::Mutex mu_;
  int open_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RPC_OPEN_CALLS_H_
