#include "tests/bench/storm.h"

#include <iostream>
#include <memory>
#include <utility>

#include "absl/time/clock.h"

namespace gaceta::bench {

absl::StatusOr<Figures> Storm(const Target& target, int subscribers) {
  SubscriberLoad::Options options;
  options.subscribers = subscribers;
  options.open = FromNow();
  auto before = PrepareSubscribers(target, options);
  if (!before.ok()) return before.status();
  (*before)->Start();
  if (absl::Status s = (*before)->WaitOpened(Deadline()); !s.ok()) return s;
  const std::int64_t size = (*before)->log_size();
  std::cout << "live" << std::endl;
  if (absl::Status s = (*before)->WaitEnded(Deadline()); !s.ok()) return s;
  before->reset();

  auto credentials =
      target.federation->CredentialsOf(kSubscriberOf, kSubscriberPath);
  if (!credentials.ok()) return credentials.status();
  options.server = target.server;
  options.credentials = *std::move(credentials);
  options.open.set_start_position(size);
  // Does not wait for connections: each call waits for its own, and tries
  // again.
  SubscriberLoad after(std::move(options));
  after.set_target(size);
  after.Start();
  if (absl::Status s = after.WaitReached(Deadline()); !s.ok()) return s;
  Figures figures;
  figures["live_at"] = absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch());
  return figures;
}

}  // namespace gaceta::bench
