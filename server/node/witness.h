// The node as a witness of the hub's log.
#ifndef GACETA_SERVER_NODE_WITNESS_H_
#define GACETA_SERVER_NODE_WITNESS_H_

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gaceta/backoff.h"
#include "gaceta/v1/witness.grpc.pb.h"
#include "grpcpp/channel.h"
#include "server/log/checkpoint_store.h"
#include "server/node/call_slot.h"
#include "server/node/log_trust.h"
#include "verify/add_checkpoint.h"
#include "verify/federation.h"
#include "verify/note.h"

namespace gaceta {

// Answers what a log asks its witness, and keeps what it has seen: the newest
// checkpoint is durable before it is cosigned, and a later one must extend it.
//
// Thread safety: one thread answers.
class CheckpointWitness {
 public:
  using FederationSource = std::function<std::shared_ptr<const Federation>()>;

  // Goes on from what `store` has. `federation` gives the registry, whose log
  // policy has the keys of the log. Pointers must outlive this object.
  static absl::StatusOr<std::unique_ptr<CheckpointWitness>> Open(
      CheckpointStore* store, NoteSigner signer, FederationSource federation,
      LogTrust* trust);

  // Answers the body of an `add-checkpoint` request. On an error nothing was
  // cosigned, and the line is to end.
  absl::StatusOr<WitnessAnswer> Answer(const std::string& body, absl::Time now);

 private:
  CheckpointWitness(CheckpointStore* store, NoteSigner signer,
                    FederationSource federation, LogTrust* trust)
      : store_(store),
        signer_(std::move(signer)),
        federation_(std::move(federation)),
        trust_(trust) {}

  CheckpointStore* const store_;
  const NoteSigner signer_;
  const FederationSource federation_;
  LogTrust* const trust_;
  WitnessedLog known_;
};

// Keeps a line to the hub open, and answers on it.
//
// Threads: one of its own.
class WitnessLink {
 public:
  WitnessLink(std::unique_ptr<CheckpointWitness> witness,
              std::shared_ptr<grpc::Channel> channel,
              const client::BackoffOptions& backoff);
  // Stops.
  ~WitnessLink();
  WitnessLink(const WitnessLink&) = delete;
  WitnessLink& operator=(const WitnessLink&) = delete;

  void Start();
  // Ends the line. Returns when the thread has ended.
  void Stop();

 private:
  void Run();
  // One line, until it ends.
  absl::Status Serve();

  const std::unique_ptr<CheckpointWitness> witness_;
  const std::unique_ptr<v1::WitnessService::Stub> stub_;
  client::Backoff backoff_;
  CallSlot calls_;
  std::thread thread_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_WITNESS_H_
