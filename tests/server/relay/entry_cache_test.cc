#include "server/relay/entry_cache.h"

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"

namespace gaceta {
namespace {

constexpr absl::Duration kLongest = absl::Seconds(20);

// A log whose reads can be counted, made to fail, or made to wait.
class ProbedLog : public LogStore {
 public:
  absl::Status Append(Position expected,
                      absl::Span<const StoredEntry> entries) override {
    return log_.Append(expected, entries);
  }
  absl::Status Scan(Position begin, int max_count, std::size_t max_bytes,
                    Show show) const override {
    // Who waits has read already, and knows nothing of what comes meanwhile.
    auto read = log_.Read(begin, max_count, max_bytes);
    ++reads;
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(
        +[](const ProbedLog* self) { return !self->waiting_; }, this));
    if (!error_.ok()) return error_;
    if (!read.ok()) return read.status();
    if (lose_) read->resize(1);
    for (const StoredEntry& entry : *read) show(entry);
    return absl::OkStatus();
  }
  absl::Status Erase(absl::Span<const Position> positions) override {
    return log_.Erase(positions);
  }
  Position Size() const override { return log_.Size(); }

  void Fail(absl::Status error) {
    absl::MutexLock lock(&mu_);
    error_ = std::move(error);
  }
  void Wait(bool waiting) {
    absl::MutexLock lock(&mu_);
    waiting_ = waiting;
  }
  void LoseEntries() {
    absl::MutexLock lock(&mu_);
    lose_ = true;
  }

  mutable std::atomic<int> reads{0};

 private:
  MemoryLogStore log_;
  mutable absl::Mutex mu_;
  absl::Status error_;
  bool waiting_ = false;
  bool lose_ = false;
};

StoredEntry Numbered(Position number) {
  StoredEntry entry;
  entry.leaf = "leaf " + std::to_string(number);
  entry.payload = std::string(100, 'p');
  return entry;
}

class EntryCacheTest : public ::testing::Test {
 protected:
  // Entries that are in the store before the cache is.
  void Start(Position before, EntryCache::Options options = {}) {
    if (before > 0) {
      std::vector<StoredEntry> entries;
      for (Position p = 0; p < before; ++p) entries.push_back(Numbered(p));
      ASSERT_TRUE(log_.Append(0, entries).ok());
    }
    cache_ = std::make_unique<EntryCache>(&log_, options);
    cache_->SetListener([this] {
      absl::MutexLock lock(&mu_);
      ++changes_;
    });
  }

  void Append(Position count) {
    std::vector<StoredEntry> entries;
    const Position begin = log_.Size();
    for (Position p = begin; p < begin + count; ++p) {
      entries.push_back(Numbered(p));
    }
    ASSERT_TRUE(log_.Append(begin, entries).ok());
    cache_->Append(begin, entries);
    cache_->SetEnd(log_.Size());
  }

  int Changes() {
    absl::MutexLock lock(&mu_);
    return changes_;
  }

  void AwaitChangesBeyond(int seen) {
    absl::MutexLock lock(&mu_);
    const auto more = [&] {
      mu_.AssertHeld();
      return changes_ > seen;
    };
    ASSERT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&more), kLongest));
  }

  // Reads as streams do: looks again after each change.
  absl::StatusOr<std::vector<RelayedEntryPtr>> AwaitRead(Position begin,
                                                         int max_count) {
    while (true) {
      const int seen = Changes();
      auto read = cache_->TryRead(begin, max_count, &reader_);
      if (!read.ok()) return read.status();
      if (read->has_value()) return **read;
      AwaitChangesBeyond(seen);
    }
  }

  // Waits until the store was read, or is asked to be, so often.
  void AwaitReads(int count) const {
    const absl::Time deadline = absl::Now() + kLongest;
    while (log_.reads < count && absl::Now() < deadline) {
      std::this_thread::yield();
    }
    ASSERT_GE(log_.reads, count);
  }

  static void ExpectEntries(
      const absl::StatusOr<std::vector<RelayedEntryPtr>>& read, Position begin,
      std::size_t count) {
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(read->size(), count);
    Position position = begin;
    for (const RelayedEntryPtr& entry : *read) {
      EXPECT_EQ(entry->position(), position);
      EXPECT_EQ(entry->ToProto(v1::Entry::OMISSION_UNSPECIFIED).leaf(),
                Numbered(position).leaf);
      ++position;
    }
  }

  ProbedLog log_;
  absl::Mutex mu_;
  int changes_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<EntryCache> cache_;
  EntryCache::Reader reader_;
};

TEST_F(EntryCacheTest, OfAnEmptyLogHasNothing) {
  Start(0);

  EXPECT_EQ(cache_->Size(), 0);
  ExpectEntries(AwaitRead(0, 10), 0, 0);
  EXPECT_EQ(cache_->TryRead(1, 10, &reader_).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(cache_->TryRead(-1, 10, &reader_).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(EntryCacheTest, NewEntriesAreReadWithoutTheStore) {
  Start(10);
  Append(5);

  EXPECT_EQ(cache_->Size(), 15);
  ExpectEntries(AwaitRead(10, 100), 10, 5);
  ExpectEntries(AwaitRead(12, 2), 12, 2);
  ExpectEntries(AwaitRead(15, 2), 15, 0);
  EXPECT_EQ(log_.reads, 0);
}

TEST_F(EntryCacheTest, ANewEndIsTold) {
  Start(0);
  const int seen = Changes();

  Append(1);

  EXPECT_GT(Changes(), seen);
}

TEST_F(EntryCacheTest, OldEntriesAreLoadedAndTold) {
  Start(200);
  const int seen = Changes();
  auto read = cache_->TryRead(70, 10, &reader_);
  ASSERT_TRUE(read.ok());
  EXPECT_FALSE(read->has_value());

  AwaitChangesBeyond(seen);

  ExpectEntries(AwaitRead(70, 10), 70, 10);
  // The block itself, and the next one, read ahead.
  while (log_.reads < 2) std::this_thread::yield();
  // From memory now, and no further than the block.
  const int reads = log_.reads;
  ExpectEntries(AwaitRead(64, 10), 64, 10);
  ExpectEntries(AwaitRead(120, 100), 120, 8);
  EXPECT_EQ(log_.reads, reads);
}

TEST_F(EntryCacheTest, EveryPositionIsReadWhereverItIs) {
  EntryCache::Options options;
  options.tail_bytes = 2000;
  options.block_bytes = 20'000;
  Start(150, options);
  for (int i = 0; i < 30; ++i) Append(7);

  for (Position p = 0; p < 360;) {
    auto read = AwaitRead(p, 50);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_FALSE(read->empty());
    ExpectEntries(read, p, read->size());
    p += static_cast<Position>(read->size());
  }
  ExpectEntries(AwaitRead(360, 1), 360, 0);
}

TEST_F(EntryCacheTest, ABlockThatWasShortIsReadAgainWhenTheLogHasGrown) {
  EntryCache::Options options;
  options.tail_bytes = 1;
  Start(10, options);
  ExpectEntries(AwaitRead(5, 100), 5, 5);

  Append(20);

  // What was at hand of the block first, then the rest.
  ExpectEntries(cache_->Read(5, 100), 5, 25);
  ExpectEntries(AwaitRead(10, 100), 10, 20);
}

TEST_F(EntryCacheTest, WhatIsStoredButNotAppendedHereIsNotShown) {
  Start(10);
  std::vector<StoredEntry> more = {Numbered(10), Numbered(11)};
  ASSERT_TRUE(log_.Append(10, more).ok());

  ExpectEntries(AwaitRead(0, 100), 0, 10);
  ExpectEntries(AwaitRead(10, 100), 10, 0);
  ExpectEntries(cache_->Read(0, 100), 0, 10);

  cache_->Append(10, more);
  cache_->SetEnd(12);
  ExpectEntries(AwaitRead(10, 100), 10, 2);
}

TEST_F(EntryCacheTest, WhatIsAppendedIsShownWhenItIsSaidTo) {
  Start(10);
  const std::vector<StoredEntry> more = {Numbered(10), Numbered(11)};
  ASSERT_TRUE(log_.Append(10, more).ok());
  cache_->Append(10, more);
  const int seen = Changes();

  EXPECT_EQ(cache_->Size(), 10);
  ExpectEntries(AwaitRead(10, 100), 10, 0);
  ExpectEntries(AwaitRead(0, 100), 0, 10);
  EXPECT_EQ(cache_->TryRead(11, 1, &reader_).status().code(),
            absl::StatusCode::kOutOfRange);

  cache_->SetEnd(11);
  EXPECT_GT(Changes(), seen);
  ExpectEntries(AwaitRead(10, 100), 10, 1);
  cache_->SetEnd(12);
  ExpectEntries(AwaitRead(10, 100), 10, 2);
}

TEST_F(EntryCacheTest, WhatIsNotShownYetMayPushTheRestOutOfMemory) {
  EntryCache::Options options;
  options.tail_bytes = 1;
  Start(0, options);
  Append(5);
  std::vector<StoredEntry> more;
  for (Position p = 5; p < 100; ++p) more.push_back(Numbered(p));
  ASSERT_TRUE(log_.Append(5, more).ok());
  cache_->Append(5, more);

  ExpectEntries(AwaitRead(0, 100), 0, 5);
  ExpectEntries(AwaitRead(5, 100), 5, 0);

  cache_->SetEnd(70);
  ExpectEntries(cache_->Read(0, 100), 0, 70);
}

TEST_F(EntryCacheTest, MemoryOfTheTailIsBounded) {
  EntryCache::Options options;
  options.tail_bytes = 1000;
  Start(0, options);
  for (int i = 0; i < 100; ++i) Append(1);

  // The end is at hand, the beginning is not.
  ExpectEntries(AwaitRead(99, 1), 99, 1);
  EXPECT_EQ(log_.reads, 0);
  auto old = cache_->TryRead(0, 1, &reader_);
  ASSERT_TRUE(old.ok());
  EXPECT_FALSE(old->has_value());
}

TEST_F(EntryCacheTest, OfTheBlocksTheLeastUsedGoFirst) {
  EntryCache::Options options;
  // Two blocks, not three.
  options.block_bytes = 2 * 64 * 130;
  Start(64 * 3, options);
  // Unary reads: those of streams read ahead.
  ExpectEntries(cache_->Read(0, 2), 0, 2);
  ExpectEntries(cache_->Read(64, 2), 64, 2);
  ExpectEntries(cache_->Read(0, 2), 0, 2);
  ExpectEntries(cache_->Read(128, 2), 128, 2);
  const int reads = log_.reads;

  ExpectEntries(cache_->Read(0, 2), 0, 2);
  EXPECT_EQ(log_.reads, reads);
  ExpectEntries(cache_->Read(64, 2), 64, 2);
  EXPECT_GT(log_.reads, reads);
}

TEST_F(EntryCacheTest, WhatAReaderComesToNextIsLoadedBeforeItAsks) {
  Start(64 * 4);
  ExpectEntries(AwaitRead(0, 64), 0, 64);

  // The second block is loaded though nobody asked; the third is not.
  AwaitReads(2);
  EXPECT_EQ(log_.reads, 2);
  ExpectEntries(AwaitRead(64, 10), 64, 10);
}

TEST_F(EntryCacheTest, EachRunOfBlocksThatAReaderComesToIsTwiceAsLong) {
  Start(64 * 40);
  // By block: what is loaded once a reader has come there. No run has more than
  // eight blocks, and none begins before the reader is in the one before.
  const std::vector<std::pair<Position, int>> loaded = {
      {0, 2}, {1, 4}, {2, 8}, {3, 8}, {4, 16}, {7, 16}, {8, 24}, {16, 32}};
  for (const auto& [block, blocks] : loaded) {
    // Many steps within a block load no more than the first.
    for (int step = 0; step < 20; ++step) {
      ExpectEntries(AwaitRead(64 * block + step, 1), 64 * block + step, 1);
    }
    AwaitReads(blocks);
    EXPECT_EQ(log_.reads, blocks) << block;
  }
}

TEST_F(EntryCacheTest, AReaderWhoseBlocksWereThrownAwayBeginsWithOneAgain) {
  EntryCache::Options options;
  // Ten blocks.
  options.block_bytes = 10 * 64 * 130;
  Start(64 * 40, options);
  for (const Position block : {0, 1, 2}) {
    ExpectEntries(AwaitRead(64 * block, 1), 64 * block, 1);
  }
  AwaitReads(8);
  ExpectEntries(cache_->Read(64 * 20, 64 * 10), 64 * 20, 64 * 10);
  ASSERT_EQ(log_.reads, 18);

  ExpectEntries(AwaitRead(64 * 3, 1), 64 * 3, 1);
  AwaitReads(20);
  ExpectEntries(AwaitRead(64 * 4, 1), 64 * 4, 1);
  AwaitReads(22);
  EXPECT_EQ(log_.reads, 22);
}

TEST_F(EntryCacheTest, WhoComesToABlockThatIsBeingReadAheadIsTold) {
  Start(64 * 2);
  ExpectEntries(AwaitRead(0, 1), 0, 1);
  while (log_.reads < 2) std::this_thread::yield();

  // Whether the second block is there by now or not.
  ExpectEntries(AwaitRead(64, 1), 64, 1);

  EXPECT_EQ(log_.reads, 2);
}

TEST_F(EntryCacheTest, AnErrorInReadingAheadIsNotTold) {
  Start(64 * 2);
  ExpectEntries(cache_->Read(0, 2), 0, 2);
  log_.Fail(absl::UnavailableError("disk"));
  ExpectEntries(AwaitRead(0, 1), 0, 1);
  while (log_.reads < 2) std::this_thread::yield();
  log_.Fail(absl::OkStatus());

  ExpectEntries(cache_->Read(64, 2), 64, 2);
}

TEST_F(EntryCacheTest, ABlockWantedByManyIsLoadedOnce) {
  Start(64);
  log_.Wait(true);
  for (int i = 0; i < 20; ++i) {
    auto read = cache_->TryRead(i, 1, &reader_);
    ASSERT_TRUE(read.ok());
    EXPECT_FALSE(read->has_value());
  }
  log_.Wait(false);

  ExpectEntries(AwaitRead(3, 1), 3, 1);

  EXPECT_EQ(log_.reads, 1);
}

TEST_F(EntryCacheTest, ReadsAtTheEndDoNotWaitForALoad) {
  Start(64);
  log_.Wait(true);
  ASSERT_FALSE(cache_->TryRead(0, 1, &reader_)->has_value());

  Append(1);

  ExpectEntries(AwaitRead(64, 10), 64, 1);
  log_.Wait(false);
}

TEST_F(EntryCacheTest, AnErrorOfTheStoreIsToldOnceAndThenTriedAgain) {
  Start(64);
  log_.Fail(absl::UnavailableError("disk"));

  EXPECT_EQ(AwaitRead(0, 1).status(), absl::UnavailableError("disk"));
  EXPECT_EQ(cache_->Read(0, 2).status(), absl::UnavailableError("disk"));

  log_.Fail(absl::OkStatus());
  ExpectEntries(AwaitRead(0, 1), 0, 1);
}

TEST_F(EntryCacheTest, AnOldErrorIsForgottenOnceTheBlockWasRead) {
  EntryCache::Options options;
  options.block_bytes = 1;
  Start(128, options);
  log_.Fail(absl::UnavailableError("disk"));
  const int seen = Changes();
  ASSERT_FALSE(cache_->TryRead(0, 1, &reader_)->has_value());
  AwaitChangesBeyond(seen);
  log_.Fail(absl::OkStatus());
  ExpectEntries(cache_->Read(0, 2), 0, 2);
  // Makes room: the first block is gone.
  ExpectEntries(cache_->Read(64, 2), 64, 2);

  ExpectEntries(AwaitRead(0, 1), 0, 1);
}

TEST_F(EntryCacheTest, EntriesThatTheStoreLostAreDataLoss) {
  Start(64);
  log_.LoseEntries();

  EXPECT_EQ(AwaitRead(5, 1).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(cache_->Read(5, 2).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EntryCacheTest, OneEntryIsReadAloneAndNotKept) {
  Start(64);

  for (int i = 1; i <= 2; ++i) {
    ExpectEntries(cache_->Read(5, 1), 5, 1);
    EXPECT_EQ(log_.reads, i);
  }
  // What is in memory is not read again.
  ExpectEntries(cache_->Read(5, 2), 5, 2);
  ExpectEntries(cache_->Read(5, 1), 5, 1);
  EXPECT_EQ(log_.reads, 3);
}

TEST_F(EntryCacheTest, UnaryReadsWaitAndGoAcrossBlocks) {
  Start(200);
  Append(10);

  ExpectEntries(cache_->Read(0, 1000), 0, 210);
  ExpectEntries(cache_->Read(60, 10), 60, 10);
  ExpectEntries(cache_->Read(210, 10), 210, 0);
  EXPECT_EQ(cache_->Read(211, 10).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(EntryCacheTest, ManyReadersSeeAWholePrefixWhileItGrows) {
  EntryCache::Options options;
  options.tail_bytes = 3000;
  options.block_bytes = 15'000;
  Start(100, options);
  constexpr Position kEnd = 1100;
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([this, i] {
      EntryCache::Reader reader;
      for (Position p = 30 * i; p < kEnd;) {
        const int seen = Changes();
        auto read = cache_->TryRead(p, 40, &reader);
        ASSERT_TRUE(read.ok()) << read.status();
        if (!read->has_value() || (*read)->empty()) {
          AwaitChangesBeyond(seen);
          continue;
        }
        for (const RelayedEntryPtr& entry : **read) {
          ASSERT_EQ(entry->position(), p);
          ++p;
        }
      }
    });
  }
  for (int i = 0; i < 100; ++i) Append(10);
  for (std::thread& reader : readers) reader.join();
}

TEST_F(EntryCacheTest, WhatTheStoreHasErasedIsShownByNobody) {
  // One in a block, one in the tail.
  Start(100);
  Append(10);
  ExpectEntries(AwaitRead(0, 100), 0, 64);
  ASSERT_TRUE(log_.Erase({3, 105}).ok());

  ASSERT_TRUE(cache_->Forget({3, 105}).ok());

  for (const Position position : {3, 105}) {
    const auto read = AwaitRead(position, 1);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->front()->stored_omission(), v1::Entry::OMISSION_ERASED);
    EXPECT_EQ(read->front()->ToProto(v1::Entry::OMISSION_ERASED).payload(), "");
  }
  ExpectEntries(AwaitRead(104, 6), 104, 6);
}

TEST_F(EntryCacheTest, ABlockThatIsLoadedWhileItIsErasedIsReadAgain) {
  Start(100);
  log_.Wait(true);
  ASSERT_FALSE(cache_->TryRead(0, 1, &reader_)->has_value());
  AwaitReads(1);
  std::thread eraser([this] {
    // Waits for the same store, once it has told the cache.
    EXPECT_TRUE(cache_->Forget({0}).ok());
  });
  AwaitReads(2);
  ASSERT_TRUE(log_.Erase({0}).ok());

  log_.Wait(false);
  eraser.join();

  const auto read = AwaitRead(0, 1);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->front()->stored_omission(), v1::Entry::OMISSION_ERASED);
  EXPECT_EQ(log_.reads, 3);
}

TEST_F(EntryCacheTest, EndsWhileALoadIsWanted) {
  Start(64);
  log_.Wait(true);
  ASSERT_FALSE(cache_->TryRead(0, 1, &reader_)->has_value());
  log_.Wait(false);

  cache_.reset();
}

}  // namespace
}  // namespace gaceta
