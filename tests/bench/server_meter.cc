#include "tests/bench/server_meter.h"

#include <time.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace gaceta::bench {
namespace {

absl::Duration Read(clockid_t clock) {
  timespec time{};
  if (clock_gettime(clock, &time) != 0) return absl::ZeroDuration();
  return absl::DurationFromTimespec(time);
}

}  // namespace

absl::Duration CpuOf(pid_t pid) {
  // Exact, where /proc/PID/stat counts ticks of 10 ms.
  clockid_t clock = 0;
  if (clock_getcpuclockid(pid, &clock) != 0) return absl::ZeroDuration();
  return Read(clock);
}

absl::Duration OwnCpu() { return Read(CLOCK_PROCESS_CPUTIME_ID); }

std::int64_t ResidentBytesOf(pid_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/statm"));
  std::int64_t total = 0;
  std::int64_t resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace gaceta::bench
