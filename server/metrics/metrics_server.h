// Shows the figures of a running server to a monitoring system.
#ifndef GACETA_SERVER_METRICS_METRICS_SERVER_H_
#define GACETA_SERVER_METRICS_METRICS_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace gaceta {

// One figure as it is now.
struct Gauge {
  // By the conventions of Prometheus: `gaceta_log_entries`, with its unit last.
  std::string name;
  // A sentence for who sets an alarm on it.
  std::string help;
  double value = 0;
};

// Serves `http://<address>/metrics` in the text format of Prometheus, on
// threads of its own. Nothing is counted for it: figures are asked for when
// somebody reads them, so a server that nobody monitors pays nothing.
//
// It asks nobody who they are, and speaks plain HTTP; whoever builds it sees to
// it that the address is one that only this machine reaches.
//
// Thread safety: one thread owns it.
class MetricsServer {
 public:
  // What is shown. Called by one thread at a time, but not by the owner's. A
  // figure that cannot be told now is left out: a wrong one would hide an
  // alarm.
  using Source = std::function<std::vector<Gauge>()>;

  // Listens at `address`, `host:port`, the host in digits, port 0 for any.
  // kUnavailable if that cannot be.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(
      const std::string& address, Source source);
  // Ends; `source` is not called afterwards.
  ~MetricsServer();
  MetricsServer(const MetricsServer&) = delete;
  MetricsServer& operator=(const MetricsServer&) = delete;

  // Where it listens.
  int port() const;

 private:
  struct Parts;
  MetricsServer(std::string host, std::unique_ptr<Parts> parts);

  const std::string host_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_METRICS_METRICS_SERVER_H_
