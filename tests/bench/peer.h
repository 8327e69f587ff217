// Other programs that hand on messages, to compare with: NATS JetStream, MQTT
// brokers and etcd, by the least client of each.
#ifndef GACETA_TESTS_BENCH_PEER_H_
#define GACETA_TESTS_BENCH_PEER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/bench/bench_federation.h"

namespace gaceta::bench {

// What happens on one connection. Called in Peer::Poll().
class PeerEvents {
 public:
  virtual ~PeerEvents() = default;
  // A subscription is in force.
  virtual void OnSubscribed() {}
  // The oldest message that was not acknowledged is.
  virtual void OnAcknowledged() {}
  virtual void OnMessage(absl::string_view payload) { (void)payload; }
};

class PeerConnection {
 public:
  virtual ~PeerConnection() = default;
  // To everything; `from_start`: what was published before as well.
  virtual absl::Status Subscribe(bool from_start) = 0;
  // Asks that it be acknowledged.
  virtual void Publish(absl::string_view payload) = 0;
};

// Thread safety: one thread.
class Peer {
 public:
  // `kind` is nats, mqtt or etcd.
  static absl::StatusOr<std::unique_ptr<Peer>> Create(
      const std::string& kind, const BenchFederation& federation,
      const std::string& server);
  virtual ~Peer() = default;

  // Connects with mutual TLS, as the node of a state, and makes what the server
  // needs to keep messages. `events` must outlive the peer.
  virtual absl::StatusOr<std::unique_ptr<PeerConnection>> Connect(
      PeerEvents* events) = 0;
  // Handles what comes until `time`, and returns after the first that came. An
  // error means that a connection is of no use any more.
  virtual absl::Status Poll(absl::Time time) = 0;
};

// Each protocol's.
absl::StatusOr<std::unique_ptr<Peer>> NewTlsPeer(
    const std::string& kind, const BenchFederation& federation,
    const std::string& server);
absl::StatusOr<std::unique_ptr<Peer>> NewEtcdPeer(
    const BenchFederation& federation, const std::string& server);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_PEER_H_
