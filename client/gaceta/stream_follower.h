// Keeps a subscription's stream open and verified. Used inside the client
// library alone.
#ifndef GACETA_CLIENT_GACETA_STREAM_FOLLOWER_H_
#define GACETA_CLIENT_GACETA_STREAM_FOLLOWER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/backoff.h"
#include "gaceta/batch_verifier.h"
#include "gaceta/cancellation.h"
#include "gaceta/cursor.h"
#include "gaceta/delivery_queue.h"
#include "gaceta/log_source.h"
#include "gaceta/proof_follower.h"
#include "gaceta/registry_feed.h"
#include "gaceta/relay_call.h"
#include "gaceta/subscriber.h"
#include "gaceta/v1/log.grpc.pb.h"
#include "gaceta/v1/registry.grpc.pb.h"
#include "gaceta/v1/relay.grpc.pb.h"

namespace gaceta::client {

// Connects, reads the registry once, then verifies what comes and puts it into
// a queue; after a failure that passes it connects again and goes on.
//
// Thread safety: Run() on one thread, the rest on any.
class StreamFollower {
 public:
  // A position that is known before the first connection.
  struct Known {
    std::int64_t begin = 0;
    EntryVerifier::State state;
  };
  // Where the subscription was when the first connection was made.
  struct Origin {
    // From where on it knows all chains.
    std::int64_t begin = 0;
    std::int64_t position = 0;
    ChainHeads heads;
  };

  // `options` and `queue` must outlive it.
  StreamFollower(const SubscriberOptions& options, OpenedSource source,
                 std::optional<Known> known, DeliveryQueue* queue);

  // Returns when the queue is stopped, or has got a failure.
  void Run();
  // Ends what waits for the server. The queue must be stopped before.
  void Cancel();

  // Everything below has been handled; tells the server.
  void Acknowledge(std::int64_t next_position);

  // Valid once the queue has had a delivery.
  Origin origin() const;
  // The note of the newest checkpoint that was verified.
  std::string checkpoint() const;
  std::shared_ptr<const Federation> registry() const;
  // When the server has last said something that holds.
  Heard last_heard() const;

 private:
  // Keeps what shows that something does not verify; the status then says
  // where.
  absl::Status KeepEvidence(const absl::Status& why);
  // The note of the server's newest checkpoint, as it says; empty if it does
  // not answer.
  std::string AskForCheckpoint();
  // Adds an entry of the message that is being checked, with proof that it is
  // in the log if the message's proof has held.
  void AddLeaf(std::int64_t position, v1::Evidence* evidence) const;
  // One connection, until it ends.
  absl::Status RunOnce();
  absl::Status ReadStream(RelayCall* call);
  v1::Open MakeOpen() const;
  absl::Status OnOpened(const v1::SubscribeResponse& message);
  absl::Status CheckOpened(const v1::Opened& opened) const;
  absl::Status ReadRegistryOnce();
  // The registry to its end, as the server has it now.
  absl::StatusOr<std::shared_ptr<const Federation>> ReadNewestRegistry();
  // The registry must end where the cursor's chain of the secretariat does.
  absl::Status CheckSecretariatHead() const;
  absl::Status OnMessage(v1::SubscribeResponse* message);
  // Whether payloads that are left out may be.
  absl::Status CheckOmissions(const std::vector<VerifiedEntry>& entries);
  // Whether all that the message shows, and leaves out, is in the log.
  absl::Status CheckProof(absl::Span<const ShownLeaf> leaves,
                          const v1::SubscribeResponse& message);
  absl::Status OnProgress(std::int64_t next_position);
  // Picks out what is new. On an error, what came before it is picked still.
  absl::Status PickNew(v1::SubscribeResponse* message,
                       std::vector<v1::Entry*>* entries);
  void SetCall(RelayCall* call);
  void Publish();
  absl::Duration Heartbeat() const;
  void MaybeAcknowledge() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const SubscriberOptions& options_;
  const bool shows_every_entry_;
  const std::unique_ptr<v1::RelayService::Stub> relay_;
  const std::unique_ptr<v1::RegistryService::Stub> registry_service_;
  const std::unique_ptr<v1::LogService::Stub> log_service_;
  DeliveryQueue* const queue_;
  Cancellation cancellation_;

  // Touched only by Run()'s thread.
  EntryVerifier verifier_;
  // Has the newest registry, of which the stream's is a beginning.
  EntryVerifier newest_registry_;
  RegistryRead newest_progress_;
  ProofFollower proofs_;
  // Leaves of the message that is being checked, by position.
  std::map<std::int64_t, std::string> shown_;
  // Made by the first connection.
  std::unique_ptr<BatchVerifier> batch_verifier_;
  Backoff backoff_;
  // What this connection's server was asked for.
  v1::Open asked_;
  // Whether the verifier's position counts; until then the options do.
  bool positioned_ = false;
  std::int64_t begin_ = 0;
  // Whether to ask the server first where the named subscription is.
  bool ask_acknowledged_ = false;
  bool registry_read_ = false;
  RegistryRead registry_progress_;

  mutable absl::Mutex mu_;
  // Null between two connections.
  RelayCall* call_ ABSL_GUARDED_BY(mu_) = nullptr;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  // How far this connection's stream has come; -1 before it is opened.
  std::int64_t stream_position_ ABSL_GUARDED_BY(mu_) = -1;
  std::int64_t acknowledged_ ABSL_GUARDED_BY(mu_) = 0;
  // What this connection's server knows of it.
  std::int64_t told_ ABSL_GUARDED_BY(mu_) = 0;
  Origin origin_ ABSL_GUARDED_BY(mu_);
  std::shared_ptr<const Federation> registry_ ABSL_GUARDED_BY(mu_);
  std::string checkpoint_ ABSL_GUARDED_BY(mu_);
  // By this computer's clock, and as a steady time.
  absl::Time last_heard_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
  absl::Time last_heard_steady_ ABSL_GUARDED_BY(mu_) = absl::InfinitePast();
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_STREAM_FOLLOWER_H_
