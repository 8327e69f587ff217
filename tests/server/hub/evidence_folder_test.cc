#include "gaceta/evidence_folder.h"

#include <sys/stat.h>

#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "errors/errors.h"
#include "gtest/gtest.h"
#include "pki/note_key.h"
#include "tests/server/hub/evidence_files.h"
#include "tests/support/test_hub.h"
#include "verify/checkpoint.h"

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

  static unsigned ModeOf(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
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
}

TEST_F(EvidenceFolderTest, IsForItsOwnerAloneWhateverTheUmask) {
  const mode_t before = umask(0);

  auto kept = Open(path_)->KeepConflict("SEQUENCE_TAKEN", Leaf("a"), Leaf("b"));
  ASSERT_TRUE(kept.ok()) << kept.status();
  auto dismissed = DismissEvidence(*kept);
  ASSERT_TRUE(dismissed.ok()) << dismissed.status();

  umask(before);
  EXPECT_EQ(ModeOf(path_), 0700U);
  EXPECT_EQ(ModeOf(path_ + "/dismissed"), 0700U);
  EXPECT_EQ(ModeOf(*dismissed), 0600U);
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

TEST_F(EvidenceFolderTest,
       WhatTimeAloneShowsEndsNoTrustAndIsKeptOnceAsItLasts) {
  auto folder = Open(path_);
  v1::Evidence stale;
  stale.set_reason(std::string(kLogStale));
  stale.add_checkpoints("cosigned last");
  stale.add_checkpoints("newest");
  ASSERT_TRUE(folder->Keep(stale).ok());
  stale.set_checkpoints(1, "newer");
  ASSERT_TRUE(folder->Keep(stale).ok());
  v1::Evidence missing;
  missing.set_reason(std::string(kQuorumMissing));
  missing.add_checkpoints("newest");
  ASSERT_TRUE(folder->Keep(missing).ok());
  missing.set_checkpoints(0, "newer");
  ASSERT_TRUE(folder->Keep(missing).ok());

  EXPECT_EQ(folder->List()->size(), 2U);
  EXPECT_TRUE(folder->CheckTrusted().ok());
  for (const v1::Evidence& kept : EvidenceIn(path_)) {
    EXPECT_GT(kept.observed_time().seconds(), 0);
  }

  // Another that nobody can explain away does, until it is dismissed.
  auto conflict = folder->KeepConflict("SEQUENCE_TAKEN", Leaf("a"), Leaf("b"));
  EXPECT_EQ(Reason(folder->CheckTrusted()), "LOG_DISTRUSTED");
  ASSERT_TRUE(DismissEvidence(*conflict).ok());
  EXPECT_TRUE(folder->CheckTrusted().ok());
}

TEST_F(EvidenceFolderTest, AlarmsAreClosedByAQuorumThatHasVouchedForAsMuch) {
  auto folder = Open(path_);
  const auto log = pki::MakeNoteKey(temp_.Path("log.key"), "hub.example/log",
                                    NoteKeyType::kEd25519);
  ASSERT_TRUE(log.ok()) << log.status();
  for (const std::int64_t size : {5, 8}) {
    v1::Evidence alarm;
    alarm.set_reason(std::string(size == 5 ? kLogStale : kQuorumMissing));
    alarm.add_checkpoints(
        *SignCheckpoint({"hub.example/log", size, EmptyRoot()}, *log));
    ASSERT_TRUE(folder->Keep(alarm).ok());
  }
  auto conflict = folder->KeepConflict("SEQUENCE_TAKEN", Leaf("a"), Leaf("b"));
  ASSERT_TRUE(conflict.ok()) << conflict.status();

  EXPECT_EQ(*folder->CloseAlarms(4), 2);
  EXPECT_EQ(folder->List()->size(), 3U);
  EXPECT_EQ(*folder->CloseAlarms(7), 1);
  EXPECT_EQ(*folder->CloseAlarms(8), 0);

  // What signatures contradict, only a person closes.
  EXPECT_EQ(*folder->List(), std::vector<std::string>{*conflict});
  EXPECT_EQ(EvidenceIn(path_ + "/closed").size(), 2U);
}

TEST_F(EvidenceFolderTest, ADamagedFileEndsTrust) {
  auto folder = Open(path_);
  std::ofstream(path_ + "/log-forked-1.json") << "{";

  EXPECT_EQ(Reason(folder->CheckTrusted()), "LOG_DISTRUSTED");
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
