// Entries whose bytes need not be statements, and a folder to keep them in.
#ifndef GACETA_TESTS_SERVER_LOG_LOG_ENTRIES_H_
#define GACETA_TESTS_SERVER_LOG_LOG_ENTRIES_H_

#include <stdlib.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "gtest/gtest.h"
#include "server/log/log_store.h"

namespace gaceta {

// All have the same size, and differ by their number.
inline StoredEntry Decree(int number) {
  StoredEntry entry;
  entry.leaf = absl::StrFormat("leaf of decree %06d", number);
  entry.payload = absl::StrFormat("text of decree %06d", number);
  return entry;
}

// A new folder, removed with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = absl::StrCat(::testing::TempDir(), "gaceta-XXXXXX");
    if (mkdtemp(path.data()) != nullptr) path_ = path;
  }
  ~TemporaryFolder() {
    std::error_code ignored;  // What stays is in the temporary folder.
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace gaceta

#endif  // GACETA_TESTS_SERVER_LOG_LOG_ENTRIES_H_
