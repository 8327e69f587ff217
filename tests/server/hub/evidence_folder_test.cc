#include "gaceta/evidence_folder.h"

#include <sys/stat.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tests/server/hub/evidence_files.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using testing::EvidenceIn;

v1::Leaf Leaf(const std::string& header) {
  v1::Leaf leaf;
  leaf.set_header(header);
  leaf.set_signature("signature of " + header);
  leaf.set_key_id(std::string(32, 'k'));
  return leaf;
}

class EvidenceFolderTest : public ::testing::Test {
 protected:
  std::unique_ptr<EvidenceFolder> Open(const std::string& path) {
    auto folder = EvidenceFolder::Open(path);
    EXPECT_TRUE(folder.ok()) << folder.status();
    return *std::move(folder);
  }

  const testing::TempFolder temp_;
  const std::string path_ = temp_.path() + "/evidence";
};

TEST_F(EvidenceFolderTest, KeepsBothStatements) {
  auto folder = Open(path_);

  auto kept = folder->KeepConflict("SEQUENCE_TAKEN", Leaf("a"), Leaf("b"));

  ASSERT_TRUE(kept.ok()) << kept.status();
  const auto evidence = EvidenceIn(path_);
  ASSERT_EQ(evidence.size(), 1U);
  EXPECT_EQ(evidence[0].reason(), "SEQUENCE_TAKEN");
  EXPECT_EQ(evidence[0].leaves(0).SerializeAsString(),
            Leaf("a").SerializeAsString());
  EXPECT_EQ(evidence[0].leaves(1).SerializeAsString(),
            Leaf("b").SerializeAsString());
  struct stat info;
  ASSERT_EQ(stat(kept->c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST_F(EvidenceFolderTest, KeepsThePieceOnceHoweverOftenItComes) {
  auto folder = Open(path_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&folder] {
      for (int j = 0; j < 20; ++j) {
        const auto kept = folder->KeepConflict("SEQUENCE_TAKEN", Leaf("a"),
                                               Leaf(std::to_string(j)));
        EXPECT_TRUE(kept.ok()) << kept.status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(EvidenceIn(path_).size(), 20U);
}

TEST_F(EvidenceFolderTest, AFolderThatCannotBeMadeIsUnavailable) {
  EXPECT_EQ(EvidenceFolder::Open("/proc/evidence").status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(EvidenceFolderTest, WhatCannotBeWrittenIsUnavailable) {
  auto folder = Open(path_);
  std::filesystem::remove_all(path_);

  EXPECT_EQ(folder->KeepConflict("SEQUENCE_TAKEN", Leaf("a"), Leaf("b"))
                .status()
                .code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace gaceta
