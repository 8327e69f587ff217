#include "server/log/checkpoint_store.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/server/log/file_faults.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/temp_folder.h"

namespace gaceta {
namespace {

constexpr CheckpointKind kKinds[] = {CheckpointKind::kPublished,
                                     CheckpointKind::kCosigned,
                                     CheckpointKind::kWitnessed};

// Bytes like those of a note, and some that are not.
std::string Note(int number) {
  return absl::StrCat("hub.gaceta.example/log\n", number, "\n\n— hub ",
                      std::string(1, '\0'), "\xff\n");
}

class CheckpointStoreTest : public ::testing::Test {
 protected:
  CheckpointStoreTest() { Open(); }

  void Open() {
    store_.reset();
    auto store = CheckpointStore::Open(path_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  void ExpectNote(CheckpointKind kind,
                  const std::optional<std::string>& expected) {
    auto note = store_->Get(kind);
    ASSERT_TRUE(note.ok()) << note.status();
    EXPECT_EQ(*note, expected);
  }

  const testing::TempFolder folder_;
  const std::string path_ = folder_.path() + "/checkpoints.db";
  std::unique_ptr<CheckpointStore> store_;
};

TEST_F(CheckpointStoreTest, HasNothingAtFirst) {
  for (const CheckpointKind kind : kKinds) ExpectNote(kind, std::nullopt);
}

TEST_F(CheckpointStoreTest, KeepsTheLastOfEachKind) {
  int number = 0;
  for (int round = 0; round < 2; ++round) {
    for (const CheckpointKind kind : kKinds) {
      ASSERT_TRUE(store_->Put(kind, Note(++number)).ok());
    }
  }

  ExpectNote(CheckpointKind::kPublished, Note(4));
  ExpectNote(CheckpointKind::kCosigned, Note(5));
  ExpectNote(CheckpointKind::kWitnessed, Note(6));
}

TEST_F(CheckpointStoreTest, WhatWasPutIsThereAfterItIsOpenedAgain) {
  ASSERT_TRUE(store_->Put(CheckpointKind::kPublished, Note(1)).ok());
  ASSERT_TRUE(store_->Put(CheckpointKind::kWitnessed, Note(2)).ok());

  Open();

  ExpectNote(CheckpointKind::kPublished, Note(1));
  ExpectNote(CheckpointKind::kCosigned, std::nullopt);
  ExpectNote(CheckpointKind::kWitnessed, Note(2));
}

TEST_F(CheckpointStoreTest, AWriteThatFailsLeavesTheOneBefore) {
  ASSERT_TRUE(store_->Put(CheckpointKind::kPublished, Note(1)).ok());
  {
    const SmallFiles full(1);
    EXPECT_FALSE(store_->Put(CheckpointKind::kPublished, Note(2)).ok());
    ExpectNote(CheckpointKind::kPublished, Note(1));
  }

  Open();
  ExpectNote(CheckpointKind::kPublished, Note(1));
  ASSERT_TRUE(store_->Put(CheckpointKind::kPublished, Note(3)).ok());
  ExpectNote(CheckpointKind::kPublished, Note(3));
}

// Whoever made it anew would take back what was signed.
TEST_F(CheckpointStoreTest, AFileThatIsNoDatabaseIsDataLossAndKept) {
  store_.reset();
  std::filesystem::remove(path_ + "-wal");
  {
    std::ofstream file(path_);
    for (int i = 0; i < 1000; ++i) file << "no database ";
  }
  const auto size = std::filesystem::file_size(path_);

  EXPECT_EQ(CheckpointStore::Open(path_).status().code(),
            absl::StatusCode::kDataLoss);
  EXPECT_EQ(std::filesystem::file_size(path_), size);
}

TEST_F(CheckpointStoreTest, AFileOfAnotherVersionIsRefusedAndKept) {
  ASSERT_TRUE(store_->Put(CheckpointKind::kPublished, Note(1)).ok());
  store_.reset();
  RunSql(path_, "PRAGMA user_version=99");

  EXPECT_EQ(CheckpointStore::Open(path_).status().code(),
            absl::StatusCode::kFailedPrecondition);

  RunSql(path_, "PRAGMA user_version=1");
  Open();
  ExpectNote(CheckpointKind::kPublished, Note(1));
}

TEST_F(CheckpointStoreTest, AFileInMemoryKeepsThemAsLong) {
  auto store = CheckpointStore::Open(":memory:");
  ASSERT_TRUE(store.ok()) << store.status();

  ASSERT_TRUE((*store)->Put(CheckpointKind::kCosigned, Note(1)).ok());

  EXPECT_EQ(**(*store)->Get(CheckpointKind::kCosigned), Note(1));
}

TEST_F(CheckpointStoreTest, ManyThreadsMayUseIt) {
  std::vector<std::thread> threads;
  for (const CheckpointKind kind : kKinds) {
    threads.emplace_back([this, kind] {
      for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(store_->Put(kind, Note(i)).ok());
        ExpectNote(kind, Note(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace gaceta
