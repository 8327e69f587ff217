// Where a log is read from, and what makes it trusted.
#ifndef GACETA_CLIENT_GACETA_LOG_SOURCE_H_
#define GACETA_CLIENT_GACETA_LOG_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "gaceta/connection.h"
#include "grpcpp/channel.h"
#include "verify/federation.h"

namespace gaceta::client {

// A server of the log, which is not trusted, and the federation's root, which
// is. Everything else (members, keys, corridors) is read from the log and
// checked against the root.
struct LogSource {
  // How to reach the server. Only `root_file` counts if `channel` is set.
  ConnectionOptions connection;
  // Optional. A channel that exists: several clients may share one.
  std::shared_ptr<grpc::Channel> channel;
  // Required. The federation's domain, `gaceta.example`.
  std::string federation;
  // Certificates of the federation's root, PEM. Empty: `connection.root_file`
  // is read.
  std::string root_pem;
  // Origin of the log. Empty: `hub.<federation>/log`.
  std::string log_origin;
};

// A source ready for use: nothing in it is empty.
struct OpenedSource {
  std::shared_ptr<grpc::Channel> channel;
  // Has the root, and no members yet.
  Federation empty;
  std::string log_origin;
};

// Reads the root and makes the channel; does not connect yet.
//
// kInvalidArgument, kNotFound or kPermissionDenied names the option or file
// that is wrong.
absl::StatusOr<OpenedSource> OpenSource(const LogSource& source);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_LOG_SOURCE_H_
