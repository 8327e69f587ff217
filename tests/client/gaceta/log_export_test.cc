#include "gaceta/log_export.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/fake_relay.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"
#include "verify/tile.h"

namespace gaceta::client {
namespace {

std::string Slurp(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class LogExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto relay = FakeRelay::Start({"GT", "HN", "MX"});
    ASSERT_TRUE(relay.ok()) << relay.status();
    relay_ = *std::move(relay);
    folder_ = ::testing::TempDir() + "/log_export_test-" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  LogExportOptions Options() const {
    LogExportOptions options;
    options.source = relay_->source();
    options.folder = folder_;
    options.heartbeat = absl::Milliseconds(50);
    options.backoff = {absl::Milliseconds(1), absl::Milliseconds(2), 2};
    return options;
  }
  absl::StatusOr<ExportReport> Export(LogExportOptions options) {
    auto log_export = LogExport::Create(std::move(options));
    if (!log_export.ok()) return log_export.status();
    return (*log_export)->Run();
  }
  absl::StatusOr<ExportReport> Export() { return Export(Options()); }

  bool HasBlob(const v1::Entry& entry) const {
    const std::string path =
        absl::StrCat(folder_, "/blob/sha256/", ToHex(Sha256(entry.payload())));
    return Slurp(path) == entry.payload();
  }
  // Every leaf of the relay, and nothing else, under the checkpoint.
  void CheckFolder() const {
    auto checkpoint = CheckpointOf(Slurp(folder_ + "/checkpoint"));
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    ASSERT_EQ(checkpoint->size, relay_->size());
    std::vector<std::string> leaves;
    for (const Tile& tile : TilesBetween(0, checkpoint->size)) {
      if (tile.level != Tile::kEntries) continue;
      auto bundle = ParseEntryBundle(Slurp(folder_ + "/" + TilePath(tile)));
      ASSERT_TRUE(bundle.ok()) << bundle.status();
      leaves.insert(leaves.end(), bundle->begin(), bundle->end());
    }
    const auto entries = relay_->entries();
    ASSERT_EQ(leaves.size(), entries.size());
    for (std::size_t i = 0; i < leaves.size(); ++i) {
      EXPECT_EQ(leaves[i], entries[i].leaf());
    }
  }

  std::string folder_;
  std::unique_ptr<FakeRelay> relay_;
};

TEST_F(LogExportTest, WholeLogIsThereWithItsPublicPayloads) {
  relay_->PublishMany(300);

  auto report = Export();

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->size, 301);
  EXPECT_EQ(report->added, 301);
  CheckFolder();
  for (const v1::Entry& entry : relay_->entries()) {
    EXPECT_TRUE(HasBlob(entry)) << entry.position();
  }
}

TEST_F(LogExportTest, PayloadsOfFewAreLeftOut) {
  v1::Audience members;
  members.set_scope(v1::Audience::SCOPE_MEMBERS);
  v1::Entry restricted =
      relay_->federation().Publish("HN", FakeUpdate("HN", 1), members);
  relay_->Append(restricted);
  relay_->Publish("HN", FakeUpdate("HN", 2));

  ASSERT_TRUE(Export().ok());

  CheckFolder();
  EXPECT_FALSE(HasBlob(relay_->entries()[1]));
  EXPECT_TRUE(HasBlob(relay_->entries()[2]));
}

TEST_F(LogExportTest, EachRunAddsWhatIsNew) {
  for (const int count : {10, 400, 1}) {
    relay_->PublishMany(count);
    auto report = Export();
    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_EQ(report->size, relay_->size());
    CheckFolder();
  }
  // A run reads what is new alone.
  EXPECT_EQ(relay_->opens().back().start_position(), 411);
}

TEST_F(LogExportTest, RunWithoutACursorChecksAllAgainAndGoesOn) {
  relay_->PublishMany(300);
  ASSERT_TRUE(Export().ok());
  std::filesystem::remove(folder_ + "/.gaceta/cursor");
  relay_->PublishMany(5);

  auto report = Export();

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->added, 5);
  CheckFolder();
}

TEST_F(LogExportTest, StoppedRunIsGoneOnWith) {
  relay_->PublishMany(1000);
  relay_->SetMessageEntries(100);
  LogExportOptions options = Options();
  int messages = 0;
  options.on_progress = [&](std::int64_t, std::int64_t) { ++messages; };
  options.stop_asked = [&] { return messages == 4; };
  EXPECT_TRUE(absl::IsCancelled(Export(options).status()));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/checkpoint"));

  auto report = Export();

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_LT(report->added, 1001);
  CheckFolder();
}

TEST_F(LogExportTest, CosignaturesAreWaitedFor) {
  relay_->RequireQuorum(2, absl::Seconds(60));
  relay_->PublishMany(3);
  LogExportOptions options = Options();
  // The first progress is that of the whole log.
  options.on_progress = [this, told = false](std::int64_t,
                                             std::int64_t) mutable {
    if (!told) relay_->Cosign({"GT", "MX"});
    told = true;
  };

  auto report = Export(options);

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(ParseNote(Slurp(folder_ + "/checkpoint"))->signatures.size(), 3);
  CheckFolder();
}

TEST_F(LogExportTest, MissingQuorumEndsIt) {
  relay_->RequireQuorum(2, absl::Seconds(1));

  EXPECT_EQ(Reason(Export().status()), "QUORUM_MISSING");
}

TEST_F(LogExportTest, FollowingGoesOnWithWhatComes) {
  relay_->PublishMany(3);
  LogExportOptions options = Options();
  options.follow = true;
  options.on_progress = [this](std::int64_t done, std::int64_t) {
    if (done == 4) relay_->PublishMany(2);
  };
  options.stop_asked = [this] {
    const auto checkpoint = CheckpointOf(Slurp(folder_ + "/checkpoint"));
    return checkpoint.ok() && checkpoint->size == 6;
  };

  auto report = Export(options);

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->size, 6);
  CheckFolder();
}

TEST_F(LogExportTest, LogThatIsAnotherThanBeforeIsDataLoss) {
  relay_->PublishMany(20);
  ASSERT_TRUE(Export().ok());
  const std::string before = Slurp(folder_ + "/checkpoint");
  relay_->Fork(10);
  relay_->PublishMany(1);

  EXPECT_TRUE(absl::IsDataLoss(Export().status()));
  EXPECT_EQ(Slurp(folder_ + "/checkpoint"), before);
  // Nor without what the run before knew.
  std::filesystem::remove_all(folder_ + "/.gaceta");
  const absl::Status status = Export().status();
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(Slurp(folder_ + "/checkpoint"), before);
}

}  // namespace
}  // namespace gaceta::client
