// What the link promises, step by step, against a hub that fails.
#include "server/node/hub_link.h"

#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/server/node/fake_hub.h"
#include "tests/support/statements.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using ::testing::ElementsAreArray;
using testing::FakeHub;
using testing::GoodUpdate;
using ::testing::IsEmpty;
using testing::kLogOrigin;
using testing::NewKey;
using testing::SharedKey;
using testing::SignedStatement;
using testing::TestFederation;

constexpr absl::Duration kLongest = absl::Seconds(30);

class HubLinkTest : public ::testing::Test {
 protected:
  HubLinkTest()
      : folder_(absl::StrCat(::testing::TempDir(), "link-", getpid(), "-",
                             NewStatementId())) {
    std::filesystem::create_directories(folder_);
    documents_ = *DocumentStore::Open(folder_ + "/documents");
    signer_ = std::make_unique<StatementSigner>(std::string(kLogOrigin), "HN",
                                                SharedKey());
    mirror_ = *ProjectedLog::OpenInMemory(std::make_unique<MemoryLogStore>(),
                                          TestFederation({"HN"}).Full());
    OpenOutbox("outbox.db");
  }
  ~HubLinkTest() override {
    link_.reset();
    outbox_.reset();
    std::filesystem::remove_all(folder_);
  }

  void OpenOutbox(const std::string& name) {
    // Its threads end before the pointer that they look at.
    if (link_ != nullptr) link_->Stop();
    link_.reset();
    outbox_.reset();
    Outbox::Options options;
    options.path = absl::StrCat(folder_, "/", name);
    outbox_ = *Outbox::Open(std::move(options), signer_.get());
    outbox_->SetListener([this](const std::vector<std::string>&) {
      if (link_ != nullptr) link_->Wake();
      absl::MutexLock lock(&mu_);
      ++changes_;
    });
  }

  void StartLink() {
    HubLinkOptions options;
    options.log_origin = std::string(kLogOrigin);
    options.window = 8;
    options.backoff = {absl::Milliseconds(5), absl::Milliseconds(20)};
    options.hold = absl::Milliseconds(20);
    options.answer_timeout = answer_timeout_;
    options.check_receipt = [this](const v1::Receipt& /*receipt*/) {
      absl::MutexLock lock(&mu_);
      return receipt_status_;
    };
    options.trust = [this] {
      absl::MutexLock lock(&mu_);
      ++trust_asked_;
      return trust_;
    };
    link_ = std::make_unique<HubLink>(options, hub_.channel(), outbox_.get(),
                                      documents_.get(), mirror_.get(),
                                      signer_.get());
    link_->Start();
  }

  std::string Add(const v1::Update& update,
                  std::vector<std::string> documents = {}) {
    CheckedSubmission checked;
    checked.payload = update.SerializeAsString();
    checked.documents = std::move(documents);
    const std::string id = NewStatementId();
    auto added = outbox_->Add(id, "content",
                              [&](const OutboxHistory&) { return checked; });
    EXPECT_TRUE(added.ok()) << added.status();
    return id;
  }

  std::vector<std::string> AddMany(int count) {
    std::vector<std::string> ids;
    ids.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) ids.push_back(Add(GoodUpdate("HN", i + 1)));
    return ids;
  }

  void SetStatus(absl::Status* which, const absl::Status& status) {
    absl::MutexLock lock(&mu_);
    *which = status;
  }

  v1::Submission StateOf(const std::string& id) { return **outbox_->Find(id); }

  // Waits until the outbox says so.
  void AwaitState(const std::string& id, v1::Submission::State state) {
    const absl::Time deadline = absl::Now() + kLongest;
    while (StateOf(id).state() != state) {
      absl::MutexLock lock(&mu_);
      const int seen = changes_;
      const auto changed = [this, seen]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
        return changes_ != seen;
      };
      // Looks again now and then, in case it changed before `seen` was read.
      mu_.AwaitWithTimeout(absl::Condition(&changed), absl::Milliseconds(20));
      ASSERT_LT(absl::Now(), deadline) << "still " << StateOf(id).state();
    }
  }
  void AwaitAccepted(const std::vector<std::string>& ids) {
    for (const std::string& id : ids) {
      AwaitState(id, v1::Submission::STATE_ACCEPTED);
    }
  }

  // Each is in the log once, in order, and the chain is whole; what the outbox
  // says of each is what the log has.
  void CheckLog(const std::vector<std::string>& ids) {
    EXPECT_THAT(hub_.log(), ElementsAreArray(ids));
    ChainHead head;
    for (const StoredEntry& entry : hub_.entries()) {
      v1::Leaf leaf;
      ASSERT_TRUE(leaf.ParseFromString(entry.leaf));
      const v1::StatementHeader header = *ParseHeader(leaf.header());
      EXPECT_TRUE(CheckFollows(head, header).ok());
      head = {header.sequence(), Sha256(leaf.header())};
      const v1::Submission submission = StateOf(header.statement_id());
      EXPECT_EQ(submission.sequence(), header.sequence());
      EXPECT_EQ(submission.receipt().leaf(), entry.leaf);
    }
    EXPECT_EQ(*outbox_->AcceptedHead(), head);
  }

  // Mirrors what the hub has, up to `end`.
  void Mirror(std::size_t end) {
    const std::vector<StoredEntry> entries = hub_.entries();
    ASSERT_GE(entries.size(), end);
    const auto begin = static_cast<std::size_t>(mirror_->store().Size());
    ASSERT_TRUE(
        mirror_
            ->Append(mirror_->store().Size(),
                     absl::MakeConstSpan(entries).subspan(begin, end - begin))
            .ok());
    const Position size = mirror_->store().Size();
    const Checkpoint checkpoint{std::string(kLogOrigin), size,
                                *mirror_->tree().Root(size)};
    ASSERT_TRUE(
        mirror_
            ->Publish(checkpoint,
                      *SignCheckpoint(checkpoint, testing::SharedLogSigner()))
            .ok());
    if (link_ != nullptr) link_->MirrorGrew();
  }
  void MirrorAll() { Mirror(hub_.entries().size()); }

  std::string PutDocument(const std::string& bytes) {
    const std::string sha256 = ToHex(Sha256(bytes));
    auto writer = *documents_->StartWrite(
        sha256, static_cast<std::int64_t>(bytes.size()), 0);
    EXPECT_TRUE(writer->Write(bytes).ok());
    EXPECT_TRUE(writer->Commit().ok());
    return sha256;
  }

  static v1::Update WithDocument(const std::string& sha256, int number = 1) {
    v1::Update update = GoodUpdate("HN", number);
    update.add_documents()->set_sha256(sha256);
    return update;
  }

  const std::string folder_;
  absl::Duration answer_timeout_ = absl::Seconds(20);
  absl::Mutex mu_;
  int changes_ ABSL_GUARDED_BY(mu_) = 0;
  // What the receipt's proof, and the log, are found to be.
  absl::Status receipt_status_ ABSL_GUARDED_BY(mu_);
  absl::Status trust_ ABSL_GUARDED_BY(mu_);
  int trust_asked_ ABSL_GUARDED_BY(mu_) = 0;
  FakeHub hub_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<StatementSigner> signer_;
  std::unique_ptr<ProjectedLog> mirror_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<HubLink> link_;
};

TEST_F(HubLinkTest, PendingStatementsReachTheLogInOrderWithTheirReceipts) {
  const std::vector<std::string> ids = AddMany(50);

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
  EXPECT_EQ(hub_.received(), 50);
  EXPECT_EQ(hub_.streams(), 1);
}

TEST_F(HubLinkTest, WhatComesLaterGoesOnTheSameStream) {
  StartLink();
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    ids.push_back(Add(GoodUpdate("HN", i + 1)));
    AwaitAccepted(ids);
  }

  CheckLog(ids);
  EXPECT_EQ(hub_.streams(), 1);
}

TEST_F(HubLinkTest, AStreamThatBreaksBeforeAStatementIsTakenLosesNothing) {
  const std::vector<std::string> ids = AddMany(20);
  hub_.BreakBefore(1);
  hub_.BreakBefore(7);
  hub_.BreakBefore(20);

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
  EXPECT_EQ(hub_.streams(), 4);
}

TEST_F(HubLinkTest, AStreamThatBreaksBeforeTheAnswerDoublesNothing) {
  const std::vector<std::string> ids = AddMany(20);
  hub_.BreakAfter(1);
  hub_.BreakAfter(8);
  hub_.BreakAfter(20);

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, AHubThatIsAwayGetsEverythingWhenItReturns) {
  hub_.Stop();
  StartLink();
  std::vector<std::string> ids = AddMany(10);
  EXPECT_THAT(hub_.log(), IsEmpty());

  hub_.Start();
  AwaitAccepted(ids);
  hub_.Stop();
  for (const std::string& id : AddMany(10)) ids.push_back(id);
  hub_.Start();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, AHubThatGoesAwayWithStatementsUnderWayLosesNothing) {
  const std::vector<std::string> ids = AddMany(30);
  hub_.HoldAnswers(true);
  StartLink();
  ASSERT_TRUE(hub_.AwaitSize(1));

  hub_.Stop();
  hub_.HoldAnswers(false);
  hub_.Start();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, ALinkThatIsStoppedGoesOnWhereItWas) {
  const std::vector<std::string> ids = AddMany(40);
  for (std::size_t size = 1; size < 40; size += 9) {
    StartLink();
    ASSERT_TRUE(hub_.AwaitSize(size));
    // Receipts under way are not waited for, and come again.
    OpenOutbox("outbox.db");
  }

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, AHubThatIsSilentIsAskedAgain) {
  answer_timeout_ = absl::Milliseconds(100);
  const std::vector<std::string> ids = AddMany(3);
  hub_.HoldAnswers(true);
  StartLink();
  ASSERT_TRUE(hub_.AwaitSize(1));
  ASSERT_TRUE(hub_.AwaitStreams(2));

  hub_.HoldAnswers(false);

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, ARefusedStatementLeavesNoHole) {
  std::vector<std::string> ids = AddMany(30);
  const absl::Status error =
      InvalidFields("RULE_VIOLATION", {{"update.event", "is missing"}});
  for (const std::size_t refused : {0U, 7U, 8U, 29U}) {
    hub_.Refuse(ids[refused], error);
  }

  StartLink();

  for (const std::size_t refused : {29U, 8U, 7U, 0U}) {
    AwaitState(ids[refused], v1::Submission::STATE_REFUSED);
    const absl::Status seen = FromRpcStatus(StateOf(ids[refused]).error());
    EXPECT_EQ(Reason(seen), "RULE_VIOLATION");
    EXPECT_EQ(Violations(seen), Violations(error));
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(refused));
  }
  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, ARefusalCountsOnlyWhenTheHubHasNotTakenTheStatement) {
  const std::vector<std::string> ids = AddMany(9);
  // As if the answer were to a copy that came later than the one it took.
  hub_.RefuseAfterTaking(
      ids[4], InvalidFields("RULE_VIOLATION", {{"update", "was made before"}}));

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, WhatMayPassIsTriedAgain) {
  const std::vector<std::string> ids = AddMany(10);
  hub_.Refuse(
      ids[2],
      WithReason(absl::ResourceExhaustedError("slow down"), "RATE_LIMITED"), 3);
  hub_.Refuse(ids[4], absl::UnavailableError("a moment"), 2);
  hub_.Refuse(ids[6], absl::InternalError("oops"), 1);

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, WhatAPersonMustMendIsNoRefusal) {
  const std::vector<std::string> ids = AddMany(3);
  hub_.Refuse(ids[1],
              WithReason(absl::PermissionDeniedError("HN is suspended"),
                         "MEMBER_SUSPENDED"),
              3);

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, AKeyThatNoLongerCountsIsReplacedOnWhatIsPending) {
  const std::vector<std::string> ids = AddMany(5);
  signer_ = std::make_unique<StatementSigner>(std::string(kLogOrigin), "HN",
                                              NewKey());
  OpenOutbox("outbox.db");
  hub_.Refuse(ids[0],
              WithReason(absl::PermissionDeniedError("revoked"), "UNKNOWN_KEY"),
              1);

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
  v1::Leaf leaf;
  ASSERT_TRUE(leaf.ParseFromString(hub_.entries()[4].leaf));
  EXPECT_EQ(leaf.key_id(), signer_->public_key().key_id());
}

TEST_F(HubLinkTest, AKeyThatTheRegistryDoesNotHaveYetIsWaitedFor) {
  const std::vector<std::string> ids = AddMany(5);
  hub_.Refuse(ids[0],
              WithReason(absl::PermissionDeniedError("who?"), "UNKNOWN_KEY"),
              2);

  StartLink();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, DocumentsGoBeforeTheirStatement) {
  const std::string sha256 = PutDocument(std::string(700'000, 'd'));
  const std::string id = Add(WithDocument(sha256), {sha256});

  StartLink();

  AwaitAccepted({id});
  EXPECT_TRUE(hub_.HasDocument(sha256));
  EXPECT_EQ(hub_.received(), 1);
}

TEST_F(HubLinkTest, AnUploadThatBreaksGoesOn) {
  const std::string sha256 = PutDocument(std::string(700'000, 'd'));
  const std::string id = Add(WithDocument(sha256), {sha256});
  hub_.BreakUploadAfter(300'000);

  StartLink();

  AwaitAccepted({id});
  EXPECT_TRUE(hub_.HasDocument(sha256));
}

TEST_F(HubLinkTest, ADocumentThatNobodyHasRefusesItsStatementAlone) {
  const std::string sha256(64, 'a');
  const std::string lacking = Add(WithDocument(sha256), {sha256});
  const std::string id = Add(GoodUpdate("HN", 2));

  StartLink();

  AwaitState(lacking, v1::Submission::STATE_REFUSED);
  EXPECT_EQ(Reason(FromRpcStatus(StateOf(lacking).error())),
            "DOCUMENT_MISSING");
  AwaitAccepted({id});
  CheckLog({id});
}

TEST_F(HubLinkTest, AReceiptForOtherBytesIsNotAccepted) {
  hub_.SpoilReceipts(true);
  const std::string id = Add(GoodUpdate("HN"));
  StartLink();
  ASSERT_TRUE(hub_.AwaitReceived(3));
  EXPECT_EQ(StateOf(id).state(), v1::Submission::STATE_PENDING);

  hub_.SpoilReceipts(false);

  AwaitAccepted({id});
}

TEST_F(HubLinkTest, AReceiptCountsWhenAllOfItsCheckpointIsMirrored) {
  hub_.SignCheckpoints();
  std::vector<std::string> ids = AddMany(3);
  StartLink();
  ASSERT_TRUE(hub_.AwaitSize(3));
  EXPECT_EQ(*outbox_->PendingCount(), 3U);

  Mirror(2);
  AwaitAccepted({ids[0], ids[1]});
  EXPECT_EQ(StateOf(ids[2]).state(), v1::Submission::STATE_PENDING);

  Mirror(3);
  AwaitAccepted(ids);
  CheckLog(ids);
  EXPECT_EQ(hub_.received(), 3);
}

TEST_F(HubLinkTest, AMirrorThatStandsStillDoublesNothing) {
  hub_.SignCheckpoints();
  answer_timeout_ = absl::Milliseconds(50);
  const std::vector<std::string> ids = AddMany(3);
  StartLink();
  ASSERT_TRUE(hub_.AwaitStreams(3));
  EXPECT_EQ(*outbox_->PendingCount(), 3U);

  MirrorAll();

  AwaitAccepted(ids);
  CheckLog(ids);
}

TEST_F(HubLinkTest, AReceiptThatProvesNothingIsNotAccepted) {
  // The mirror is behind, or the proof does not hold.
  for (const absl::Status& bad :
       {absl::UnavailableError("not known yet"), absl::DataLossError("bad")}) {
    SetStatus(&receipt_status_, bad);
    const std::string id = Add(GoodUpdate("HN"));
    StartLink();
    ASSERT_TRUE(hub_.AwaitReceived(hub_.received() + 3));
    EXPECT_EQ(StateOf(id).state(), v1::Submission::STATE_PENDING);

    SetStatus(&receipt_status_, absl::OkStatus());

    AwaitAccepted({id});
  }
}

TEST_F(HubLinkTest, NothingIsPublishedToAHubWhoseLogIsNotTrusted) {
  SetStatus(&trust_, absl::DataLossError("two histories"));
  const std::string id = Add(GoodUpdate("HN"));
  StartLink();
  const auto asked = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return trust_asked_ >= 3;
  };
  {
    absl::MutexLock lock(&mu_);
    ASSERT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&asked), kLongest));
  }
  EXPECT_EQ(hub_.received(), 0);
  EXPECT_EQ(StateOf(id).state(), v1::Submission::STATE_PENDING);

  SetStatus(&trust_, absl::OkStatus());

  AwaitAccepted({id});
}

TEST_F(HubLinkTest, ALostOutboxGoesOnFromTheMirror) {
  const std::vector<std::string> before = AddMany(5);
  StartLink();
  AwaitAccepted(before);
  OpenOutbox("new.db");
  const std::string after = Add(GoodUpdate("HN", 100));
  StartLink();
  // Until the mirror has the end of the chain, nothing is published.
  ASSERT_TRUE(hub_.AwaitHeadAsked(4));
  EXPECT_EQ(hub_.log().size(), 5U);

  MirrorAll();

  AwaitAccepted({after});
  EXPECT_EQ(StateOf(after).sequence(), 6U);
  EXPECT_EQ(hub_.log().size(), 6U);
}

TEST_F(HubLinkTest, AnOldCopyOfTheOutboxPublishesNothingTwice) {
  const std::vector<std::string> ids = AddMany(6);
  // The copy has all as pending.
  const std::string late = Add(GoodUpdate("HN", 100));
  ASSERT_TRUE(outbox_->Refuse(ids[0], absl::InvalidArgumentError("no")).ok());
  const std::vector<std::string> kept(ids.begin() + 1, ids.end());
  outbox_.reset();
  std::filesystem::copy_file(folder_ + "/outbox.db", folder_ + "/copy.db");
  OpenOutbox("outbox.db");
  // Refused here, and so all later ones have another number than in the copy.
  ASSERT_TRUE(outbox_->Refuse(kept[0], absl::InvalidArgumentError("no")).ok());
  StartLink();
  AwaitState(late, v1::Submission::STATE_ACCEPTED);
  MirrorAll();

  OpenOutbox("copy.db");
  StartLink();

  // The one that the log does not have is published; the others are found.
  const std::vector<std::string> in_log = hub_.log();
  AwaitAccepted(kept);
  AwaitAccepted({late});
  std::vector<std::string> expected = {kept[1], kept[2], kept[3],
                                       kept[4], late,    kept[0]};
  EXPECT_THAT(hub_.log(), ElementsAreArray(expected));
}

TEST_F(HubLinkTest, AChainThatAnotherKeySignedIsNotAdopted) {
  hub_.Append(SignedStatement("HN", {}, {}, NewKey()));
  MirrorAll();
  const std::string id = Add(GoodUpdate("HN"));

  StartLink();
  ASSERT_TRUE(hub_.AwaitHeadAsked(4));

  EXPECT_EQ(StateOf(id).state(), v1::Submission::STATE_PENDING);
  EXPECT_EQ(hub_.received(), 0);
}

TEST_F(HubLinkTest, AHubThatLostStatementsGetsNothingMore) {
  const std::vector<std::string> ids = AddMany(5);
  StartLink();
  AwaitAccepted(ids);
  hub_.Stop();
  hub_.Forget(2);
  const std::string id = Add(GoodUpdate("HN", 100));
  const int received = hub_.received();

  hub_.Start();
  ASSERT_TRUE(hub_.AwaitHeadAsked(4));

  EXPECT_EQ(StateOf(id).state(), v1::Submission::STATE_PENDING);
  EXPECT_EQ(hub_.received(), received);
}

}  // namespace
}  // namespace gaceta
