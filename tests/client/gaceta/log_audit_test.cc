#include "gaceta/log_audit.h"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gaceta/evidence_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/fake_relay.h"

namespace gaceta::client {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

class LogAuditTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto relay = FakeRelay::Start({"GT", "HN", "MX"});
    ASSERT_TRUE(relay.ok()) << relay.status();
    relay_ = *std::move(relay);
    folder_ = ::testing::TempDir() + "/log_audit_test-" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  LogAuditOptions Options() const {
    LogAuditOptions options;
    options.source = relay_->source();
    options.heartbeat = absl::Milliseconds(50);
    options.backoff = {absl::Milliseconds(1), absl::Milliseconds(2), 2};
    options.state_file = folder_ + "/state";
    options.evidence_folder = folder_ + "/evidence";
    return options;
  }
  static absl::StatusOr<AuditReport> Audit(LogAuditOptions options) {
    auto audit = LogAudit::Create(std::move(options));
    if (!audit.ok()) return audit.status();
    return (*audit)->Run();
  }
  absl::StatusOr<AuditReport> Audit() { return Audit(Options()); }

  std::string folder_;
  std::unique_ptr<FakeRelay> relay_;
};

TEST_F(LogAuditTest, ReportsWhatTheLogHas) {
  relay_->PublishMany(7);

  auto report = Audit();

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->begin, 0);
  EXPECT_EQ(report->end, 8);
  EXPECT_EQ(report->checkpoint.opened.checkpoint.size, 8);
  EXPECT_THAT(report->publishers, ElementsAre(Pair("GT", 3), Pair("HN", 2),
                                              Pair("MX", 2), Pair("OAS", 1)));
}

TEST_F(LogAuditTest, GoesOnFromItsState) {
  relay_->PublishMany(7);
  ASSERT_TRUE(Audit().ok());
  relay_->PublishMany(1);

  auto report = Audit();

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->begin, 8);
  EXPECT_EQ(report->end, 9);
  EXPECT_EQ(relay_->opens().back().start_position(), 8);
  EXPECT_THAT(report->publishers, ElementsAre(Pair("GT", 4), Pair("HN", 2),
                                              Pair("MX", 2), Pair("OAS", 1)));
}

TEST_F(LogAuditTest, StoppedAuditGoesOnLater) {
  relay_->PublishMany(500);
  relay_->SetMessageEntries(50);
  LogAuditOptions options = Options();
  std::int64_t checked = 0;
  options.on_progress = [&](std::int64_t done, std::int64_t) {
    checked = done;
  };
  options.stop_asked = [&] { return checked >= 200; };
  EXPECT_TRUE(absl::IsCancelled(Audit(options).status()));

  auto report = Audit();

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GE(report->begin, 200);
  EXPECT_EQ(report->end, 501);
}

TEST_F(LogAuditTest, SaysWhoCosigned) {
  relay_->RequireQuorum(2, absl::Seconds(60));
  relay_->PublishMany(3);
  relay_->Cosign({"GT", "HN"}, absl::FromUnixSeconds(1'800'000'000));

  auto report = Audit();

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->witnesses, 3);
  EXPECT_THAT(report->cosigned.opened.cosignatures, SizeIs(2));
  EXPECT_EQ(report->cosigned.opened.quorum_time,
            absl::FromUnixSeconds(1'800'000'000));
  EXPECT_EQ(report->cosigned.opened.checkpoint.size, 5);
}

TEST_F(LogAuditTest, AlteredPayloadIsDataLossWithEvidence) {
  relay_->PublishMany(3);
  v1::Entry entry = relay_->federation().Publish("HN", FakeUpdate("HN", 1));
  entry.mutable_payload()->back() ^= 1;
  relay_->Append(entry);

  const absl::Status status = Audit().status();

  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  EXPECT_EQ(Reason(status), "PAYLOAD_DIGEST_MISMATCH");
}

TEST_F(LogAuditTest, WithheldStatementIsDataLoss) {
  relay_->PublishMany(3);
  // Signed, and never put into the log.
  relay_->federation().Publish("HN", FakeUpdate("HN", 1));
  relay_->PublishMany(3);

  EXPECT_EQ(Reason(Audit().status()), "CHAIN_GAP");
}

TEST_F(LogAuditTest, ForkAfterTheLastAuditIsDataLoss) {
  relay_->PublishMany(5);
  ASSERT_TRUE(Audit().ok());
  relay_->Fork(3);
  relay_->PublishMany(2);

  EXPECT_TRUE(absl::IsDataLoss(Audit().status()));
  // Until a person has looked at the evidence.
  EXPECT_EQ(Reason(Audit().status()), "LOG_DISTRUSTED");
}

TEST_F(LogAuditTest, LogThatDoesNotExtendWhatIsKnownIsDataLoss) {
  relay_->PublishMany(5);
  auto before = Audit();
  ASSERT_TRUE(before.ok()) << before.status();
  relay_->Fork(3);
  relay_->PublishMany(2);
  LogAuditOptions options = Options();
  options.state_file.clear();
  EXPECT_TRUE(Audit(options).ok()) << "without knowing it, nothing is seen";
  options.known = {before->checkpoint.note};

  EXPECT_TRUE(absl::IsDataLoss(Audit(options).status()));
}

TEST_F(LogAuditTest, MissingQuorumFails) {
  relay_->RequireQuorum(2, absl::Seconds(1));
  relay_->PublishMany(3);
  relay_->Cosign({"MX"});

  const absl::Status status = Audit().status();

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(Reason(status), "QUORUM_MISSING");
}

}  // namespace
}  // namespace gaceta::client
