// Takes the figures of one run.
#ifndef GACETA_TESTS_BENCH_MEASURING_H_
#define GACETA_TESTS_BENCH_MEASURING_H_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/server_meter.h"

namespace gaceta::bench {

// By name, the unit in it: `server_us_per_entry`.
using Figures = std::map<std::string, double>;

// Takes CPU time and wall time of one stretch.
class Stretch {
 public:
  // `server` is the process whose time counts; Begin() may be called again.
  explicit Stretch(pid_t server) : server_(server) { Begin(); }

  void Begin();
  void End();

  absl::Duration wall() const { return wall_; }
  absl::Duration server_cpu() const { return server_cpu_; }
  absl::Duration own_cpu() const { return own_cpu_; }
  double ServerMicrosPer(double units) const {
    return absl::ToDoubleMicroseconds(server_cpu_) / units;
  }
  double PerSecond(double units) const {
    return units / absl::ToDoubleSeconds(wall_);
  }
  // Processors in use: tells who was the bottleneck.
  void AddCores(Figures* figures) const {
    (*figures)["server_cores"] = absl::FDivDuration(server_cpu_, wall_);
    (*figures)["load_cores"] = absl::FDivDuration(own_cpu_, wall_);
  }

 private:
  const pid_t server_;
  absl::Time begin_;
  absl::Duration server_cpu_;
  absl::Duration own_cpu_;
  absl::Duration wall_;
};

// The least value that at least `percent` of all are not above; zero without
// values.
absl::Duration Percentile(std::vector<absl::Duration>* values, int percent);

// When each of some updates was sent, and how long each delivery took.
//
// Thread safety: one thread calls Sent(), another one Came(), once the update
// was sent.
class SentTimes {
 public:
  explicit SentTimes(std::size_t updates) : sent_(updates) {}

  // Before it is on the wire.
  void Sent(std::size_t index);
  // One delivery of the update.
  void Came(std::size_t index);

  std::size_t deliveries() const { return latencies_.size(); }
  std::vector<absl::Duration> TakeLatencies() { return std::move(latencies_); }

 private:
  // In nanoseconds since 1970.
  std::vector<std::atomic<std::int64_t>> sent_;
  std::vector<absl::Duration> latencies_;
};

// As `p50_ms` and `p99_ms`.
void AddLatencies(std::vector<absl::Duration> values, Figures* figures);

// Until the server uses next to no CPU, so that work left over from before is
// not taken for what comes.
void AwaitQuiet(pid_t pid);

// What idle subscribers cost: the growth of the server's memory since it had
// `before` bytes, for each, once it is quiet; and its CPU while it is watched.
Figures WatchIdle(pid_t pid, std::int64_t before, int subscribers,
                  absl::Duration watch);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_MEASURING_H_
