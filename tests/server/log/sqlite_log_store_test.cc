// What only an engine in a file has to stand.
#include "server/log/sqlite_log_store.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/temp_folder.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kAnyBytes = std::numeric_limits<std::size_t>::max();

class SqliteLogStoreTest : public ::testing::Test {
 protected:
  void Open() {
    auto store = SqliteLogStore::Open(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void OpenWithDecrees(int count) {
    Open();
    std::vector<StoredEntry> entries;
    for (int i = 0; i < count; ++i) entries.push_back(Decree(i));
    ASSERT_TRUE(store_->Append(0, entries).ok());
  }

  // Runs SQL on the closed file, as damage would alter it, and opens it again.
  void Alter(const std::string& sql) {
    store_.reset();
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &error),
              SQLITE_OK)
        << error;
    sqlite3_free(error);
    sqlite3_close(db);
    Open();
  }

  absl::StatusCode ReadAll() {
    return store_->Read(0, 1000, kAnyBytes).status().code();
  }

  const testing::TempFolder folder_;
  const std::string path_ = folder_.path() + "/log.db";
  std::unique_ptr<SqliteLogStore> store_;
};

TEST_F(SqliteLogStoreTest, AChangedByteIsDataLossAndOtherEntriesAreRead) {
  for (const char* damage :
       {"UPDATE entry SET leaf = CAST('leaf of decree 00000X' AS BLOB)",
        "UPDATE entry SET payload = CAST('text of decree 00000X' AS BLOB)",
        "UPDATE entry SET omission = 3",
        "UPDATE entry SET checksum = checksum + 1"}) {
    OpenWithDecrees(5);

    Alter(absl::StrCat(damage, " WHERE position = 2"));

    EXPECT_EQ(ReadAll(), absl::StatusCode::kDataLoss) << damage;
    auto before = store_->Read(0, 2, kAnyBytes);
    ASSERT_TRUE(before.ok()) << before.status();
    EXPECT_EQ((*before)[1], Decree(1));
    auto after = store_->Read(3, 10, kAnyBytes);
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ((*after)[1], Decree(4));
    const absl::Status status = store_->Read(2, 1, kAnyBytes).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr("entry 2"));

    store_.reset();
    std::filesystem::remove(path_);
  }
}

TEST_F(SqliteLogStoreTest, AMissingEntryIsDataLoss) {
  OpenWithDecrees(5);

  Alter("DELETE FROM entry WHERE position = 2");

  EXPECT_EQ(store_->Size(), 5);
  EXPECT_EQ(ReadAll(), absl::StatusCode::kDataLoss);
}

TEST_F(SqliteLogStoreTest, EntriesThatChangedPlacesAreDataLoss) {
  OpenWithDecrees(5);

  Alter(
      "UPDATE entry SET position = 99 WHERE position = 1;"
      "UPDATE entry SET position = 1 WHERE position = 2;"
      "UPDATE entry SET position = 2 WHERE position = 99;");

  EXPECT_EQ(ReadAll(), absl::StatusCode::kDataLoss);
}

TEST_F(SqliteLogStoreTest, AnEntryThatIsGoneFromTheEndWhileOpenIsDataLoss) {
  OpenWithDecrees(5);
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(db, "DELETE FROM entry WHERE position = 4", nullptr,
                         nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(db);

  EXPECT_EQ(ReadAll(), absl::StatusCode::kDataLoss);
}

TEST_F(SqliteLogStoreTest, AFileThatIsNoDatabaseIsDataLoss) {
  {
    std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path_.c_str(), "w"),
                                               fclose);
    for (int i = 0; i < 1000; ++i) fputs("no database ", file.get());
  }

  EXPECT_EQ(SqliteLogStore::Open(path_).status().code(),
            absl::StatusCode::kDataLoss);
}

TEST_F(SqliteLogStoreTest, AFileOfAnotherVersionIsRefusedAndKept) {
  OpenWithDecrees(1);
  store_.reset();
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &db), SQLITE_OK);
  sqlite3_exec(db, "PRAGMA user_version=99", nullptr, nullptr, nullptr);
  sqlite3_close(db);

  EXPECT_EQ(SqliteLogStore::Open(path_).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(SqliteLogStoreTest, ASecondServerIsRefusedAndTheFirstGoesOn) {
  OpenWithDecrees(1);

  const absl::Status second = SqliteLogStore::Open(path_).status();

  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.message()), HasSubstr("another server"));
  const StoredEntry next = Decree(1);
  EXPECT_TRUE(store_->Append(1, {&next, 1}).ok());
  store_.reset();
  Open();
  EXPECT_EQ(store_->Size(), 2);
}

// As when the disk is full: what does not fit leaves nothing behind.
TEST_F(SqliteLogStoreTest, AWriteThatFailsLeavesNothingAndMayBeTriedAgain) {
  OpenWithDecrees(3);
  struct rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 64 * 1024;
  StoredEntry large = Decree(3);
  large.payload = std::string(64 * 1024, 'p');
  const std::vector<StoredEntry> entries(4, large);
  // A write beyond the limit returns an error instead of ending the program.
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);

  const absl::Status status = store_->Append(3, entries);

  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(store_->Size(), 3);
  EXPECT_EQ(ReadAll(), absl::StatusCode::kOk);
  const absl::Status again = store_->Append(3, entries);
  ASSERT_TRUE(again.ok()) << again;
  EXPECT_EQ(ReadAll(), absl::StatusCode::kOk);
  store_.reset();
  Open();
  EXPECT_EQ(store_->Size(), 7);
  EXPECT_EQ(ReadAll(), absl::StatusCode::kOk);
}

// A process that appends one, two or three decrees at a time, and says through
// a pipe how many are in the log each time that an append has returned.
class AppendingProcess {
 public:
  AppendingProcess(const std::string& path, int size) {
    int ends[2];
    if (pipe(ends) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      Run(path, size, ends[1]);
      _exit(1);
    }
    close(ends[1]);
    reports_ = ends[0];
  }
  ~AppendingProcess() {
    if (reports_ >= 0) close(reports_);
  }

  // Waits for `count` reports, then kills it, and returns the last size that
  // it reported, -1 if it ended by itself.
  int KillAfter(int count, int microseconds) {
    int size = -1;
    int last = -1;
    for (int i = 0; i < count && read(reports_, &size, sizeof size) > 0; ++i) {
      last = size;
    }
    usleep(static_cast<useconds_t>(microseconds));
    kill(pid_, SIGKILL);
    int status = 0;
    waitpid(pid_, &status, 0);
    if (!WIFSIGNALED(status)) return -1;
    while (read(reports_, &size, sizeof size) > 0) last = size;
    return last;
  }

 private:
  static void Run(const std::string& path, int size, int reports) {
    auto store = SqliteLogStore::Open(path);
    if (!store.ok() || (*store)->Size() != size) return;
    while (true) {
      std::vector<StoredEntry> entries;
      for (int i = 0; i <= size % 3; ++i) entries.push_back(Decree(size + i));
      if (!(*store)->Append(size, entries).ok()) return;
      size += static_cast<int>(entries.size());
      if (write(reports, &size, sizeof size) != sizeof size) return;
    }
  }

  pid_t pid_ = -1;
  int reports_ = -1;
};

TEST_F(SqliteLogStoreTest, WhatWasAppendedSurvivesSigkillAtAnyInstant) {
  constexpr int kRounds = 25;
  std::mt19937 random(7);
  int size = 0;
  for (int round = 0; round < kRounds; ++round) {
    AppendingProcess process(path_, size);
    const int reported = process.KillAfter(static_cast<int>(1 + random() % 8),
                                           static_cast<int>(random() % 4000));
    ASSERT_GT(reported, size) << "round " << round;

    Open();
    const int after = static_cast<int>(store_->Size());
    // Nothing acknowledged is lost; at most the append under way is there as
    // well, and then as a whole.
    EXPECT_TRUE(after == reported || after == reported + reported % 3 + 1)
        << after << " after " << reported;
    auto all = store_->Read(0, after, kAnyBytes);
    ASSERT_TRUE(all.ok()) << all.status();
    ASSERT_EQ(static_cast<int>(all->size()), after);
    for (int i = 0; i < after; ++i) ASSERT_EQ((*all)[i], Decree(i));
    store_.reset();
    size = after;
  }
}

}  // namespace
}  // namespace gaceta
