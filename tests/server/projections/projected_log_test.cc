#include "server/projections/projected_log.h"

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/server/log/file_faults.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/statements.h"
#include "tests/support/temp_folder.h"

namespace gaceta {
namespace {

using testing::GoodUpdate;
using ::testing::HasSubstr;
using testing::SharedLogSigner;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;

const TestFederation& Members() {
  static const auto* federation = new TestFederation();
  return *federation;
}

class ProjectedLogTest : public ::testing::Test {
 protected:
  ProjectedLogTest() {
    EXPECT_TRUE(ProjectedLog::Create(folder_.path()).ok());
    Open();
  }

  absl::Status TryOpen() {
    log_.reset();
    auto log = ProjectedLog::Open(folder_.path(), Members().Empty());
    if (!log.ok()) return log.status();
    log_ = *std::move(log);
    return absl::OkStatus();
  }
  void Open() {
    const absl::Status status = TryOpen();
    ASSERT_TRUE(status.ok()) << status;
  }

  // Appends without showing it.
  void Append(int count) {
    std::vector<StoredEntry> entries;
    for (int i = 0; i < count; ++i) {
      entries.push_back(
          StoredEntryOf(honduras_.Next(GoodUpdate("HN", ++number_))));
    }
    const absl::Status status = log_->Append(log_->store().Size(), entries);
    ASSERT_TRUE(status.ok()) << status;
  }
  void AppendErasure(Position position) {
    v1::RegistryChange change;
    v1::Erasure* erasure = change.add_items()->mutable_erasure();
    erasure->set_position(position);
    erasure->set_ground("a court's order");
    AppendChange(change);
  }
  void AppendChange(const v1::RegistryChange& change) {
    const StoredEntry entry =
        StoredEntryOf(secretariat_.Next(testing::RegistryParts(change)));
    const absl::Status status = log_->Append(log_->store().Size(), {entry});
    ASSERT_TRUE(status.ok()) << status;
  }
  v1::Entry::Omission OmissionAt(Position position) const {
    return log_->store().Read(position, 1, 1)->front().omission;
  }
  std::pair<Checkpoint, std::string> CheckpointAt(Position size) {
    Checkpoint checkpoint{std::string(testing::kLogOrigin), size,
                          *log_->tree().Root(size)};
    std::string note = *SignCheckpoint(checkpoint, SharedLogSigner());
    return {std::move(checkpoint), std::move(note)};
  }
  void Publish(Position size) {
    auto [checkpoint, note] = CheckpointAt(size);
    const absl::Status status = log_->Publish(checkpoint, note);
    ASSERT_TRUE(status.ok()) << status;
  }

  std::string File(const std::string& name) const {
    return folder_.path() + "/" + name;
  }
  void RemoveFile(const std::string& name) {
    for (const char* suffix : {"", "-wal", "-shm"}) {
      std::filesystem::remove(File(name) + suffix);
    }
  }

  const testing::TempFolder folder_;
  TestPublisher honduras_ = Members().PublisherOf("HN");
  TestPublisher secretariat_ = Members().PublisherOf("OAS");
  int number_ = 0;
  std::unique_ptr<ProjectedLog> log_;
};

TEST_F(ProjectedLogTest, ReadersSeeWhatAPublishedCheckpointHas) {
  EXPECT_EQ(log_->head(), nullptr);
  Append(5);
  EXPECT_EQ(log_->Size(), 0);
  EXPECT_EQ(log_->head(), nullptr);
  EXPECT_TRUE(log_->cache().Read(0, 10)->empty());

  Publish(3);

  EXPECT_EQ(log_->Size(), 3);
  EXPECT_EQ(log_->head()->checkpoint.size, 3);
  EXPECT_EQ(log_->cache().Read(0, 10)->size(), 3u);

  Append(1);
  Publish(6);
  EXPECT_EQ(log_->cache().Read(0, 10)->size(), 6u);
}

TEST_F(ProjectedLogTest, ShowsTheSameAfterItIsOpenedAgain) {
  Append(5);
  Publish(3);
  const std::string note = log_->head()->note;

  Open();

  EXPECT_EQ(log_->Size(), 3);
  EXPECT_EQ(log_->head()->note, note);
  EXPECT_EQ(log_->store().Size(), 5);
  EXPECT_EQ(log_->tree().Size(), 5);
  EXPECT_EQ(log_->cache().Read(0, 10)->size(), 3u);
  Publish(5);
  EXPECT_EQ(log_->cache().Read(0, 10)->size(), 5u);
}

TEST_F(ProjectedLogTest, ACheckpointThatIsNotDurableIsNotShown) {
  Append(5);
  Publish(3);
  auto [checkpoint, note] = CheckpointAt(5);
  {
    const SmallFiles full(1);

    EXPECT_FALSE(log_->Publish(checkpoint, note).ok());
    EXPECT_FALSE(log_->PublishCosigned(checkpoint, note).ok());
  }

  EXPECT_EQ(log_->Size(), 3);
  EXPECT_EQ(log_->head()->checkpoint.size, 3);
  EXPECT_EQ(log_->head()->cosigned_number, 0);
  EXPECT_TRUE(log_->Publish(checkpoint, note).ok());
  EXPECT_EQ(log_->Size(), 5);
}

TEST_F(ProjectedLogTest, TheCosignedCheckpointIsKeptBesideTheNewest) {
  Append(5);
  Publish(5);
  auto [checkpoint, note] = CheckpointAt(4);

  ASSERT_TRUE(log_->PublishCosigned(checkpoint, note).ok());

  EXPECT_EQ(log_->head()->checkpoint.size, 5);
  EXPECT_EQ(log_->head()->cosigned_size, 4);
  EXPECT_EQ(log_->head()->cosigned_note, note);
  const std::int64_t number = log_->head()->cosigned_number;
  // Cosigned again: news, though it has not grown.
  ASSERT_TRUE(log_->PublishCosigned(checkpoint, note + "more").ok());
  EXPECT_GT(log_->head()->cosigned_number, number);
  ASSERT_TRUE(log_->PublishCosigned(checkpoint, note).ok());

  Open();
  EXPECT_EQ(log_->head()->checkpoint.size, 5);
  EXPECT_EQ(log_->head()->cosigned_note, note);
  EXPECT_GT(log_->head()->cosigned_number, 0);
}

TEST_F(ProjectedLogTest, WhatIsDerivedIsMadeAnewIfItIsGone) {
  Append(700);
  Publish(700);
  const TreeHash root = log_->head()->checkpoint.root;
  log_.reset();
  RemoveFile("tree.db");
  RemoveFile("index.db");

  Open();

  EXPECT_EQ(*log_->tree().Root(700), root);
  EXPECT_EQ(log_->index().Head("HN")->sequence, 700u);
}

TEST_F(ProjectedLogTest, WhatTheRegistryErasesIsGoneOnceItIsPublished) {
  AppendChange(Members().FirstChange());
  Append(3);
  Publish(4);
  AppendErasure(2);

  // Who misses it now could not be shown why.
  EXPECT_EQ(OmissionAt(2), v1::Entry::OMISSION_UNSPECIFIED);
  Publish(5);

  EXPECT_EQ(OmissionAt(2), v1::Entry::OMISSION_ERASED);
  EXPECT_EQ((*log_->cache().Read(2, 1))[0]->stored_omission(),
            v1::Entry::OMISSION_ERASED);
  EXPECT_EQ(OmissionAt(1), v1::Entry::OMISSION_UNSPECIFIED);
  EXPECT_EQ(*log_->tree().Root(5), CheckpointAt(5).first.root);
}

// Erases, and then fails to clean up.
class UntidyStore : public MemoryLogStore {
 public:
  absl::Status Erase(absl::Span<const Position> positions) override {
    ++erasures;
    if (absl::Status s = MemoryLogStore::Erase(positions); !s.ok()) return s;
    return erasures == 1 ? absl::UnavailableError("busy") : absl::OkStatus();
  }

  int erasures = 0;
};

TEST_F(ProjectedLogTest, AnErasureThatFailedHalfwayIsShownAndTriedAgain) {
  auto untidy = std::make_unique<UntidyStore>();
  const UntidyStore* store = untidy.get();
  log_ = *ProjectedLog::OpenInMemory(std::move(untidy), Members().Empty());
  AppendChange(Members().FirstChange());
  Append(3);
  AppendErasure(2);

  Publish(5);

  EXPECT_EQ((*log_->cache().Read(2, 1))[0]->stored_omission(),
            v1::Entry::OMISSION_ERASED);
  EXPECT_EQ(store->erasures, 1);
  Append(1);
  Publish(6);
  EXPECT_EQ(store->erasures, 2);
  Append(1);
  Publish(7);
  EXPECT_EQ(store->erasures, 2);
}

TEST_F(ProjectedLogTest, TheRegistrysOwnStatementsStay) {
  AppendChange(Members().FirstChange());
  AppendErasure(0);
  Publish(2);

  EXPECT_EQ(OmissionAt(0), v1::Entry::OMISSION_UNSPECIFIED);
  Open();
  EXPECT_TRUE(log_->registry().Snapshot()->FindMember("HN") != nullptr);
}

TEST_F(ProjectedLogTest, AnErasureThatWasCutOffIsCarriedOutAtTheNextStart) {
  AppendChange(Members().FirstChange());
  Append(3);
  AppendErasure(2);
  const auto [checkpoint, note] = CheckpointAt(5);
  // As if it had ended after the checkpoint, before the erasure.
  ASSERT_TRUE(log_->checkpoints().Put(CheckpointKind::kPublished, note).ok());
  ASSERT_EQ(OmissionAt(2), v1::Entry::OMISSION_UNSPECIFIED);

  Open();

  EXPECT_EQ(OmissionAt(2), v1::Entry::OMISSION_ERASED);
}

TEST_F(ProjectedLogTest, WhoFollowsTheRegistryIsToldOfEachChange) {
  std::vector<Position> told;
  log_->SetRegistryListener([&told](const Federation& registry) {
    told.push_back(registry.next_position());
  });

  AppendChange(Members().FirstChange());
  Publish(1);
  Append(1);
  Publish(2);
  AppendErasure(1);
  Publish(3);

  EXPECT_THAT(told, ::testing::ElementsAre(0, 1, 3));
}

TEST_F(ProjectedLogTest, AnotherLogThanItsLastCheckpointIsDataLoss) {
  Append(5);
  Publish(5);
  log_.reset();
  // The same number of entries, none of them damaged, one of them another.
  RemoveFile("log.db");
  const auto checkpoints = File("checkpoints.db");
  std::filesystem::rename(checkpoints, checkpoints + ".kept");
  honduras_ = Members().PublisherOf("HN");
  ASSERT_TRUE(ProjectedLog::Create(folder_.path()).ok());
  Open();
  Append(5);
  log_.reset();
  RemoveFile("checkpoints.db");
  std::filesystem::rename(checkpoints + ".kept", checkpoints);

  const absl::Status changed = TryOpen();

  EXPECT_EQ(changed.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(changed.message()), HasSubstr("changed"));

  RemoveFile("log.db");
  const absl::Status lost = TryOpen();

  EXPECT_EQ(lost.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(lost.message()), HasSubstr("log.db is missing"));
  EXPECT_FALSE(std::filesystem::exists(File("log.db")));
}

// --- How long the log was when it was shown last

TEST_F(ProjectedLogTest, NothingIsMadeWhereThereIsNoLog) {
  const testing::TempFolder empty;

  const absl::Status status =
      ProjectedLog::Open(empty.path(), Members().Empty()).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_TRUE(std::filesystem::is_empty(empty.path()));
}

TEST_F(ProjectedLogTest, WritesDownHowMuchWasShown) {
  EXPECT_EQ(folder_.Read("log.size"), "0\n");
  Append(5);
  Publish(3);
  log_.reset();

  EXPECT_EQ(folder_.Read("log.size"), "3\n");
  Open();
  EXPECT_EQ(log_->Size(), 3);
  EXPECT_EQ(log_->store().Size(), 5);
}

TEST_F(ProjectedLogTest, ALogShorterThanWhatWasShownIsDataLoss) {
  Append(5);
  Publish(5);
  log_.reset();
  RunSql(File("log.db"), "DELETE FROM entry WHERE position >= 3");

  // Also if its last checkpoint is as old.
  for (const bool has_checkpoint : {true, false}) {
    if (!has_checkpoint)
      RunSql(File("checkpoints.db"), "DELETE FROM checkpoint");
    const absl::Status inspected = ProjectedLog::Inspect(folder_.path());
    const absl::Status opened = TryOpen();

    for (const absl::Status& status : {inspected, opened}) {
      EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
      EXPECT_THAT(std::string(status.message()),
                  ::testing::ContainsRegex("has 3 entries, but .* 5"));
    }
  }
}

TEST_F(ProjectedLogTest, ACheckpointOlderThanWhatWasShownIsDataLoss) {
  Append(5);
  Publish(3);
  const std::string old = File("old");
  log_.reset();
  std::filesystem::copy(File("checkpoints.db"), old);
  Open();
  Publish(5);
  log_.reset();
  std::filesystem::rename(old, File("checkpoints.db"));

  const absl::Status status = TryOpen();

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("the last checkpoint has 3 entries, but log.size says "
                        "that 5 were shown"));
}

TEST_F(ProjectedLogTest, ACopyOfItsDatabasesWithoutTheirWalsIsDataLoss) {
  Append(5);
  Publish(5);
  const testing::TempFolder copy;
  for (const char* name : {"log.db", "checkpoints.db"}) {
    std::filesystem::copy(File(name), copy.Path(name));
  }

  const absl::Status status =
      ProjectedLog::Open(copy.path(), Members().Empty()).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("log.size is missing"));
}

TEST_F(ProjectedLogTest, ALogOfAVersionWithoutASizeFileIsOpenedAndGetsOne) {
  Append(5);
  Publish(5);
  log_.reset();
  std::filesystem::remove(File("log.size"));
  RunSql(File("log.db"), "PRAGMA application_id = 0");

  Open();

  EXPECT_EQ(log_->Size(), 5);
  EXPECT_EQ(folder_.Read("log.size"), "5\n");
  // From now on its absence is noticed.
  log_.reset();
  std::filesystem::remove(File("log.size"));
  EXPECT_EQ(TryOpen().code(), absl::StatusCode::kDataLoss);
}

TEST_F(ProjectedLogTest, ADamagedSizeFileIsDataLoss) {
  log_.reset();
  for (const char* text : {"", "5", "five\n", "-1\n", "5\n6\n"}) {
    folder_.Write("log.size", text);

    const absl::Status status = TryOpen();

    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("log.size"));
  }
}

TEST_F(ProjectedLogTest, WhoeverEndsBetweenEntryAndCheckpointGoesOn) {
  Append(2);

  Open();

  EXPECT_EQ(log_->Size(), 0);
  EXPECT_EQ(log_->store().Size(), 2);
}

}  // namespace
}  // namespace gaceta
