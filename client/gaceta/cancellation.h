// Ends calls from another thread. Used inside the client library alone.
#ifndef GACETA_CLIENT_GACETA_CANCELLATION_H_
#define GACETA_CLIENT_GACETA_CANCELLATION_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "grpcpp/client_context.h"

namespace gaceta::client {

// Cancels the call that is under way, and every later one.
//
// Thread safety: all methods may be called concurrently; one call at a time.
class Cancellation {
 public:
  void Cancel() {
    absl::MutexLock lock(&mu_);
    cancelled_ = true;
    if (call_ != nullptr) call_->TryCancel();
  }

  // Says which call is under way while it lives.
  class Scope {
   public:
    Scope(Cancellation* owner, grpc::ClientContext* call) : owner_(owner) {
      absl::MutexLock lock(&owner_->mu_);
      owner_->call_ = call;
      if (owner_->cancelled_) call->TryCancel();
    }
    ~Scope() {
      absl::MutexLock lock(&owner_->mu_);
      owner_->call_ = nullptr;
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation* const owner_;
  };

 private:
  absl::Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  grpc::ClientContext* call_ ABSL_GUARDED_BY(mu_) = nullptr;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_CANCELLATION_H_
