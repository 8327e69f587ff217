// The node's own copy of the hub's log, verified.
#ifndef GACETA_SERVER_NODE_MIRROR_H_
#define GACETA_SERVER_NODE_MIRROR_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/freshness_watch.h"
#include "gaceta/log_source.h"
#include "gaceta/subscriber.h"
#include "gaceta/v1/relay.pb.h"
#include "server/node/log_trust.h"
#include "server/node/outbox.h"
#include "server/projections/projected_log.h"
#include "verify/checkpoint.h"

namespace gaceta {

struct MirrorOptions {
  // The hub, and the root by which its log is verified.
  client::LogSource source;
  // This node's state.
  std::string publisher;
  // Payloads that are kept; all by default. The state's own always are.
  v1::Filter filter;
  // Waits while the hub is away.
  client::BackoffOptions backoff;
  // Longest wait before a hub that refused is asked again. Waits grow from 1 s.
  absl::Duration hold = absl::Seconds(30);
  // Where evidence is kept if something does not verify.
  std::string evidence_folder;
};

// Follows the hub and appends every entry, in order and without a gap, to the
// node's log: those that the filter does not pass, or that the state may not
// read, as headers alone. Nothing is kept that does not verify. It goes on
// where the log ends, so nothing is written down but the log itself.
//
// What does not verify, or does not fit, ends mirroring for good: the node
// serves what it has, and the error is logged and kept for a person. A hub that
// refuses (it does not know this state yet, or not the filter's corridor) is
// asked again.
//
// Threads: one of its own, and the subscriber's.
class Mirror {
 public:
  // All must outlive this object; the mirror is the one thread that appends to
  // `log`.
  Mirror(MirrorOptions options, ProjectedLog* log, const Outbox* outbox,
         LogTrust* trust);
  // Stops.
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  // Called by the mirror's thread whenever readers may see more. Set before
  // Start().
  void SetListener(std::function<void()> listener) {
    listener_ = std::move(listener);
  }

  // Says which checkpoint this node has cosigned last, for evidence that its
  // cosignature was kept back. Set before Start().
  void SetCosigned(std::function<std::string()> cosigned) {
    cosigned_ = std::move(cosigned);
  }

  // Begins to follow. Does not wait for the hub. Errors name the option or file
  // that is wrong.
  absl::Status Start();
  void Stop();

  // OK while it follows; why it ended, if it did.
  absl::Status status() const;

 private:
  // The heads of all chains at the end of the log.
  absl::StatusOr<EntryVerifier::State> EndOfLog() const;
  // Makes a subscriber that goes on at the end of the log.
  absl::Status Subscribe();
  void Run();
  void LogDisconnect(const absl::Status& why, absl::Duration wait,
                     std::string* last);
  // Keeps what comes until an error.
  absl::Status Follow(client::Subscriber* subscriber);
  absl::Status Keep(std::vector<VerifiedEntry> entries);
  // Shows this node's readers what is kept and has a checkpoint.
  absl::Status Publish(const client::Delivery& delivery);
  absl::Status PublishTarget();
  absl::Status PublishCosigned(const std::string& note);
  void SayFreshness(const client::Subscriber& subscriber);
  StoredEntry ToStored(VerifiedEntry entry) const;

  const MirrorOptions options_;
  ProjectedLog* const log_;
  const Outbox* const outbox_;
  LogTrust* const trust_;
  std::function<void()> listener_;
  std::function<std::string()> cosigned_;
  std::thread thread_;
  // Touched only by the mirror's thread.
  bool live_ = false;
  client::FreshnessWatch freshness_;
  // The checkpoint that is published next, or was last.
  struct {
    Checkpoint checkpoint;
    std::string note;
  } target_;
  std::string published_cosigned_;
  // Whether something has come since the connection was last lost.
  std::atomic<bool> connected_{false};

  mutable absl::Mutex mu_;
  // Set by Start() and the mirror's thread alone.
  std::unique_ptr<client::Subscriber> subscriber_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_MIRROR_H_
