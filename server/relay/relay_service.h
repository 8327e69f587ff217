// gaceta.v1.RelayService: subscriptions over gRPC.
#ifndef GACETA_SERVER_RELAY_RELAY_SERVICE_H_
#define GACETA_SERVER_RELAY_RELAY_SERVICE_H_

#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/server_builder.h"
#include "server/identity/authorizer.h"
#include "server/log/statement_index.h"
#include "server/log/subscription_table.h"
#include "server/relay/entry_cache.h"
#include "server/relay/stream_prover.h"
#include "server/rpc/call_loop.h"

namespace gaceta {

// Everything that a relay needs; all must outlive it.
struct RelayDependencies {
  EntryCache* cache;
  ProofSource proofs;
  const StatementIndex* index;
  SubscriptionTable* subscriptions;
  const Authorizer* authorizer;
  Authorizer::FederationSource federation;
  std::string log_origin;
};

struct RelayOptions {
  // Streams that one identity may have open.
  int max_streams_per_identity = 64;
  // Named subscriptions that one identity may have.
  int max_subscriptions_per_identity = 100;
  // Between two progress messages of a stream that nothing passes.
  absl::Duration heartbeat = absl::Seconds(15);
};

// Threads: the loop's drives all streams. It never waits for the disk to read
// entries: the cache's thread loads. When the registry changes it looks whether
// open streams may go on. A thread of the service's own flushes
// acknowledgements. Unary rpcs run on gRPC's own threads.
//
// A stream has at most one message under way, so a reader that stalls holds
// that message and nothing more.
class RelayService {
 public:
  // `loop` must outlive this object, and be stopped before it is destroyed.
  RelayService(RelayDependencies dependencies, CallLoop* loop,
               RelayOptions options);
  ~RelayService();
  RelayService(const RelayService&) = delete;
  RelayService& operator=(const RelayService&) = delete;

  // Before the server is built.
  void Register(grpc::ServerBuilder& builder);
  // After it is built, before the loop runs.
  void Start();
  // Tells every stream that the server ends, and takes no more. Returns when
  // all streams have ended or `deadline` has come.
  void Drain(absl::Time deadline);
  // After the loop has stopped; keeps what was acknowledged.
  void Stop();

  // Streams open now.
  int open_streams() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_RELAY_SERVICE_H_
