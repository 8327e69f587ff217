// Connects to a hub or a node over mutual TLS.
#ifndef GACETA_CLIENT_GACETA_CONNECTION_H_
#define GACETA_CLIENT_GACETA_CONNECTION_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"

namespace gaceta::client {

// Where to connect, as whom, and to whom. The fields without a default are
// required.
struct ConnectionOptions {
  // `host:port` of the hub or node.
  std::string server;
  // SPIFFE ID that the server must prove, `spiffe://hn.gaceta.example/node`.
  // The host's name does not count, so a server may be reached under any.
  std::string server_id;
  // PEM files: the own certificate followed by the CA certificate that signed
  // it; its private key, readable by its owner alone; the federation's root.
  // They are read again when they change; new connections use what is new.
  std::string certificate_file;
  std::string key_file;
  std::string root_file;
  // How long one attempt to connect may take.
  absl::Duration connect_timeout = absl::Seconds(10);
  // Longest wait between two attempts. Waits grow from 100 ms, with jitter.
  absl::Duration max_backoff = absl::Seconds(10);
};

// Returns a channel that connects on first use and again whenever the
// connection is lost.
//
// kInvalidArgument or kNotFound names the option or file that is wrong;
// kPermissionDenied a key that others may read.
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(
    const ConnectionOptions& options);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_CONNECTION_H_
