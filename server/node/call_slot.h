// Lets one thread end the call that another waits in.
#ifndef GACETA_SERVER_NODE_CALL_SLOT_H_
#define GACETA_SERVER_NODE_CALL_SLOT_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"

namespace gaceta {

// Cancels the call under way, and every later one; ends waits as well.
//
// Thread safety: all methods may be called concurrently; one thread at a time
// makes calls, which may be nested.
class CallSlot {
 public:
  void Stop() {
    absl::MutexLock lock(&mu_);
    stopped_ = true;
    if (call_ != nullptr) call_->TryCancel();
  }

  bool stopped() const {
    absl::MutexLock lock(&mu_);
    return stopped_;
  }

  // Waits for `duration`, less if Stop() is called. Returns whether it was not.
  bool Sleep(absl::Duration duration) {
    absl::MutexLock lock(&mu_);
    return !mu_.AwaitWithTimeout(absl::Condition(&stopped_), duration);
  }

  // Says which call is under way while it lives.
  class Scope {
   public:
    Scope(CallSlot* slot, grpc::ClientContext* call) : slot_(slot) {
      absl::MutexLock lock(&slot_->mu_);
      outer_ = slot_->call_;
      slot_->call_ = call;
      if (slot_->stopped_) call->TryCancel();
    }
    ~Scope() {
      absl::MutexLock lock(&slot_->mu_);
      slot_->call_ = outer_;
      if (slot_->stopped_ && outer_ != nullptr) outer_->TryCancel();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    CallSlot* const slot_;
    // The call within which this one is made; null if there is none.
    grpc::ClientContext* outer_;
  };

 private:
  mutable absl::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  grpc::ClientContext* call_ ABSL_GUARDED_BY(mu_) = nullptr;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_CALL_SLOT_H_
