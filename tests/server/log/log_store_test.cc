// The suite that every engine must pass; a new one joins by a line at the end.
#include "server/log/log_store.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "server/log/sqlite_log_store.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/temp_folder.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t kAnyBytes = std::numeric_limits<std::size_t>::max();

// How to open one engine.
struct Engine {
  std::string name;
  // Opens what is in `folder`; null if the engine keeps nothing.
  std::function<std::unique_ptr<LogStore>(const std::string& folder)> open;
  bool durable = true;
};

void PrintTo(const Engine& engine, std::ostream* out) { *out << engine.name; }

Engine Memory() {
  return {"Memory",
          [](const std::string&) { return std::make_unique<MemoryLogStore>(); },
          false};
}

Engine Sqlite() {
  return {"Sqlite", [](const std::string& folder) {
            auto store = SqliteLogStore::Open(folder + "/log.db");
            EXPECT_TRUE(store.ok()) << store.status();
            return *std::move(store);
          }};
}

class LogStoreTest : public ::testing::TestWithParam<Engine> {
 protected:
  LogStoreTest() { store_ = GetParam().open(folder_.path()); }

  // Whether any of the engine's files has these bytes.
  bool FolderHas(const std::string& text) const {
    for (const auto& file :
         std::filesystem::directory_iterator(folder_.path())) {
      std::ifstream in(file.path(), std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(in), {}};
      if (absl::StrContains(bytes, text)) return true;
    }
    return false;
  }

  // Ends the store as a server does, and opens it again.
  void Reopen() {
    if (!GetParam().durable) GTEST_SKIP() << "nothing is kept in memory";
    store_.reset();
    store_ = GetParam().open(folder_.path());
  }

  absl::Status Append(Position expected,
                      const std::vector<StoredEntry>& entries) {
    return store_->Append(expected, entries);
  }

  std::vector<StoredEntry> Read(Position begin, int max_count = 1000,
                                std::size_t max_bytes = kAnyBytes) {
    auto read = store_->Read(begin, max_count, max_bytes);
    EXPECT_TRUE(read.ok()) << read.status();
    return read.ok() ? *std::move(read) : std::vector<StoredEntry>();
  }

  const testing::TempFolder folder_;
  std::unique_ptr<LogStore> store_;
};

TEST_P(LogStoreTest, ANewLogIsEmpty) {
  EXPECT_EQ(store_->Size(), 0);
  EXPECT_THAT(Read(0), IsEmpty());
  EXPECT_EQ(store_->Read(1, 10, kAnyBytes).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_P(LogStoreTest, WhatIsAppendedIsRead) {
  ASSERT_TRUE(Append(0, {Decree(0), Decree(1)}).ok());
  ASSERT_TRUE(Append(2, {Decree(2)}).ok());

  EXPECT_EQ(store_->Size(), 3);
  EXPECT_THAT(Read(0), ElementsAre(Decree(0), Decree(1), Decree(2)));
  EXPECT_THAT(Read(1), ElementsAre(Decree(1), Decree(2)));
  EXPECT_THAT(Read(3), IsEmpty());
}

TEST_P(LogStoreTest, AnyBytesAreKeptAsTheyAre) {
  std::vector<StoredEntry> entries(5);
  entries[0].leaf = std::string("\0\xff\0", 3);
  entries[1].payload = std::string(64 * 1024, '\0');
  entries[2].leaf = std::string(32 * 1024, 'l');
  entries[3].omission = v1::Entry::OMISSION_NOT_KEPT;
  ASSERT_TRUE(Append(0, entries).ok());

  EXPECT_EQ(Read(0), entries);
}

TEST_P(LogStoreTest, AnAppendElsewhereIsAbortedAndLeavesNothing) {
  ASSERT_TRUE(Append(0, {Decree(0), Decree(1)}).ok());

  for (const Position wrong : {-1, 0, 1, 3, 1000}) {
    EXPECT_EQ(Append(wrong, {Decree(7)}).code(), absl::StatusCode::kAborted)
        << wrong;
  }

  EXPECT_EQ(store_->Size(), 2);
  EXPECT_THAT(Read(0), ElementsAre(Decree(0), Decree(1)));
  EXPECT_TRUE(Append(2, {Decree(2)}).ok());
}

TEST_P(LogStoreTest, OfTwoWhoAppendAtOnePositionOneWins) {
  std::atomic<int> won{0};
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      for (Position p = 0; p < 50; ++p) {
        const StoredEntry entry = Decree(i);
        const absl::Status status = store_->Append(p, {&entry, 1});
        if (status.ok()) ++won;
        if (!status.ok()) {
          EXPECT_EQ(status.code(), absl::StatusCode::kAborted) << status;
        }
        // Whoever lost waits for the position to be taken.
        while (store_->Size() <= p) std::this_thread::yield();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();

  EXPECT_EQ(won, 50);
  EXPECT_EQ(store_->Size(), 50);
}

TEST_P(LogStoreTest, ReadsStopAtTheirLimits) {
  std::vector<StoredEntry> entries;
  for (int i = 0; i < 10; ++i) entries.push_back(Decree(i));
  ASSERT_TRUE(Append(0, entries).ok());
  const std::size_t bytes = entries[0].leaf.size() + entries[0].payload.size();

  EXPECT_THAT(Read(0, 0), IsEmpty());
  EXPECT_THAT(Read(0, 3), SizeIs(3));
  EXPECT_THAT(Read(8, 3), ElementsAre(Decree(8), Decree(9)));
  // One at least, and no more once the bytes are reached.
  EXPECT_THAT(Read(0, 10, 0), SizeIs(1));
  EXPECT_THAT(Read(0, 10, 1), SizeIs(1));
  EXPECT_THAT(Read(0, 10, bytes), SizeIs(1));
  EXPECT_THAT(Read(0, 10, bytes + 1), SizeIs(2));
  EXPECT_THAT(Read(0, 10, 3 * bytes), SizeIs(3));
}

TEST_P(LogStoreTest, APositionBeyondTheEndIsOutOfRange) {
  ASSERT_TRUE(Append(0, {Decree(0)}).ok());

  for (const Position beyond :
       {Position{-1}, Position{2}, std::numeric_limits<Position>::max()}) {
    const absl::Status status = store_->Read(beyond, 1, 1).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << beyond;
    EXPECT_EQ(Reason(status), "POSITION_BEYOND_END");
    EXPECT_EQ(ReasonMetadata(status, "log_size"), "1");
  }
}

TEST_P(LogStoreTest, AnErasedPayloadIsGoneAndAllElseStays) {
  ASSERT_TRUE(store_->Append(0, {Decree(0), Decree(1), Decree(2)}).ok());
  StoredEntry erased = Decree(1);
  erased.payload.clear();
  erased.omission = v1::Entry::OMISSION_ERASED;

  ASSERT_TRUE(store_->Erase({1}).ok());

  EXPECT_THAT(*store_->Read(0, 10, kAnyBytes),
              ElementsAre(Decree(0), erased, Decree(2)));
  // Once more changes nothing, and the log goes on.
  ASSERT_TRUE(store_->Erase({1}).ok());
  ASSERT_TRUE(store_->Append(3, {Decree(3)}).ok());
  EXPECT_THAT(*store_->Read(0, 10, kAnyBytes),
              ElementsAre(Decree(0), erased, Decree(2), Decree(3)));
}

TEST_P(LogStoreTest, WhatIsBeyondTheEndCannotBeErased) {
  ASSERT_TRUE(store_->Append(0, {Decree(0)}).ok());

  EXPECT_TRUE(absl::IsOutOfRange(store_->Erase({0, 1})));

  EXPECT_THAT(*store_->Read(0, 10, kAnyBytes), ElementsAre(Decree(0)));
}

TEST_P(LogStoreTest, NoFileHasTheBytesOfWhatWasErased) {
  if (!GetParam().durable) GTEST_SKIP() << "no files";
  // In a page of its own, in one with others, and over many pages.
  const std::string secret = "what nobody should read";
  StoredEntry large = Decree(1);
  for (int i = 0; i < 2000; ++i) absl::StrAppend(&large.payload, secret, i);
  StoredEntry small = Decree(3);
  small.payload = secret;
  ASSERT_TRUE(
      store_->Append(0, {Decree(0), large, Decree(2), small, Decree(4)}).ok());
  ASSERT_TRUE(FolderHas(secret));

  ASSERT_TRUE(store_->Erase({1, 3}).ok());

  EXPECT_FALSE(FolderHas(secret));
  EXPECT_TRUE(FolderHas(Decree(2).payload));
}

TEST_P(LogStoreTest, PositionsContinueAfterReopen) {
  ASSERT_TRUE(Append(0, {Decree(0), Decree(1)}).ok());

  Reopen();

  EXPECT_EQ(store_->Size(), 2);
  ASSERT_TRUE(Append(2, {Decree(2)}).ok());
  EXPECT_THAT(Read(0), ElementsAre(Decree(0), Decree(1), Decree(2)));
}

TEST_P(LogStoreTest, AnEmptyLogIsEmptyAfterReopen) {
  Reopen();

  EXPECT_EQ(store_->Size(), 0);
  EXPECT_TRUE(Append(0, {Decree(0)}).ok());
}

TEST_P(LogStoreTest, ReadersSeeAWholePrefixWhileItGrows) {
  constexpr Position kEntries = 600;
  std::atomic<bool> done{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      Position next = 0;
      while (next < kEntries) {
        const bool last_look = done;
        const Position size = store_->Size();
        auto some = store_->Read(next, 50, kAnyBytes);
        ASSERT_TRUE(some.ok()) << some.status();
        // What Size() counted can be read.
        ASSERT_GE(next + static_cast<Position>(some->size()),
                  std::min(size, next + 50));
        for (const StoredEntry& entry : *some) {
          ASSERT_EQ(entry, Decree(static_cast<int>(next)));
          ++next;
        }
        ASSERT_FALSE(last_look && some->empty()) << "ends at " << next;
      }
    });
  }

  for (Position p = 0; p < kEntries; p += 3) {
    const int n = static_cast<int>(p);
    ASSERT_TRUE(Append(p, {Decree(n), Decree(n + 1), Decree(n + 2)}).ok());
  }
  done = true;
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(store_->Size(), kEntries);
}

INSTANTIATE_TEST_SUITE_P(Engines, LogStoreTest,
                         ::testing::Values(Memory(), Sqlite()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace gaceta
