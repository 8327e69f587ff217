// Entries whose bytes need not be statements.
#ifndef GACETA_TESTS_SERVER_LOG_LOG_ENTRIES_H_
#define GACETA_TESTS_SERVER_LOG_LOG_ENTRIES_H_

#include "absl/strings/str_format.h"
#include "server/log/log_store.h"

namespace gaceta {

// All have the same size, and differ by their number.
inline StoredEntry Decree(int number) {
  StoredEntry entry;
  entry.leaf = absl::StrFormat("leaf of decree %06d", number);
  entry.payload = absl::StrFormat("text of decree %06d", number);
  return entry;
}

}  // namespace gaceta

#endif  // GACETA_TESTS_SERVER_LOG_LOG_ENTRIES_H_
