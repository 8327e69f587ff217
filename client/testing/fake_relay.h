// A hub's reading side in memory: a log, its stream and its lists.
#ifndef GACETA_CLIENT_TESTING_FAKE_RELAY_H_
#define GACETA_CLIENT_TESTING_FAKE_RELAY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gaceta/log_source.h"
#include "gaceta/v1/relay.grpc.pb.h"
#include "gaceta/v1/statement.pb.h"
#include "grpcpp/server.h"
#include "testing/fake_federation.h"
#include "testing/fake_log.h"
#include "verify/note.h"

namespace gaceta::client {

class FakeStream;

// Serves RelayService.Subscribe, RegistryService.ListRegistryEntries,
// UpdatesService and LogService over a channel inside the process, without TLS:
// everybody may read everything.
//
// It keeps the promises of the relay, but of the filter it knows states,
// corridors, kinds, events and topics alone. Its checkpoints are signed with
// the federation's log key; witnesses cosign when a test says so. A test can
// make it break each promise, to see what its program does then.
//
// Thread safety: all methods may be called concurrently.
class FakeRelay {
 public:
  // Begins with the federation's First() entry.
  static absl::StatusOr<std::unique_ptr<FakeRelay>> Start(
      std::vector<std::string> states);
  // Begins with an empty log.
  static absl::StatusOr<std::unique_ptr<FakeRelay>> StartEmpty(
      std::vector<std::string> states);
  ~FakeRelay();

  // What a SubscriberOptions or a Registry needs to read from here.
  LogSource source() const;

  // Adds an entry at the end; returns its position.
  std::int64_t Append(v1::Entry entry);
  // Adds an update of a state.
  std::int64_t Publish(const std::string& state, const v1::Update& update);
  // Adds `count` updates, of one state after the other.
  void PublishMany(int count);
  std::int64_t ChangeRegistry(const v1::RegistryChange& change);
  // Publishes the log policy that so many states' nodes have to cosign.
  std::int64_t RequireQuorum(int quorum, absl::Duration grace);
  // The nodes of these states cosign the newest checkpoint, at `time`.
  void Cosign(const std::vector<std::string>& states,
              absl::Time time = absl::Now());

  std::vector<v1::Entry> entries() const;
  std::int64_t size() const;
  // Makes entries with the same keys. Not while others publish here.
  FakeFederation& federation() { return *federation_; }

  // --- Faults. Each counts from the next stream or message on. ---------------

  // Changes what is sent. Called with each message that has entries or moves
  // on, on the stream's thread, before the log's true tree is asked for its
  // proof.
  void OnSend(std::function<void(v1::SubscribeResponse*)> rewrite);
  // Changes messages with their proof, the confirmation and heartbeats as well.
  void OnProof(std::function<void(v1::SubscribeResponse*)> rewrite);
  // Changes each entry of an answer to a single question, after it was proved.
  void OnAnswer(std::function<void(v1::Entry*)> rewrite);
  // Puts `entry` in the place of another, as if it had always been there.
  void Replace(std::int64_t position, v1::Entry entry);
  // Puts the same statement in its place as if the hub had got it at another
  // time: all is signed and chained, but the log is not the one it was.
  void Fork(std::int64_t position);
  // Shows the checkpoint of the first `size` entries for ever.
  void FreezeCheckpoint(std::int64_t size);
  // Signs checkpoints with another key, whatever the log policy says.
  void SignLogWith(const NoteSigner& signer);
  // The next stream that comes to `position` is cut off before it, once.
  void CutBefore(std::int64_t position);
  // The next stream that comes to `position` is silent from there on, once.
  void StallBefore(std::int64_t position);
  // The next `count` calls of Subscribe fail with `status`.
  void RefuseNext(int count, const absl::Status& status);
  // Says that the log is another, or is shorter than it is.
  void SetLogOrigin(const std::string& origin);
  void Shorten(std::int64_t size);
  // ListRegistryEntries fails with `status` until it is told OK.
  void FailRegistry(const absl::Status& status);
  // Leaves a registry entry out of ListRegistryEntries.
  void HideFromRegistry(std::int64_t position);
  // At most so many entries in a message; 64 by default.
  void SetMessageEntries(int count);

  // --- What was asked. -------------------------------------------------------

  // Waits until LogService was asked `count` times more.
  void AwaitLogQuestions(int count) const;
  // Every opening so far, in order.
  std::vector<v1::Open> opens() const;
  // Waits until there were `count` openings.
  void AwaitOpens(int count) const;
  // What the named subscription was acknowledged up to; -1 if it is unknown.
  std::int64_t acknowledged(const std::string& subscription) const;
  // Waits until it was acknowledged up to `position`.
  void AwaitAcknowledged(const std::string& subscription,
                         std::int64_t position) const;

 private:
  friend class FakeStream;
  class Service;
  class RegistryServiceImpl;
  class UpdatesServiceImpl;
  class LogServiceImpl;

  explicit FakeRelay(std::unique_ptr<FakeFederation> federation,
                     Federation registry);

  // For FakeStream. What it sends next, at `*position`, which moves on.
  enum class Step { kMessage, kWait, kCut, kStall };
  absl::StatusOr<v1::SubscribeResponse> Open(const v1::Open& open,
                                             FakeProver* prover);
  Step Next(const v1::Open& open, FakeProver* prover, std::int64_t* position,
            v1::SubscribeResponse* message);
  v1::SubscribeResponse Heartbeat(FakeProver* prover, std::int64_t position);
  absl::StatusOr<std::int64_t> StartOf(const v1::Open& open) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Prove(FakeProver* prover, std::int64_t known_size,
             v1::SubscribeResponse* message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Entries that are returned alone, with the proof of each.
  template <typename Response>
  void ProveEntries(Response* response) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ProveEntry(std::int64_t size, v1::Entry* entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool Passes(const v1::Filter& filter, const v1::Entry& entry) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Acknowledge(const std::string& subscription, std::int64_t position);
  std::int64_t Size() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The newest checkpoint, and the one that is cosigned.
  const FakeHead& Head() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WakeStreams() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex federation_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  const std::unique_ptr<FakeFederation> federation_;

  mutable absl::Mutex mu_;
  Federation registry_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::Entry> entries_ ABSL_GUARDED_BY(mu_);
  FakeTree tree_ ABSL_GUARDED_BY(mu_);
  NoteSigner log_signer_ ABSL_GUARDED_BY(mu_);
  FakeHead head_ ABSL_GUARDED_BY(mu_);
  std::string log_origin_ ABSL_GUARDED_BY(mu_);
  std::function<void(v1::SubscribeResponse*)> rewrite_ ABSL_GUARDED_BY(mu_);
  std::function<void(v1::SubscribeResponse*)> rewrite_proof_
      ABSL_GUARDED_BY(mu_);
  std::function<void(v1::Entry*)> rewrite_answer_ ABSL_GUARDED_BY(mu_);
  std::int64_t cut_before_ ABSL_GUARDED_BY(mu_) = -1;
  std::int64_t stall_before_ ABSL_GUARDED_BY(mu_) = -1;
  std::int64_t shortened_ ABSL_GUARDED_BY(mu_) = -1;
  std::int64_t frozen_ ABSL_GUARDED_BY(mu_) = -1;
  std::int64_t hidden_ ABSL_GUARDED_BY(mu_) = -1;
  int message_entries_ ABSL_GUARDED_BY(mu_) = 64;
  int refusals_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);
  absl::Status registry_failure_ ABSL_GUARDED_BY(mu_);
  int log_questions_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<v1::Open> opens_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::int64_t> acknowledged_ ABSL_GUARDED_BY(mu_);
  std::vector<std::unique_ptr<FakeStream>> streams_ ABSL_GUARDED_BY(mu_);

  std::unique_ptr<Service> relay_service_;
  std::unique_ptr<RegistryServiceImpl> registry_service_;
  std::unique_ptr<UpdatesServiceImpl> updates_service_;
  std::unique_ptr<LogServiceImpl> log_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_TESTING_FAKE_RELAY_H_
