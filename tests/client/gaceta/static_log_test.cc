#include "gaceta/static_log.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "verify/digest.h"
#include "verify/tile.h"

namespace gaceta::client {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class StaticLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "/static_log_test-" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    Reopen();
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // What a killed program leaves to the next.
  void Reopen() {
    log_.reset();
    auto log = StaticLog::Open(folder_);
    ASSERT_TRUE(log.ok()) << log.status();
    log_ = *std::move(log);
  }
  static std::string Leaf(std::int64_t position) {
    return absl::StrCat("leaf ", position, std::string(position % 7, '.'));
  }
  void AppendUpTo(std::int64_t size) {
    while (log_->size() < size) {
      ASSERT_TRUE(log_->Append(Leaf(log_->size())).ok());
    }
  }
  // The tree, made without tiles.
  static Checkpoint CheckpointAt(std::int64_t size) {
    Frontier tree;
    for (std::int64_t i = 0; i < size; ++i) tree.Append(HashLeaf(Leaf(i)));
    return {"log.example/log", size, tree.Root()};
  }
  // A note of that checkpoint; `signers` are made up.
  static std::string NoteAt(std::int64_t size, int signers = 1) {
    Note note{FormatCheckpoint(CheckpointAt(size)), {}};
    for (int i = 0; i < signers; ++i) {
      note.signatures.push_back({absl::StrCat("key-", i), 1, "signature"});
    }
    return FormatNote(note);
  }
  void Publish(std::int64_t size, int signers = 1) {
    AppendUpTo(size);
    const absl::Status status =
        log_->Publish(CheckpointAt(size), NoteAt(size, signers));
    ASSERT_TRUE(status.ok()) << status;
  }
  std::string File(const std::string& name) const {
    return absl::StrCat(folder_, "/", name);
  }

  // Reads the files as a stranger does.
  void CheckFolder() const {
    auto checkpoint = CheckpointOf(Slurp(File("checkpoint")));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    std::vector<TreeHash> level;
    for (const Tile& tile : TilesBetween(0, checkpoint->size)) {
      if (tile.level != Tile::kEntries) continue;
      auto leaves = ParseEntryBundle(Slurp(File(TilePath(tile))));
      ASSERT_TRUE(leaves.ok()) << TilePath(tile) << ": " << leaves.status();
      ASSERT_EQ(leaves->size(), tile.width) << TilePath(tile);
      for (const std::string& leaf : *leaves) {
        ASSERT_EQ(leaf, Leaf(static_cast<std::int64_t>(level.size())));
        level.push_back(HashLeaf(leaf));
      }
    }
    EXPECT_EQ(RootOf(level), checkpoint->root);
    CheckHashes(std::move(level), checkpoint->size);
  }

  void CheckHashes(std::vector<TreeHash> nodes, std::int64_t size) const {
    for (int level = 0; !nodes.empty(); ++level) {
      std::string bytes;
      for (const Tile& tile : TilesBetween(0, size)) {
        if (tile.level == level) bytes += Slurp(File(TilePath(tile)));
      }
      ASSERT_EQ(bytes, JoinHashes(nodes)) << "level " << level;
      std::vector<TreeHash> above;
      for (std::size_t i = 0; i + kTileWidth <= nodes.size(); i += kTileWidth) {
        above.push_back(
            RootOf({nodes.begin() + i, nodes.begin() + i + kTileWidth}));
      }
      nodes = std::move(above);
    }
  }
  static TreeHash RootOf(const std::vector<TreeHash>& nodes) {
    Frontier tree;
    for (const TreeHash& node : nodes) tree.Append(node);
    return tree.Root();
  }

  std::string folder_;
  std::unique_ptr<StaticLog> log_;
};

TEST_F(StaticLogTest, NewFolderIsTheEmptyLog) {
  EXPECT_EQ(log_->size(), 0);
  EXPECT_EQ(log_->published_size(), 0);
  EXPECT_EQ(log_->note(), "");
}

TEST_F(StaticLogTest, EverySizeIsServedWhole) {
  for (const std::int64_t size : {1, 2, 255, 256, 257, 511, 512, 700}) {
    Publish(size);
    CheckFolder();
  }
}

TEST_F(StaticLogTest, GoesOnAfterReopeningAtEverySize) {
  for (const std::int64_t size : {1, 3, 255, 256, 300, 512, 513, 800}) {
    Publish(size);
    Reopen();
    EXPECT_EQ(log_->size(), size);
    EXPECT_EQ(log_->note(), NoteAt(size));
    CheckFolder();
  }
}

TEST_F(StaticLogTest, ThreeLevelsAreServedAndReadAgain) {
  Publish(65'000);
  AppendUpTo(66'100);
  Reopen();
  EXPECT_EQ(log_->size(), 66'048);

  Publish(66'100);
  Reopen();
  Publish(66'400);

  CheckFolder();
}

TEST_F(StaticLogTest, WhatWasNotPublishedLeavesWholeTilesAndTheOldCheckpoint) {
  Publish(100);
  AppendUpTo(1000);
  EXPECT_EQ(log_->durable_size(), 768);

  Reopen();

  EXPECT_EQ(log_->published_size(), 100);
  EXPECT_EQ(log_->size(), 768);
  CheckFolder();
  Publish(1000);
  CheckFolder();
}

TEST_F(StaticLogTest, CheckpointOfAnotherHistoryIsRefused) {
  Publish(100);
  AppendUpTo(101);
  Checkpoint other = CheckpointAt(101);
  other.root[0] = static_cast<char>(other.root[0] ^ 1);

  const absl::Status status = log_->Publish(other, NoteAt(101));

  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(Reason(status), "LOG_FORKED");
  EXPECT_EQ(Slurp(File("checkpoint")), NoteAt(100));
}

TEST_F(StaticLogTest, MoreCosignaturesReplaceTheNote) {
  Publish(5);
  Publish(5, 3);

  EXPECT_EQ(Slurp(File("checkpoint")), NoteAt(5, 3));
}

TEST_F(StaticLogTest, TilesOfOldCheckpointsGo) {
  for (std::int64_t size = 1; size <= 600; size += 7) Publish(size);

  std::set<std::string> partial;
  for (const auto& file :
       std::filesystem::recursive_directory_iterator(File("tile"))) {
    const std::string path = file.path().native();
    if (file.is_regular_file() && path.find(".p/") != std::string::npos) {
      partial.insert(path.substr(File("tile/").size()));
    }
  }
  // Of the last checkpoint and the one before.
  EXPECT_EQ(partial,
            (std::set<std::string>{"0/002.p/84", "0/002.p/77", "1/000.p/2",
                                   "entries/002.p/84", "entries/002.p/77"}));
  CheckFolder();
}

TEST_F(StaticLogTest, AlteredFileIsDataLoss) {
  for (const std::string name : {"tile/0/000", "tile/0/001.p/44",
                                 "tile/entries/001.p/44", "checkpoint"}) {
    std::filesystem::remove_all(folder_);
    Reopen();
    Publish(300);
    log_.reset();
    std::string bytes = Slurp(File(name));
    bytes[30] = static_cast<char>(bytes[30] ^ 1);
    std::ofstream(File(name), std::ios::binary) << bytes;

    const absl::Status status = StaticLog::Open(folder_).status();

    EXPECT_TRUE(absl::IsDataLoss(status)) << name << ": " << status;
    std::filesystem::remove(File(name));
    if (name == "checkpoint") break;
    EXPECT_TRUE(absl::IsDataLoss(StaticLog::Open(folder_).status())) << name;
  }
  Reopen();
}

TEST_F(StaticLogTest, OneProgramWritesIt) {
  EXPECT_TRUE(absl::IsUnavailable(StaticLog::Open(folder_).status()));
}

TEST_F(StaticLogTest, BlobIsNamedByWhatItHolds) {
  ASSERT_TRUE(log_->PutBlobs({"payload", "other", "payload"}).ok());
  ASSERT_TRUE(log_->PutBlobs({"payload"}).ok());

  EXPECT_EQ(Slurp(File("blob/sha256/" + ToHex(Sha256("other")))), "other");
  EXPECT_EQ(Slurp(File("blob/sha256/" + ToHex(Sha256("payload")))), "payload");
}

}  // namespace
}  // namespace gaceta::client
