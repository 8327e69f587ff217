// Fills a log without a server: a hub would take its time for each entry.
#ifndef GACETA_TESTS_BENCH_FILL_H_
#define GACETA_TESTS_BENCH_FILL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "tests/bench/bench_federation.h"

namespace gaceta::bench {

// Appends updates of all states in turn to the log in a hub's data folder until
// it has `entries`. Each is as a hub would have taken it: signed, in its
// publisher's chain, by the rules. The hub signs the checkpoint at its next
// start. No hub may use the folder, and the log has the registry already.
absl::Status FillLog(const BenchFederation& federation,
                     const std::string& folder, std::int64_t entries);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_FILL_H_
