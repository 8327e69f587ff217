#include "gaceta/log_reader.h"

#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "testing/fake_relay.h"

namespace gaceta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class LogReaderTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto relay = FakeRelay::Start({"GT", "HN", "MX"});
    ASSERT_TRUE(relay.ok()) << relay.status();
    relay_ = *std::move(relay);
    evidence_ = ::testing::TempDir() + "/log_reader_test-" +
                ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(evidence_);
    reader_ = Open();
  }
  void TearDown() override { std::filesystem::remove_all(evidence_); }

  LogReaderOptions Options() const {
    LogReaderOptions options;
    options.source = relay_->source();
    options.backoff = {absl::Milliseconds(1), absl::Milliseconds(2), 2};
    options.patience = absl::Milliseconds(50);
    options.evidence_folder = evidence_;
    return options;
  }
  std::unique_ptr<LogReader> Open() const {
    auto reader = LogReader::Create(Options());
    EXPECT_TRUE(reader.ok()) << reader.status();
    return *std::move(reader);
  }

  // The newest checkpoint, as one to be known later.
  std::string Remember() {
    auto newest = reader_->Newest({}, Soon());
    EXPECT_TRUE(newest.ok()) << newest.status();
    return newest->note;
  }
  // Asks for what extends `known`, which must fail with `reason`.
  void ExpectCondemned(const std::vector<std::string>& known,
                       const std::string& reason) {
    const absl::Status status = reader_->Newest(known, Soon()).status();
    EXPECT_TRUE(absl::IsDataLoss(status)) << status;
    EXPECT_EQ(Reason(status), reason);
    EXPECT_THAT(std::string(status.message()), HasSubstr(evidence_));
  }
  // The one piece of evidence that was kept.
  v1::Evidence Kept() const {
    auto folder = EvidenceFolder::Open(evidence_);
    auto paths = (*folder)->List();
    EXPECT_TRUE(paths.ok() && paths->size() == 1);
    auto evidence = ReadEvidence(paths->at(0));
    EXPECT_TRUE(evidence.ok()) << evidence.status();
    return *evidence;
  }
  static absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

  std::string evidence_;
  std::unique_ptr<FakeRelay> relay_;
  std::unique_ptr<LogReader> reader_;
};

TEST_F(LogReaderTest, NewestCheckpointIsTheEndOfTheLog) {
  relay_->PublishMany(6);

  auto newest = reader_->Newest({}, Soon());

  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ(newest->opened.checkpoint.size, 7);
  EXPECT_EQ(newest->opened.checkpoint.origin, FakeFederation::kLogOrigin);
}

TEST_F(LogReaderTest, NewestExtendsAllThatAreKnown) {
  std::vector<std::string> known;
  for (int i = 0; i < 4; ++i) {
    known.push_back(Remember());
    relay_->PublishMany(i + 1);
  }

  auto newest = reader_->Newest(known, Soon());

  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ(newest->opened.checkpoint.size, 11);
  EXPECT_TRUE(reader_->Newest({newest->note}, Soon()).ok());
}

TEST_F(LogReaderTest, CheckpointOfAnotherLogIsNotTakenForKnown) {
  EXPECT_TRUE(
      absl::IsInvalidArgument(reader_->Newest({"text"}, Soon()).status()));
}

TEST_F(LogReaderTest, ForkOfTheSameSizeIsKeptAsEvidence) {
  relay_->PublishMany(3);
  const std::string known = Remember();
  relay_->Fork(2);

  ExpectCondemned({known}, "LOG_FORKED");

  EXPECT_EQ(Kept().reason(), "LOG_FORKED");
  ASSERT_THAT(Kept().checkpoints(), SizeIs(2));
  EXPECT_EQ(Kept().checkpoints(0), known);
}

TEST_F(LogReaderTest, LogThatDoesNotExtendWhatWasKnownIsKeptAsEvidence) {
  relay_->PublishMany(3);
  const std::string known = Remember();
  relay_->Fork(2);
  relay_->PublishMany(5);

  ExpectCondemned({known}, "BAD_CONSISTENCY_PROOF");

  EXPECT_THAT(Kept().checkpoints(), SizeIs(2));
}

TEST_F(LogReaderTest, LogThatWasSetBackIsKeptAsEvidence) {
  relay_->PublishMany(3);
  const std::string known = Remember();
  relay_->Shorten(2);

  ExpectCondemned({known}, "LOG_SHORTENED");

  EXPECT_THAT(Kept().checkpoints(), SizeIs(2));
}

TEST_F(LogReaderTest, ServerThatIsAMomentBehindIsWaitedFor) {
  relay_->PublishMany(3);
  const std::string known = Remember();
  relay_->Shorten(2);
  LogReaderOptions patient = Options();
  patient.patience = absl::Seconds(20);
  auto reader = LogReader::Create(patient);
  ASSERT_TRUE(reader.ok());
  std::thread late([this] {
    relay_->AwaitLogQuestions(2);
    relay_->Shorten(-1);
  });

  auto newest = (*reader)->Newest({known}, Soon());

  late.join();
  ASSERT_TRUE(newest.ok()) << newest.status();
  EXPECT_EQ(newest->opened.checkpoint.size, 4);
}

TEST_F(LogReaderTest, NoReaderBeginsWhileThereIsEvidence) {
  relay_->PublishMany(3);
  const std::string known = Remember();
  relay_->Fork(2);
  ExpectCondemned({known}, "LOG_FORKED");

  EXPECT_EQ(Reason(LogReader::Create(Options()).status()), "LOG_DISTRUSTED");

  auto folder = EvidenceFolder::Open(evidence_);
  ASSERT_TRUE(DismissEvidence((*folder)->List()->at(0)).ok());
  EXPECT_TRUE(LogReader::Create(Options()).ok());
}

TEST_F(LogReaderTest, CosignedCheckpointIsThatOfAQuorum) {
  relay_->RequireQuorum(2, absl::Seconds(60));
  EXPECT_EQ(Reason(reader_->NewestCosigned({}, Soon()).status()),
            "NO_CHECKPOINT");
  relay_->Cosign({"GT"});
  EXPECT_EQ(Reason(reader_->NewestCosigned({}, Soon()).status()),
            "QUORUM_MISSING");
  relay_->Cosign({"GT", "MX"});
  relay_->PublishMany(4);
  const std::string known = Remember();

  auto cosigned = reader_->NewestCosigned({known}, Soon());

  ASSERT_TRUE(cosigned.ok()) << cosigned.status();
  EXPECT_EQ(cosigned->opened.checkpoint.size, 2);
  EXPECT_THAT(cosigned->opened.cosignatures, SizeIs(2));
}

TEST_F(LogReaderTest, CosignedCheckpointOfAnotherHistoryIsFound) {
  relay_->RequireQuorum(1, absl::Seconds(60));
  relay_->PublishMany(3);
  relay_->Cosign({"GT"});
  relay_->Fork(2);
  relay_->PublishMany(2);
  const std::string known = Remember();

  const absl::Status status = reader_->NewestCosigned({known}, Soon()).status();

  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
}

TEST_F(LogReaderTest, WhereNoQuorumIsAskedForTheNewestCounts) {
  relay_->PublishMany(2);

  auto cosigned = reader_->NewestCosigned({}, Soon());

  ASSERT_TRUE(cosigned.ok()) << cosigned.status();
  EXPECT_EQ(cosigned->opened.checkpoint.size, 3);
}

TEST_F(LogReaderTest, ReceiptOfEveryEntryHoldsAlone) {
  relay_->RequireQuorum(2, absl::Seconds(60));
  relay_->PublishMany(6);
  relay_->Cosign({"GT", "HN"});

  for (std::int64_t position = 0; position < relay_->size(); ++position) {
    auto proved = reader_->Prove(position, Soon());
    ASSERT_TRUE(proved.ok()) << proved.status();

    const auto policy = reader_->registry().Latest()->log_policy()->policy;
    EXPECT_TRUE(VerifyLogReceipt(proved->receipt, policy).ok());
    EXPECT_EQ(proved->receipt.index, position);
    EXPECT_EQ(proved->entry.position, position);
    auto key = PublicKey::FromCertificateDer(proved->signer.certificate());
    ASSERT_TRUE(key.ok());
    v1::Leaf leaf;
    ASSERT_TRUE(leaf.ParseFromString(proved->receipt.leaf));
    EXPECT_TRUE(
        VerifyHeaderSignature(leaf.header(), leaf.signature(), *key).ok());
  }
}

TEST_F(LogReaderTest, ProvingWaitsForAQuorum) {
  relay_->RequireQuorum(1, absl::Seconds(60));
  EXPECT_EQ(
      Reason(reader_->Prove(1, absl::Now() + absl::Milliseconds(50)).status()),
      "QUORUM_MISSING");
  std::thread late([this] {
    relay_->AwaitLogQuestions(2);
    relay_->Cosign({"HN"});
  });

  auto proved = reader_->Prove(1, Soon());

  late.join();
  EXPECT_TRUE(proved.ok()) << proved.status();
}

TEST_F(LogReaderTest, SignerOfAKeyThatWasRevokedIsStillNamed) {
  relay_->PublishMany(2);
  v1::RegistryChange change;
  v1::SignerKeyRevocation* revocation =
      change.add_items()->mutable_signer_key_revocation();
  revocation->set_key_id(relay_->federation().KeyId("HN"));
  revocation->set_ground("rotation");
  relay_->ChangeRegistry(change);

  auto proved = reader_->Prove(2, Soon());

  ASSERT_TRUE(proved.ok()) << proved.status();
  EXPECT_EQ(proved->signer.publisher(), "HN");
}

TEST_F(LogReaderTest, ProvingBeyondTheEndIsOutOfRange) {
  EXPECT_TRUE(absl::IsOutOfRange(reader_->Prove(9, Soon()).status()));
}

TEST_F(LogReaderTest, AlteredProofIsDataLoss) {
  relay_->PublishMany(3);
  relay_->OnAnswer([](v1::Entry* entry) {
    if (entry->position() == 2) entry->mutable_inclusion_proof()->back() ^= 1;
  });

  EXPECT_EQ(Reason(reader_->Prove(2, Soon()).status()), "BAD_INCLUSION_PROOF");
}

}  // namespace
}  // namespace gaceta::client
