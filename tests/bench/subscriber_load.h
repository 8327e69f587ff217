// Many subscribers, each on a connection of its own, that look at lengths and
// positions only: a client that verifies would cost more than the server.
#ifndef GACETA_TESTS_BENCH_SUBSCRIBER_LOAD_H_
#define GACETA_TESTS_BENCH_SUBSCRIBER_LOAD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/v1/relay.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/channel.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/security/credentials.h"
#include "tests/bench/raw_call.h"

namespace gaceta::bench {

class SubscribeCall;

// Threads: one of its own handles all streams.
class SubscriberLoad {
 public:
  struct Options {
    std::string server;
    std::shared_ptr<grpc::ChannelCredentials> credentials;
    int subscribers = 1;
    v1::Open open;
    // Optional. What passes to the subscriber of that number.
    std::function<v1::Filter(int number)> filter_of;
    // Whether anything is read after the first message.
    bool read = true;
    // Between one message and reading the next.
    absl::Duration pause;
    // Optional. Called on the load's thread for the nth entry of a stream, from
    // 0.
    std::function<void(std::size_t nth)> on_entry;
  };

  explicit SubscriberLoad(Options options);
  // Cancels all streams.
  ~SubscriberLoad();
  SubscriberLoad(const SubscriberLoad&) = delete;
  SubscriberLoad& operator=(const SubscriberLoad&) = delete;

  // Makes all connections, with their handshakes.
  absl::Status Connect(absl::Time deadline);
  // Opens all streams.
  void Start();
  // Until the server has confirmed each.
  absl::Status WaitOpened(absl::Time deadline);

  // The position that WaitReached() waits for; set it before any stream may
  // come there.
  void set_target(std::int64_t position) { target_.store(position); }
  // Until the progress of each stream has come to the target.
  absl::Status WaitReached(absl::Time deadline);

  // The number of entries, of all streams, that WaitEntries() waits for; set it
  // before they may come.
  void set_target_entries(std::int64_t entries) { target_entries_ = entries; }
  absl::Status WaitEntries(absl::Time deadline);
  // Until the server has ended all streams.
  absl::Status WaitEnded(absl::Time deadline);

  // End of the log when the last stream was opened.
  std::int64_t log_size() const;
  // Entries of all streams so far.
  std::int64_t entries() const { return entries_.load(); }

 private:
  friend class SubscribeCall;

  // By the calls, on the load's thread.
  void Opened(std::int64_t log_size);
  void Came();
  void Reached();
  void Ended(const grpc::Status& status);

  void Loop();
  void OnStop(bool ok);
  absl::Status Wait(const int* count, absl::Time deadline);

  const Options options_;
  grpc::CompletionQueue queue_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<SubscribeCall>> calls_;
  // No stream has reached it before it is set.
  std::atomic<std::int64_t> target_{std::numeric_limits<std::int64_t>::max()};
  std::atomic<std::int64_t> entries_{0};
  std::atomic<std::int64_t> target_entries_{
      std::numeric_limits<std::int64_t>::max()};
  grpc::Alarm stop_alarm_;
  EventOf<SubscriberLoad> stop_{this, &SubscriberLoad::OnStop};

  mutable absl::Mutex mu_;
  int opened_ ABSL_GUARDED_BY(mu_) = 0;
  int reached_ ABSL_GUARDED_BY(mu_) = 0;
  std::int64_t log_size_ ABSL_GUARDED_BY(mu_) = 0;
  bool all_came_ ABSL_GUARDED_BY(mu_) = false;
  int ended_streams_ ABSL_GUARDED_BY(mu_) = 0;
  // Of the first stream that ended.
  absl::Status ended_ ABSL_GUARDED_BY(mu_);

  // Touched only by the load's thread.
  int open_ = 0;
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_SUBSCRIBER_LOAD_H_
