#include "gaceta/delivery_queue.h"

#include <utility>

namespace gaceta::client {

bool DeliveryQueue::WaitForRoom() {
  absl::MutexLock lock(&mu_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return deliveries_.size() < capacity_ || stopped_;
  };
  mu_.Await(absl::Condition(&ready));
  return !stopped_;
}

void DeliveryQueue::Push(Delivery delivery) {
  absl::MutexLock lock(&mu_);
  const bool news = !delivery.entries.empty() ||
                    delivery.next_position != last_position_ ||
                    delivery.live != last_live_ ||
                    delivery.cosigned_checkpoint != last_cosigned_;
  if (!news) return;
  last_position_ = delivery.next_position;
  last_live_ = delivery.live;
  last_cosigned_ = delivery.cosigned_checkpoint;
  if (delivery.entries.empty() && !deliveries_.empty()) {
    delivery.entries = std::move(deliveries_.back().entries);
    deliveries_.back() = std::move(delivery);
    return;
  }
  deliveries_.push_back(std::move(delivery));
}

void DeliveryQueue::Fail(const absl::Status& status) {
  absl::MutexLock lock(&mu_);
  failure_ = status;
}

void DeliveryQueue::Stop() {
  absl::MutexLock lock(&mu_);
  stopped_ = true;
}

bool DeliveryQueue::WaitStopped(absl::Duration timeout) {
  absl::MutexLock lock(&mu_);
  return mu_.AwaitWithTimeout(absl::Condition(&stopped_), timeout);
}

absl::StatusOr<Delivery> DeliveryQueue::Next(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return !deliveries_.empty() || !failure_.ok() || stopped_;
  };
  if (!mu_.AwaitWithDeadline(absl::Condition(&ready), deadline)) {
    return absl::DeadlineExceededError("nothing came");
  }
  if (stopped_) return absl::CancelledError("the subscriber was stopped");
  if (deliveries_.empty()) return failure_;
  Delivery delivery = std::move(deliveries_.front());
  deliveries_.pop_front();
  return delivery;
}

}  // namespace gaceta::client
