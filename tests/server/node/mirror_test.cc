// The node's copy of the log, and of the documents that it names.
#include "server/node/mirror.h"

#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/node/document_mirror.h"
#include "testing/fake_node.h"
#include "testing/fake_relay.h"
#include "tests/support/statements.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using client::FakeFederation;
using client::FakeNode;
using client::FakeRelay;
using client::FakeUpdate;
using testing::kLogOrigin;
using testing::SharedKey;

constexpr absl::Duration kLongest = absl::Seconds(30);

class MirrorTest : public ::testing::Test {
 protected:
  MirrorTest()
      : folder_(absl::StrCat(::testing::TempDir(), "mirror-", getpid(), "-",
                             NewStatementId())),
        hub_(*FakeRelay::Start({"HN", "GT", "MX"})),
        signer_(std::string(kLogOrigin), "HN", SharedKey()) {
    std::filesystem::create_directories(folder_);
    Outbox::Options options;
    options.path = folder_ + "/outbox.db";
    outbox_ = *Outbox::Open(std::move(options), &signer_);
    documents_ = *DocumentStore::Open(folder_ + "/documents");
    evidence_ = *EvidenceFolder::Open(folder_ + "/evidence");
    EXPECT_TRUE(ProjectedLog::Create(folder_).ok());
    OpenLog();
  }
  ~MirrorTest() override {
    Stop();
    log_.reset();
    outbox_.reset();
    std::filesystem::remove_all(folder_);
  }

  void OpenLog() {
    log_.reset();
    log_ = *ProjectedLog::Open(
        folder_, *Federation::Create(hub_->federation().root_pem(),
                                     std::string(FakeFederation::kName)));
  }

  void Start(const v1::Filter& filter = {}) {
    MirrorOptions options;
    options.source = hub_->source();
    options.publisher = "HN";
    options.filter = filter;
    options.backoff = {absl::Milliseconds(5), absl::Milliseconds(20)};
    options.hold = absl::Milliseconds(20);
    options.evidence_folder = folder_ + "/evidence";
    trust_ = std::make_unique<LogTrust>(log_.get(), evidence_.get());
    mirror_ = std::make_unique<Mirror>(options, log_.get(), outbox_.get(),
                                       trust_.get());
    mirror_->SetListener([this] {
      if (document_mirror_ != nullptr) document_mirror_->Wake();
      absl::MutexLock lock(&mu_);
      size_ = log_->Size();
    });
    ASSERT_TRUE(mirror_->Start().ok());
  }
  void StartDocuments() {
    document_mirror_ = std::make_unique<DocumentMirror>(
        DocumentMirrorOptions{folder_ + "/position",
                              {absl::Milliseconds(5), absl::Milliseconds(20)}},
        node_.channel(), log_.get(), documents_.get());
    document_mirror_->Start();
  }
  void Stop() {
    mirror_.reset();
    trust_.reset();
    document_mirror_.reset();
  }

  void AwaitSize(Position size) {
    absl::MutexLock lock(&mu_);
    const auto reached = [this, size]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
      return size_ >= size;
    };
    EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&reached), kLongest))
        << size_ << " of " << size << ": " << mirror_->status();
  }
  void AwaitDocuments(Position position) {
    const absl::Time deadline = absl::Now() + kLongest;
    while (document_mirror_->next_position() < position) {
      ASSERT_LT(absl::Now(), deadline);
      absl::SleepFor(absl::Milliseconds(5));
    }
  }
  static bool Await(const std::function<bool()>& done) {
    const absl::Time deadline = absl::Now() + kLongest;
    while (!done()) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(5));
    }
    return true;
  }
  absl::Status AwaitEnd() {
    Await([this] { return !mirror_->status().ok(); });
    return mirror_->status();
  }

  StoredEntry At(Position position) {
    return log_->store().Read(position, 1, 1)->at(0);
  }

  // The mirror has the very entries of the hub, each at its place.
  void CheckCopy() {
    const std::vector<v1::Entry> entries = hub_->entries();
    ASSERT_EQ(log_->Size(), static_cast<Position>(entries.size()));
    for (const v1::Entry& entry : entries) {
      EXPECT_EQ(At(entry.position()).leaf, entry.leaf());
      EXPECT_EQ(At(entry.position()).payload, entry.payload());
    }
  }

  // An update of GT that names documents of these bytes.
  void PublishWithDocuments(const std::vector<std::string>& bytes) {
    v1::Update update = FakeUpdate("GT", ++number_);
    for (const std::string& one : bytes) {
      v1::Document* document = update.add_documents();
      document->set_sha256(ToHex(Sha256(one)));
      document->set_size(static_cast<std::int64_t>(one.size()));
    }
    hub_->Publish("GT", update);
  }
  bool HasDocument(const std::string& bytes) {
    return documents_->Find(ToHex(Sha256(bytes)))->stored;
  }

  const std::string folder_;
  int number_ = 1000;
  std::unique_ptr<FakeRelay> hub_;
  FakeNode node_;
  StatementSigner signer_;
  std::unique_ptr<Outbox> outbox_;
  std::unique_ptr<DocumentStore> documents_;
  std::unique_ptr<EvidenceFolder> evidence_;
  std::unique_ptr<ProjectedLog> log_;
  std::unique_ptr<LogTrust> trust_;
  absl::Mutex mu_;
  Position size_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<DocumentMirror> document_mirror_;
  std::unique_ptr<Mirror> mirror_;
};

TEST_F(MirrorTest, CopiesEveryEntryToItsPlace) {
  hub_->PublishMany(50);

  Start();

  AwaitSize(51);
  CheckCopy();
  EXPECT_NE(log_->registry().Snapshot()->FindMember("HN"), nullptr);
  EXPECT_GT(log_->index().Head("GT")->sequence, 0U);
}

TEST_F(MirrorTest, GoesOnWhereTheLogEndsAfterRestart) {
  for (int round = 0; round < 4; ++round) {
    hub_->PublishMany(10);
    OpenLog();
    Start();
    AwaitSize(hub_->size());
    Stop();
  }

  OpenLog();
  CheckCopy();
}

TEST_F(MirrorTest, StaysWithTheHubThroughBrokenStreams) {
  hub_->PublishMany(30);
  hub_->CutBefore(3);
  hub_->CutBefore(20);

  Start();
  AwaitSize(31);
  hub_->PublishMany(5);

  AwaitSize(36);
  CheckCopy();
}

TEST_F(MirrorTest, WhatTheFilterDoesNotPassIsKeptAsHeaders) {
  hub_->PublishMany(9);
  v1::Filter filter;
  filter.add_states("GT");

  Start(filter);

  AwaitSize(10);
  for (Position position = 1; position < 10; ++position) {
    v1::Leaf leaf;
    ASSERT_TRUE(leaf.ParseFromString(At(position).leaf));
    const bool kept = ParseHeader(leaf.header())->publisher() == "GT";
    EXPECT_EQ(At(position).omission, kept ? v1::Entry::OMISSION_UNSPECIFIED
                                          : v1::Entry::OMISSION_NOT_KEPT);
    EXPECT_EQ(At(position).payload.empty(), !kept);
  }
  Stop();
  OpenLog();
  hub_->PublishMany(3);
  Start(filter);
  AwaitSize(13);
}

TEST_F(MirrorTest, APayloadOfTheOutboxThatIsNotTheSignedOneIsNotKept) {
  CheckedSubmission checked;
  checked.payload = FakeUpdate("HN", 2).SerializeAsString();
  const std::string id = NewStatementId();
  ASSERT_TRUE(
      outbox_->Add(id, "content", [&](const OutboxHistory&) { return checked; })
          .ok());
  hub_->Append(
      hub_->federation().Publish("HN", FakeUpdate("HN", 1), {}, id, ""));
  v1::Filter filter;
  filter.add_states("GT");

  Start(filter);

  AwaitSize(2);
  EXPECT_EQ(At(1).omission, v1::Entry::OMISSION_NOT_KEPT);
}

TEST_F(MirrorTest, AHubThatRefusesIsAskedAgain) {
  hub_->PublishMany(3);
  hub_->RefuseNext(3, absl::PermissionDeniedError("HN is not known yet"));

  Start();

  AwaitSize(4);
  EXPECT_TRUE(mirror_->status().ok());
}

TEST_F(MirrorTest, AnotherLogOriginIsAskedAgainWithoutEvidence) {
  hub_->PublishMany(3);
  hub_->SetLogOrigin("other.example/log");

  Start();

  hub_->AwaitOpens(3);
  EXPECT_TRUE(mirror_->status().ok()) << mirror_->status();
  EXPECT_TRUE(trust_->status().ok()) << trust_->status();
  EXPECT_TRUE(evidence_->List()->empty());
  EXPECT_EQ(log_->Size(), 0);

  hub_->SetLogOrigin(std::string(FakeFederation::kLogOrigin));
  AwaitSize(4);
}

TEST_F(MirrorTest, NothingIsKeptThatDoesNotVerify) {
  hub_->PublishMany(10);
  hub_->OnSend([](v1::SubscribeResponse* response) {
    for (v1::Entry& entry : *response->mutable_entries()) {
      if (entry.position() == 6) entry.set_payload("something else");
    }
  });

  Start();

  EXPECT_EQ(AwaitEnd().code(), absl::StatusCode::kDataLoss);
  EXPECT_LE(log_->Size(), 6);
}

TEST_F(MirrorTest, AnEntryThatIsLeftOutEndsMirroring) {
  hub_->PublishMany(10);
  hub_->OnSend([](v1::SubscribeResponse* response) {
    auto* entries = response->mutable_entries();
    for (int i = 0; i < entries->size(); ++i) {
      if (entries->Get(i).position() == 6) {
        entries->DeleteSubrange(i, 1);
        break;
      }
    }
  });

  Start();

  EXPECT_EQ(AwaitEnd().code(), absl::StatusCode::kDataLoss);
  EXPECT_LE(log_->Size(), 6);
}

TEST_F(MirrorTest, ReadersSeeWhatACheckpointHas) {
  hub_->PublishMany(100);
  hub_->SetMessageEntries(7);
  Start();
  AwaitSize(101);
  for (int i = 0; i < 20; ++i) hub_->PublishMany(3);
  AwaitSize(161);

  const LogHeadPtr head = log_->head();
  EXPECT_EQ(head->checkpoint.size, 161);
  EXPECT_EQ(head->checkpoint.root, *log_->tree().Root(161));
  EXPECT_TRUE(
      OpenCheckpoint(head->note, {hub_->federation().log_signer().public_key()})
          .ok());
  Stop();
  OpenLog();
  EXPECT_EQ(log_->Size(), 161);
}

TEST_F(MirrorTest, WhatAQuorumHasCosignedIsKept) {
  hub_->RequireQuorum(2, absl::Seconds(60));
  hub_->PublishMany(3);
  Start();
  AwaitSize(5);
  EXPECT_EQ(log_->head()->cosigned_size, 0);

  hub_->Cosign({"GT", "MX"});

  EXPECT_TRUE(Await([this] { return log_->head()->cosigned_size == 5; }));
  const std::string cosigned = log_->head()->cosigned_note;
  Stop();
  OpenLog();
  EXPECT_EQ(log_->head()->cosigned_note, cosigned);
}

TEST_F(MirrorTest, AnotherHistoryEndsMirroringUntilAPersonHasLooked) {
  hub_->PublishMany(9);
  Start();
  AwaitSize(10);
  Stop();
  hub_->Fork(4);
  hub_->PublishMany(3);
  OpenLog();

  Start();
  EXPECT_EQ(Reason(AwaitEnd()), "LOG_FORKED") << mirror_->status();
  EXPECT_EQ(log_->Size(), 10);
  EXPECT_FALSE(trust_->status().ok());
  Stop();
  const auto paths = evidence_->List();
  ASSERT_EQ(paths->size(), 1u);

  // It does not even ask.
  const auto opens = hub_->opens().size();
  Start();
  EXPECT_EQ(Reason(mirror_->status()), "LOG_DISTRUSTED");
  Stop();
  EXPECT_EQ(hub_->opens().size(), opens);

  ASSERT_TRUE(DismissEvidence(paths->front()).ok());
  Start();
  EXPECT_EQ(Reason(AwaitEnd()), "LOG_FORKED");
}

TEST_F(MirrorTest, DocumentsOfMirroredUpdatesAreFetched) {
  const std::string large(700'000, 'd');
  node_.PutDocument(ToHex(Sha256("one")), "one");
  node_.PutDocument(ToHex(Sha256(large)), large);
  PublishWithDocuments({"one", large});
  StartDocuments();
  Start();
  AwaitSize(2);

  AwaitDocuments(2);

  EXPECT_TRUE(HasDocument("one"));
  EXPECT_TRUE(HasDocument(large));
}

TEST_F(MirrorTest, ADownloadThatBreaksGoesOnWhereItWas) {
  const std::string large(900'000, 'd');
  node_.PutDocument(ToHex(Sha256(large)), large);
  node_.BreakTransfersAfter(300'000);
  PublishWithDocuments({large});
  Start();
  AwaitSize(2);

  StartDocuments();
  AwaitDocuments(2);

  EXPECT_TRUE(HasDocument(large));
  EXPECT_GT(node_.offsets().back(), 0);
}

TEST_F(MirrorTest, ADocumentThatTheHubDoesNotHaveIsPassedOver) {
  node_.PutDocument(ToHex(Sha256("later")), "later");
  PublishWithDocuments({"elsewhere"});
  PublishWithDocuments({"later"});
  Start();
  AwaitSize(3);

  StartDocuments();
  AwaitDocuments(3);

  EXPECT_FALSE(HasDocument("elsewhere"));
  EXPECT_TRUE(HasDocument("later"));
}

TEST_F(MirrorTest, DocumentsAreWaitedForWhileTheHubIsAway) {
  node_.PutDocument(ToHex(Sha256("one")), "one");
  node_.FailNext(5, absl::UnavailableError("away"));
  PublishWithDocuments({"one"});
  Start();
  AwaitSize(2);

  StartDocuments();
  AwaitDocuments(2);

  EXPECT_TRUE(HasDocument("one"));
}

TEST_F(MirrorTest, DocumentsAreNotLookedForTwice) {
  node_.PutDocument(ToHex(Sha256("one")), "one");
  PublishWithDocuments({"one"});
  Start();
  AwaitSize(2);
  StartDocuments();
  AwaitDocuments(2);
  document_mirror_.reset();
  const int calls = node_.calls();

  StartDocuments();
  EXPECT_EQ(document_mirror_->next_position(), 2);
  document_mirror_.reset();

  EXPECT_EQ(node_.calls(), calls);
}

}  // namespace
}  // namespace gaceta
