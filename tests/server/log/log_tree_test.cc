#include "server/log/log_tree.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/server/log/file_faults.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/temp_folder.h"
#include "verify/frontier.h"

namespace gaceta {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<StoredEntry> Decrees(Position begin, Position end) {
  std::vector<StoredEntry> entries;
  entries.reserve(static_cast<std::size_t>(end - begin));
  for (Position p = begin; p < end; ++p) {
    entries.push_back(Decree(static_cast<int>(p)));
  }
  return entries;
}

// RFC 6962 section 2.1, word by word.
TreeHash NaiveRoot(absl::Span<const TreeHash> leaves) {
  if (leaves.empty()) return EmptyRoot();
  if (leaves.size() == 1) return leaves[0];
  std::size_t k = 1;
  while (2 * k < leaves.size()) k *= 2;
  return HashChildren(NaiveRoot(leaves.subspan(0, k)),
                      NaiveRoot(leaves.subspan(k)));
}

class LogTreeTest : public ::testing::Test {
 protected:
  // Opens over what the log has.
  void Open() {
    tree_.reset();
    auto tree = LogTree::Open(path_, log_, nullptr);
    ASSERT_TRUE(tree.ok()) << tree.status();
    tree_ = *std::move(tree);
  }

  void Append(Position count) {
    const std::vector<StoredEntry> entries =
        Decrees(log_.Size(), log_.Size() + count);
    ASSERT_TRUE(log_.Append(log_.Size(), entries).ok());
    const absl::Status status = tree_->Append(entries);
    ASSERT_TRUE(status.ok()) << status;
  }

  TreeHash Root(Position size) {
    auto found = roots_.find(size);
    if (found == roots_.end()) {
      for (Position p = static_cast<Position>(leaves_.size()); p < size; ++p) {
        leaves_.push_back(HashLeaf(Decree(static_cast<int>(p)).leaf));
      }
      const TreeHash root = NaiveRoot(absl::MakeConstSpan(leaves_).subspan(
          0, static_cast<std::size_t>(size)));
      found = roots_.emplace(size, root).first;
    }
    return found->second;
  }

  // What the tree says of a size, and of some leaves and sizes before it.
  void Check(Position size, const std::vector<Position>& before) {
    auto root = tree_->Root(size);
    ASSERT_TRUE(root.ok()) << root.status();
    ASSERT_EQ(*root, Root(size)) << size;
    for (const Position position : before) {
      if (position < size) {
        auto inclusion = tree_->Inclusion(position, size);
        ASSERT_TRUE(inclusion.ok()) << inclusion.status();
        const absl::Status status =
            VerifyInclusion(leaves_[static_cast<std::size_t>(position)],
                            position, size, *inclusion, *root);
        ASSERT_TRUE(status.ok()) << status;
      }
      if (position <= size) {
        auto consistency = tree_->Consistency(position, size);
        ASSERT_TRUE(consistency.ok()) << consistency.status();
        const absl::Status status = VerifyConsistency(
            position, Root(position), size, *root, *consistency);
        ASSERT_TRUE(status.ok()) << status;
        CheckCover(position, size);
      }
    }
  }

  // The hashes of a range lead from one root to the other.
  void CheckCover(Position begin, Position end) {
    auto first = tree_->Cover(0, begin);
    auto rest = tree_->Cover(begin, end);
    ASSERT_TRUE(first.ok() && rest.ok()) << first.status() << rest.status();
    auto frontier = Frontier::Create(begin, *first);
    ASSERT_TRUE(frontier.ok()) << frontier.status();
    EXPECT_EQ(frontier->Root(), Root(begin));
    absl::Span<const TreeHash> hashes = *rest;
    ASSERT_TRUE(frontier->AppendRange(end, &hashes).ok());
    EXPECT_TRUE(hashes.empty());
    EXPECT_EQ(frontier->Root(), Root(end));
  }

  std::vector<Position> Edges(Position size) {
    std::vector<Position> positions;
    for (const Position edge :
         {Position{0}, Position{1}, Position{255}, Position{256}, Position{257},
          Position{511}, Position{512}, Position{65535}, Position{65536},
          Position{65537}, size - 1, size}) {
      if (edge >= 0 && edge <= size) positions.push_back(edge);
    }
    for (int i = 0; i < 5; ++i) {
      positions.push_back(static_cast<Position>(
          random_() % static_cast<std::uint64_t>(size + 1)));
    }
    return positions;
  }

  bool IsMissing(int level, std::int64_t index) {
    const absl::Status status = tree_->Read({level, index}).status();
    if (status.ok()) return false;
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("missing"));
    return true;
  }

  const testing::TempFolder folder_;
  const std::string path_ = folder_.path() + "/tree.db";
  MemoryLogStore log_;
  std::unique_ptr<LogTree> tree_;
  std::mt19937 random_{6962};
  std::vector<TreeHash> leaves_;
  std::map<Position, TreeHash> roots_;
};

TEST_F(LogTreeTest, OfAnEmptyLogIsTheEmptyTree) {
  Open();

  EXPECT_EQ(tree_->Size(), 0);
  EXPECT_EQ(*tree_->Root(0), EmptyRoot());
  EXPECT_EQ(tree_->Root(1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(tree_->Inclusion(0, 2).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(tree_->Read({0, 0}).status().code(), absl::StatusCode::kOutOfRange);
}

TEST_F(LogTreeTest, EverySmallSizeIsAsTheBookHasIt) {
  Open();
  for (Position size = 1; size <= 70; ++size) {
    Append(1);

    std::vector<Position> all(static_cast<std::size_t>(size) + 1);
    std::iota(all.begin(), all.end(), 0);
    Check(size, all);
  }
  // Of sizes that are long past, too.
  for (Position size = 1; size < 70; ++size) Check(size, {0, size / 2, size});
}

TEST_F(LogTreeTest, SizesAcrossTheEdgesOfTilesAreAsTheBookHasThem) {
  Open();
  Append(250);
  for (Position size = 251; size <= 262; ++size) {
    Append(1);
    Check(size, Edges(size));
  }
  Append(65530 - 262);
  for (Position size = 65531; size <= 65541; ++size) {
    Append(1);
    Check(size, Edges(size));
  }
}

TEST_F(LogTreeTest, AppendsOfAnySizeMakeTheSameTree) {
  Open();
  while (log_.Size() < 2000) {
    Append(1 + static_cast<Position>(random_() % 600));
    Check(log_.Size(), Edges(log_.Size()));
  }
}

TEST_F(LogTreeTest, AReopenedTreeIsTheSameAndGoesOn) {
  Open();
  Append(65536 + 300);
  for (const Position more : {1, 211, 256, 600}) {
    Open();

    ASSERT_EQ(tree_->Size(), log_.Size());
    Check(log_.Size(), Edges(log_.Size()));
    Append(more);
    Check(log_.Size(), Edges(log_.Size()));
  }
}

TEST_F(LogTreeTest, WhatTheTreeDoesNotHaveIsOutOfRange) {
  Open();
  Append(300);

  for (const Subtree& beyond :
       {Subtree{0, 300}, Subtree{8, 1}, Subtree{9, 0}, Subtree{55, 0},
        Subtree{56, 0}, Subtree{-1, 0}, Subtree{0, -1}}) {
    EXPECT_EQ(tree_->Read(beyond).status().code(),
              absl::StatusCode::kOutOfRange)
        << beyond.level << " " << beyond.index;
  }
  EXPECT_EQ(tree_->Root(301).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(tree_->Inclusion(300, 300).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(tree_->Consistency(300, 301).status().code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(tree_->Cover(300, 301).status().code(),
            absl::StatusCode::kOutOfRange);
}

// --- What is in the file
// -----------------------------------------------------------

TEST_F(LogTreeTest, AFileThatIsGoneIsMadeAnew) {
  Open();
  Append(1000);
  tree_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(path_ + suffix);
  }

  Open();

  Check(1000, Edges(1000));
}

TEST_F(LogTreeTest, AFileThatIsDamagedAnywhereIsMadeAnew) {
  Open();
  Append(65536 + 300);
  tree_.reset();
  std::ifstream file(path_, std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  ASSERT_GT(whole.size(), 100'000u);
  for (int round = 0; round < 30; ++round) {
    std::string damaged = whole;
    // The beginning holds what SQLite itself needs.
    const std::size_t at = round < 10 ? static_cast<std::size_t>(round) * 20
                                      : random_() % (whole.size() - 5000);
    for (std::size_t i = at; i < at + 5000; ++i) damaged[i] ^= 0x55;
    if (round % 3 == 2) damaged.resize(at);
    tree_.reset();
    for (const char* suffix : {"-wal", "-shm"}) {
      std::filesystem::remove(path_ + suffix);
    }
    std::ofstream(path_, std::ios::binary) << damaged;

    Open();

    ASSERT_NE(tree_, nullptr) << "damaged at " << at;
    Check(log_.Size(), Edges(log_.Size()));
  }
}

TEST_F(LogTreeTest, AFileOfAnotherVersionIsMadeAnew) {
  Open();
  Append(600);
  tree_.reset();
  RunSql(path_, "PRAGMA user_version=99");

  Open();

  Check(600, Edges(600));
}

TEST_F(LogTreeTest, HashesThatWereChangedInTheFileArePutRight) {
  Open();
  Append(1000);
  tree_.reset();
  RunSql(path_, "UPDATE tile SET nodes = zeroblob(511 * 32) WHERE key = 1");

  Open();
  Check(1000, {256, 300, 511, 512});

  // In the file too, not in memory alone.
  tree_.reset();
  Open();
  Check(1000, {256, 300, 511, 512});
}

TEST_F(LogTreeTest, TilesOfALongerLogThatIsGoneDoNoHarm) {
  Open();
  Append(1000);
  tree_.reset();
  // Another log of the same beginning, as after a restore from a backup.
  MemoryLogStore other;
  ASSERT_TRUE(other.Append(0, Decrees(0, 300)).ok());
  auto tree = LogTree::Open(path_, other, nullptr);
  ASSERT_TRUE(tree.ok()) << tree.status();
  std::vector<StoredEntry> more = Decrees(300, 1000);
  for (StoredEntry& entry : more) entry.leaf += " of another log";
  ASSERT_TRUE(other.Append(300, more).ok());

  ASSERT_TRUE((*tree)->Append(more).ok());

  auto entries = other.Read(0, 1000, 1 << 30);
  std::vector<TreeHash> leaves;
  for (const StoredEntry& entry : *entries) {
    leaves.push_back(HashLeaf(entry.leaf));
  }
  EXPECT_EQ(*(*tree)->Root(1000), NaiveRoot(leaves));
  // Read from the file: tile 1.
  EXPECT_EQ(*(*tree)->Read({0, 400}), leaves[400]);
}

// --- Against the last checkpoint
// -------------------------------------------------

class LogTreeCheckTest : public LogTreeTest {
 protected:
  absl::Status OpenFor(const LogStore& log, Position size) {
    const Checkpoint checkpoint{"hub.gaceta.example/log", size, Root(size)};
    return LogTree::Open(path_, log, &checkpoint).status();
  }
};

TEST_F(LogTreeCheckTest, TheLogMayBeLongerThanItsLastCheckpoint) {
  ASSERT_TRUE(log_.Append(0, Decrees(0, 700)).ok());

  for (const Position size : {0, 1, 255, 256, 257, 699, 700}) {
    const absl::Status status = OpenFor(log_, size);
    EXPECT_TRUE(status.ok()) << size << " " << status;
  }
}

TEST_F(LogTreeCheckTest, LostEntriesAreDataLoss) {
  ASSERT_TRUE(log_.Append(0, Decrees(0, 699)).ok());

  const absl::Status status = OpenFor(log_, 700);

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("has 699 entries"),
                    HasSubstr("checkpoint has 700"), HasSubstr("lost")));
}

TEST_F(LogTreeCheckTest, AChangedLeafIsDataLossWhereverItIs) {
  Open();
  Append(700);
  tree_.reset();
  for (const std::size_t changed : {0u, 255u, 256u, 511u, 698u, 699u}) {
    std::vector<StoredEntry> entries = Decrees(0, 700);
    entries[changed].leaf.back() ^= 1;
    MemoryLogStore log;
    ASSERT_TRUE(log.Append(0, entries).ok());

    const absl::Status status = OpenFor(log, 700);

    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << changed;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("first 700 entries"), HasSubstr("changed")));
    // What is beyond the checkpoint nobody has seen.
    EXPECT_EQ(OpenFor(log, static_cast<Position>(changed)).code(),
              absl::StatusCode::kOk);
  }
}

TEST_F(LogTreeCheckTest, AChangedPayloadIsNotTheTreesConcern) {
  std::vector<StoredEntry> entries = Decrees(0, 300);
  entries[7].payload.clear();
  ASSERT_TRUE(log_.Append(0, entries).ok());

  EXPECT_TRUE(OpenFor(log_, 300).ok());
}

// --- Memory, and a disk that is full
// ---------------------------------------------

TEST_F(LogTreeTest, WholeTilesLeaveMemory) {
  Open();
  Append(65536 + 700);

  RunSql(path_, "DELETE FROM tile");

  // Of level 0 the first tiles and of level 1 the first are whole; what is at
  // the right edge is in memory still.
  EXPECT_TRUE(IsMissing(0, 0));
  EXPECT_TRUE(IsMissing(0, 65536 + 511));
  EXPECT_TRUE(IsMissing(8, 0));
  EXPECT_FALSE(IsMissing(0, 65536 + 512));
  EXPECT_FALSE(IsMissing(8, 256));
  EXPECT_FALSE(IsMissing(16, 0));
  Open();
  Check(65536 + 700, Edges(65536 + 700));
}

TEST_F(LogTreeTest, TilesThatWereReadAreKeptTheLeastUsedGoFirst) {
  ASSERT_TRUE(log_.Append(0, Decrees(0, 1030 * 256)).ok());
  Open();
  for (std::int64_t tile = 0; tile < 1024; ++tile) {
    ASSERT_FALSE(IsMissing(0, tile * 256));
  }
  ASSERT_FALSE(IsMissing(0, 0));
  // Two more push out two that were not used since: not tile 0.
  ASSERT_FALSE(IsMissing(0, 1024 * 256));
  ASSERT_FALSE(IsMissing(0, 1025 * 256));

  RunSql(path_, "DELETE FROM tile");

  EXPECT_FALSE(IsMissing(0, 5));
  EXPECT_TRUE(IsMissing(0, 256));
  EXPECT_TRUE(IsMissing(0, 512));
  EXPECT_FALSE(IsMissing(0, 768));
}

TEST_F(LogTreeTest, TilesThatCannotBeWrittenStayInMemoryUntilTheyCan) {
  Open();
  Append(200);
  {
    const SmallFiles full(1);
    const std::vector<StoredEntry> entries = Decrees(200, 900);
    ASSERT_TRUE(log_.Append(200, entries).ok());

    EXPECT_FALSE(tree_->Append(entries).ok());

    Check(900, Edges(900));
    EXPECT_FALSE(tree_->Append(Decrees(900, 901)).ok());
    ASSERT_TRUE(log_.Append(900, Decrees(900, 901)).ok());
    Check(901, Edges(901));
  }

  Append(1);

  // They have left memory.
  RunSql(path_, "UPDATE tile SET nodes = zeroblob(511 * 32)");
  EXPECT_EQ(*tree_->Read({0, 3}), TreeHash());
  Open();
  Check(902, Edges(902));
}

// --- Threads
// -----------------------------------------------------------------------

TEST_F(LogTreeTest, ReadersProveWhileItGrows) {
  Open();
  Append(100);
  Root(3000);
  std::vector<std::thread> readers;
  for (unsigned seed = 0; seed < 3; ++seed) {
    readers.emplace_back([this, seed] {
      std::mt19937 random(seed);
      while (tree_->Size() < 3000) {
        const Position size = tree_->Size();
        const auto position =
            static_cast<Position>(random() % static_cast<std::uint64_t>(size));
        auto root = tree_->Root(size);
        auto inclusion = tree_->Inclusion(position, size);
        ASSERT_TRUE(root.ok() && inclusion.ok()) << inclusion.status();
        ASSERT_TRUE(VerifyInclusion(leaves_[static_cast<std::size_t>(position)],
                                    position, size, *inclusion, *root)
                        .ok());
      }
    });
  }
  while (log_.Size() < 3000) Append(29);
  for (std::thread& reader : readers) reader.join();

  Check(log_.Size(), Edges(log_.Size()));
}

}  // namespace
}  // namespace gaceta
