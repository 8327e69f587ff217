// The node as a witness of the hub's log.
#ifndef GACETA_SERVER_NODE_WITNESS_H_
#define GACETA_SERVER_NODE_WITNESS_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/backoff.h"
#include "gaceta/v1/witness.grpc.pb.h"
#include "grpcpp/channel.h"
#include "server/log/checkpoint_store.h"
#include "server/node/call_slot.h"
#include "server/node/log_trust.h"
#include "server/projections/projected_log.h"
#include "verify/add_checkpoint.h"
#include "verify/note.h"

namespace gaceta {

// Answers what a log asks its witness, and keeps what it has seen: the newest
// checkpoint is durable before it is cosigned, and a later one must extend it.
// It cosigns only what this node mirrors whole: whoever sees the cosignature
// knows that the entries exist a second time, and the log can be rebuilt from
// there (decision 0007).
//
// Thread safety: one thread answers; cosigned() may be called by any.
class CheckpointWitness {
 public:
  // Goes on from what `store` has. `mirror` is where this node mirrors the log,
  // with the registry, whose log policy has the keys of the log. Pointers must
  // outlive this object.
  static absl::StatusOr<std::unique_ptr<CheckpointWitness>> Open(
      const ProjectedLog* mirror, CheckpointStore* store, NoteSigner signer,
      LogTrust* trust);

  // Answers the body of an `add-checkpoint` request. 503 if the mirror has not
  // come so far. On an error nothing was cosigned, and the line is to end.
  absl::StatusOr<WitnessAnswer> Answer(const std::string& body, absl::Time now);

  // The checkpoint that it has cosigned last, with its cosignature; empty if it
  // has not since it was opened.
  std::string cosigned() const;

 private:
  CheckpointWitness(const ProjectedLog* mirror, CheckpointStore* store,
                    NoteSigner signer, LogTrust* trust)
      : mirror_(mirror),
        store_(store),
        signer_(std::move(signer)),
        trust_(trust) {}

  const ProjectedLog* const mirror_;
  CheckpointStore* const store_;
  const NoteSigner signer_;
  LogTrust* const trust_;
  WitnessedLog known_;
  mutable absl::Mutex mu_;
  std::string cosigned_ ABSL_GUARDED_BY(mu_);
};

// Keeps a line to the hub open, and answers on it.
//
// Threads: one of its own.
class WitnessLink {
 public:
  WitnessLink(std::unique_ptr<CheckpointWitness> witness,
              std::shared_ptr<grpc::Channel> channel,
              const ProjectedLog* mirror,
              const client::BackoffOptions& backoff);
  // Stops.
  ~WitnessLink();
  WitnessLink(const WitnessLink&) = delete;
  WitnessLink& operator=(const WitnessLink&) = delete;

  const CheckpointWitness* witness() const { return witness_.get(); }

  void Start();
  // Says that the mirror has more entries.
  void MirrorGrew();
  // Ends the line. Returns when the thread has ended.
  void Stop();

 private:
  void Run();
  // One line, until it ends.
  absl::Status Serve();
  // Waits, not for ever, until the mirror has what a question is about.
  void AwaitMirror(const std::string& question);

  const std::unique_ptr<CheckpointWitness> witness_;
  const ProjectedLog* const mirror_;
  const std::unique_ptr<v1::WitnessService::Stub> stub_;
  client::Backoff backoff_;
  CallSlot calls_;
  absl::Mutex mu_;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_WITNESS_H_
