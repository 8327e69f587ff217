// Between the thread that follows the stream and the one that handles entries.
// Used inside the client library alone.
#ifndef GACETA_CLIENT_GACETA_DELIVERY_QUEUE_H_
#define GACETA_CLIENT_GACETA_DELIVERY_QUEUE_H_

#include <cstddef>
#include <deque>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/subscriber.h"

namespace gaceta::client {

// Holds at most `capacity` deliveries if Push() is called only after
// WaitForRoom().
//
// Thread safety: all methods may be called concurrently.
class DeliveryQueue {
 public:
  explicit DeliveryQueue(std::size_t capacity) : capacity_(capacity) {}

  // Returns false if it is stopped.
  bool WaitForRoom();
  // Adds a delivery. One without entries joins the one before it, if that still
  // waits, and is dropped if it says nothing new.
  void Push(Delivery delivery);
  // After what is there, Next() returns `status`, again and again.
  void Fail(const absl::Status& status);
  void Stop();
  // Waits so long, or until it is stopped; returns whether it is.
  bool WaitStopped(absl::Duration timeout);

  absl::StatusOr<Delivery> Next(absl::Time deadline);

 private:
  const std::size_t capacity_;

  absl::Mutex mu_;
  std::deque<Delivery> deliveries_ ABSL_GUARDED_BY(mu_);
  // What was pushed last says.
  std::int64_t last_position_ ABSL_GUARDED_BY(mu_) = -1;
  bool last_live_ ABSL_GUARDED_BY(mu_) = false;
  std::string last_cosigned_ ABSL_GUARDED_BY(mu_);
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_DELIVERY_QUEUE_H_
