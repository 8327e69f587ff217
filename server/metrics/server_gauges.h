// The figures that hub and node show alike.
#ifndef GACETA_SERVER_METRICS_SERVER_GAUGES_H_
#define GACETA_SERVER_METRICS_SERVER_GAUGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/identity/server_credentials.h"
#include "server/metrics/metrics_server.h"

namespace gaceta {

// A server's copy of the log.
struct LogFigures {
  // Entries that readers may see.
  std::int64_t entries = 0;
  // Of these, how many are below the newest checkpoint that a quorum cosigned.
  std::int64_t cosigned_entries = 0;
  // The evidence that nobody has dismissed. An error: it cannot be told.
  absl::StatusOr<std::vector<std::string>> evidence_files =
      std::vector<std::string>();
};

// Turns what a server knows into gauges.
//
// Thread safety: none; MetricsServer calls its source by one thread at a time.
class ServerGauges {
 public:
  // Construct it at the start of the process, whose time it takes.
  // `certificates_end` is that of `files` now.
  ServerGauges(ServerTlsFiles files, absl::Time certificates_end);

  // Reads the certificates, which may have been replaced since.
  std::vector<Gauge> Of(const LogFigures& log);

 private:
  const ServerTlsFiles files_;
  const absl::Time start_;
  absl::Time certificates_end_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_METRICS_SERVER_GAUGES_H_
