// What can happen to a SQLite file.
#ifndef GACETA_TESTS_SERVER_LOG_FILE_FAULTS_H_
#define GACETA_TESTS_SERVER_LOG_FILE_FAULTS_H_

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include <string>

#include "gtest/gtest.h"

namespace gaceta {

// Runs SQL on a file as somebody else would, also while it is open.
inline void RunSql(const std::string& path, const std::string& sql) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  char* error = nullptr;
  EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK)
      << error;
  sqlite3_free(error);
  sqlite3_close(db);
}

// While it is there, no file of this process grows beyond `bytes`: as when the
// disk is full. 1 fails nearly every write.
class SmallFiles {
 public:
  explicit SmallFiles(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    struct rlimit small = before_;
    small.rlim_cur = bytes;
    // A write beyond the limit returns an error instead of ending the program.
    handler_ = signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  struct rlimit before_;
  void (*handler_)(int);
};

}  // namespace gaceta

#endif  // GACETA_TESTS_SERVER_LOG_FILE_FAULTS_H_
