#include "server/metrics/server_gauges.h"

#include <utility>

#include "absl/time/clock.h"

namespace gaceta {
namespace {

double UnixSeconds(absl::Time time) {
  return absl::ToDoubleSeconds(time - absl::UnixEpoch());
}

}  // namespace

ServerGauges::ServerGauges(ServerTlsFiles files, absl::Time certificates_end)
    : files_(std::move(files)),
      start_(absl::Now()),
      certificates_end_(certificates_end) {}

std::vector<Gauge> ServerGauges::Of(const LogFigures& log) {
  // Files that are no longer good, as those that have ended, change nothing:
  // the end that was known is the one to be alarmed about.
  const auto own = CheckTlsFiles(files_);
  if (own.ok()) certificates_end_ = own->not_after;

  std::vector<Gauge> gauges = {
      {"process_start_time_seconds", "When the server started, in Unix time.",
       UnixSeconds(start_)},
      {"gaceta_certificate_expiry_timestamp_seconds",
       "When the first of the server's TLS certificates ends, in Unix time.",
       UnixSeconds(certificates_end_)},
      {"gaceta_log_entries", "Entries of the log that readers may see.",
       static_cast<double>(log.entries)},
      {"gaceta_log_cosigned_entries",
       "Entries of the newest checkpoint that a quorum of witnesses cosigned.",
       static_cast<double>(log.cosigned_entries)}};
  if (log.evidence_files.ok()) {
    gauges.push_back(
        {"gaceta_evidence_files",
         "Files of evidence of misconduct that nobody has dismissed.",
         static_cast<double>(log.evidence_files->size())});
  }
  return gauges;
}

}  // namespace gaceta
