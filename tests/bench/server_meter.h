// What the kernel says of a server process.
#ifndef GACETA_TESTS_BENCH_SERVER_METER_H_
#define GACETA_TESTS_BENCH_SERVER_METER_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/time/time.h"

namespace gaceta::bench {

// CPU time of a process, all its threads, those that ended too; user and
// system together, to the nanosecond. Zero if there is no such process.
absl::Duration CpuOf(pid_t pid);

// Of this process.
absl::Duration OwnCpu();

// Memory of a process that is in RAM (VmRSS), in bytes.
std::int64_t ResidentBytesOf(pid_t pid);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_SERVER_METER_H_
