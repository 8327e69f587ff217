#include "tests/bench/measuring.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"

namespace gaceta::bench {

void Stretch::Begin() {
  begin_ = absl::Now();
  server_cpu_ = CpuOf(server_);
  own_cpu_ = OwnCpu();
}

void Stretch::End() {
  server_cpu_ = CpuOf(server_) - server_cpu_;
  own_cpu_ = OwnCpu() - own_cpu_;
  wall_ = absl::Now() - begin_;
}

absl::Duration Percentile(std::vector<absl::Duration>* values, int percent) {
  if (values->empty()) return absl::ZeroDuration();
  const std::size_t rank = (values->size() * percent + 99) / 100;
  const auto at = values->begin() + std::max<std::size_t>(rank, 1) - 1;
  std::nth_element(values->begin(), at, values->end());
  return *at;
}

void SentTimes::Sent(std::size_t index) {
  sent_[index].store(absl::GetCurrentTimeNanos());
}

void SentTimes::Came(std::size_t index) {
  latencies_.push_back(
      absl::Nanoseconds(absl::GetCurrentTimeNanos() - sent_.at(index).load()));
}

void AddLatencies(std::vector<absl::Duration> values, Figures* figures) {
  (*figures)["p50_ms"] = absl::ToDoubleMilliseconds(Percentile(&values, 50));
  (*figures)["p99_ms"] = absl::ToDoubleMilliseconds(Percentile(&values, 99));
}

void AwaitQuiet(pid_t pid) {
  constexpr absl::Duration kLook = absl::Milliseconds(100);
  for (const absl::Time end = absl::Now() + absl::Seconds(20);
       absl::Now() < end;) {
    const absl::Duration before = CpuOf(pid);
    absl::SleepFor(kLook);
    if (CpuOf(pid) - before < kLook / 50) return;
  }
}

Figures WatchIdle(pid_t pid, std::int64_t before, int subscribers,
                  absl::Duration watch) {
  AwaitQuiet(pid);
  const std::int64_t after = ResidentBytesOf(pid);
  Stretch stretch(pid);
  absl::SleepFor(watch);
  stretch.End();
  Figures figures;
  figures["rss_kib_per_subscriber"] =
      static_cast<double>(after - before) / 1024 / subscribers;
  figures["server_cpu_ms_per_s"] =
      1000 * absl::FDivDuration(stretch.server_cpu(), stretch.wall());
  return figures;
}

}  // namespace gaceta::bench
