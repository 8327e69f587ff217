#include "gaceta/subscriber.h"

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "subscriber_fixture.h"

namespace gaceta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(SubscriberTest, DeliversEveryEntryOnceInOrder) {
  relay_->PublishMany(300);

  Subscribe(Options());

  EXPECT_EQ(ReadTo(301), Range(0, 301));
  EXPECT_EQ(next_position_, 301);
}

TEST_F(SubscriberTest, DeliversUpdatesParsedAndAsTheyWereSigned) {
  relay_->Publish("HN", FakeUpdate("HN", 7));

  SubscriberOptions options = Options();
  options.start = Start::Position(1);
  Subscribe(options);

  auto delivery = Next();
  ASSERT_TRUE(delivery.ok()) << delivery.status();
  ASSERT_EQ(delivery->entries.size(), 1);
  const VerifiedEntry& entry = delivery->entries[0];
  EXPECT_EQ(entry.header.publisher(), "HN");
  EXPECT_EQ(entry.update->instrument().number(), "7");
  EXPECT_EQ(entry.entry.payload(), relay_->entries()[1].payload());
  EXPECT_EQ(entry.entry.leaf(), relay_->entries()[1].leaf());
  EXPECT_TRUE(delivery->live);
}

TEST_F(SubscriberTest, DeliversWhatIsPublishedWhileItWaits) {
  Subscribe(Options());
  ReadTo(1);

  relay_->PublishMany(1);

  EXPECT_EQ(ReadTo(2), Range(1, 2));
}

TEST_F(SubscriberTest, BeginsNow) {
  relay_->PublishMany(5);
  SubscriberOptions options = Options();
  options.start = Start::Now();
  Subscribe(options);
  relay_->AwaitOpens(1);
  ASSERT_THAT(ReadTo(6), IsEmpty());

  relay_->PublishMany(1);

  EXPECT_EQ(ReadTo(7), Range(6, 7));
}

TEST_F(SubscriberTest, BeginsAtATime) {
  relay_->PublishMany(2);
  SubscriberOptions options = Options();
  options.start = Start::Time(absl::Now() + absl::Hours(1));
  Subscribe(options);

  EXPECT_THAT(ReadTo(3), IsEmpty());

  options.start = Start::Time(absl::Now() - absl::Hours(1));
  Subscribe(options);

  EXPECT_EQ(ReadTo(3), Range(0, 3));
}

TEST_F(SubscriberTest, MovesOnThoughNothingPasses) {
  relay_->PublishMany(6);
  SubscriberOptions options = Options();
  options.filter.add_topics("asylum-refuge");
  options.start = Start::Position(1);
  Subscribe(options);

  EXPECT_THAT(ReadTo(7), IsEmpty());
  EXPECT_EQ(next_position_, 7);
}

TEST_F(SubscriberTest, GivesTheRegistryOfTheSecretariat) {
  EXPECT_EQ(Subscriber::Create(Options()).value()->registry(), nullptr);

  Subscribe(Options());
  ReadTo(1);

  ASSERT_NE(subscriber_->registry(), nullptr);
  EXPECT_NE(subscriber_->registry()->FindMember("HN"), nullptr);
}

TEST_F(SubscriberTest, HeadersOnlyStillHasTheRegistry) {
  relay_->PublishMany(3);
  SubscriberOptions options = Options();
  options.headers_only = true;
  Subscribe(options);

  EXPECT_EQ(ReadTo(4), Range(0, 4));
  EXPECT_NE(subscriber_->registry()->FindMember("HN"), nullptr);
}

TEST_F(SubscriberTest, DeadlineIsNoFailure) {
  Subscribe(Options());
  ReadTo(1);

  EXPECT_TRUE(absl::IsDeadlineExceeded(
      subscriber_->Next(absl::InfinitePast()).status()));
  relay_->PublishMany(1);
  EXPECT_EQ(ReadTo(2), Range(1, 2));
}

TEST_F(SubscriberTest, StopWakesAWaitingReader) {
  Subscribe(Options());
  ReadTo(1);
  std::thread stopper([this] { subscriber_->Stop(); });

  EXPECT_TRUE(absl::IsCancelled(Next().status()));
  EXPECT_TRUE(absl::IsCancelled(Next().status()));
  stopper.join();
}

TEST_F(SubscriberTest, EndsWhileTheServerIsAway) {
  SubscriberOptions options = Options();
  options.source.channel =
      grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials());
  std::atomic<int> tries = 0;
  options.on_disconnect = [&tries](const absl::Status& why, absl::Duration) {
    EXPECT_TRUE(absl::IsUnavailable(why)) << why;
    ++tries;
  };
  Subscribe(options);

  EXPECT_TRUE(absl::IsDeadlineExceeded(
      subscriber_->Next(absl::Now() + absl::Milliseconds(200)).status()));
  subscriber_.reset();
  EXPECT_GT(tries, 1);
}

TEST_F(SubscriberTest, ReadsAheadABoundedNumberOfMessages) {
  relay_->SetMessageEntries(1);
  std::atomic<int> sent = 0;
  relay_->OnSend([&sent](v1::SubscribeResponse*) { ++sent; });
  SubscriberOptions options = Options();
  options.read_ahead = 2;
  Subscribe(options);
  ReadTo(1);
  // The fake's channel itself buffers some messages.
  relay_->PublishMany(2000);
  ASSERT_TRUE(Next().ok());

  EXPECT_LT(sent, 1000);
  EXPECT_EQ(ReadTo(2001).back(), 2000);
}

// --- Lost connections
// -----------------------------------------------------------

TEST_F(SubscriberTest, ResumesExactlyWhereverTheStreamIsCut) {
  relay_->PublishMany(12);
  for (int entries : {1, 5}) {
    relay_->SetMessageEntries(entries);
    for (std::int64_t cut = 0; cut <= 13; ++cut) {
      relay_->CutBefore(cut);
      Subscribe(Options());

      EXPECT_EQ(ReadTo(13), Range(0, 13)) << "cut before " << cut;
    }
  }
}

TEST_F(SubscriberTest, ReconnectsToASilentServer) {
  relay_->PublishMany(4);
  relay_->StallBefore(3);
  SubscriberOptions options = Options();
  options.heartbeat = absl::Milliseconds(30);
  std::string why;
  options.on_disconnect = [&why](const absl::Status& status, absl::Duration) {
    why = std::string(status.message());
  };
  Subscribe(options);

  EXPECT_EQ(ReadTo(5), Range(0, 5));
  subscriber_.reset();
  EXPECT_THAT(why, HasSubstr("silent for 90ms"));
}

TEST_F(SubscriberTest, HeartbeatsKeepAConnection) {
  SubscriberOptions options = Options();
  options.heartbeat = absl::Milliseconds(100);
  std::atomic<int> lost = 0;
  options.on_disconnect = [&lost](const absl::Status&, absl::Duration) {
    ++lost;
  };
  Subscribe(options);
  ReadTo(1);

  EXPECT_TRUE(absl::IsDeadlineExceeded(
      subscriber_->Next(absl::Now() + absl::Milliseconds(600)).status()));
  EXPECT_EQ(lost, 0);
  EXPECT_EQ(relay_->opens().size(), 1);
}

TEST_F(SubscriberTest, TriesAgainWhatPasses) {
  for (const absl::Status& status :
       {absl::UnavailableError("draining"),
        absl::ResourceExhaustedError("too many streams"),
        absl::InternalError("stream was reset")}) {
    relay_->RefuseNext(3, status);
    Subscribe(Options());

    EXPECT_EQ(ReadTo(1), Range(0, 1)) << status;
  }
}

TEST_F(SubscriberTest, ReturnsWhatTheServerRefusesForGood) {
  for (const absl::Status& status :
       {absl::InvalidArgumentError("filter"), absl::NotFoundError("corridor"),
        absl::PermissionDeniedError("suspended"),
        absl::OutOfRangeError("beyond the end")}) {
    relay_->RefuseNext(1, WithReason(status, "SOME_REASON"));
    Subscribe(Options());

    for (int i = 0; i < 2; ++i) {
      const absl::Status seen = Next().status();
      EXPECT_EQ(seen.code(), status.code());
      EXPECT_EQ(Reason(seen), "SOME_REASON");
    }
  }
}

TEST_F(SubscriberTest, ReturnsAStartBeyondTheEnd) {
  SubscriberOptions options = Options();
  options.start = Start::Position(99);
  Subscribe(options);

  EXPECT_EQ(Reason(Next().status()), "POSITION_BEYOND_END");
  EXPECT_TRUE(absl::IsOutOfRange(Next().status()));
}

// --- Named subscriptions
// ---------------------------------------------------------

TEST_F(SubscriberTest, GoesOnWhereItsNameWasAcknowledged) {
  relay_->PublishMany(9);
  SubscriberOptions options = Options();
  options.subscription = "laws";
  relay_->SetMessageEntries(2);
  Subscribe(options);
  ReadTo(4);
  ASSERT_TRUE(subscriber_->Acknowledge(4).ok());
  relay_->AwaitAcknowledged("laws", 4);

  Subscribe(options);

  EXPECT_EQ(ReadTo(10), Range(4, 10));
}

TEST_F(SubscriberTest, ReconnectDoesNotAcknowledgeWhatWasOnlyDelivered) {
  relay_->PublishMany(9);
  relay_->SetMessageEntries(1);
  relay_->CutBefore(6);
  SubscriberOptions options = Options();
  options.subscription = "laws";
  Subscribe(options);
  ReadTo(3);
  ASSERT_TRUE(subscriber_->Acknowledge(3).ok());
  relay_->AwaitAcknowledged("laws", 3);

  EXPECT_EQ(ReadTo(10), Range(3, 10));
  EXPECT_EQ(relay_->acknowledged("laws"), 3);
  EXPECT_EQ(relay_->opens().back().start_position(), 3);

  ASSERT_TRUE(subscriber_->Acknowledge(10).ok());
  relay_->AwaitAcknowledged("laws", 10);
}

TEST_F(SubscriberTest, AcknowledgesOnlyWhatWasDelivered) {
  relay_->PublishMany(2);
  Subscribe(Options());

  EXPECT_TRUE(absl::IsInvalidArgument(subscriber_->Acknowledge(0)));
  ReadTo(3);
  EXPECT_TRUE(absl::IsInvalidArgument(subscriber_->Acknowledge(4)));
  EXPECT_TRUE(subscriber_->Acknowledge(2).ok());
  EXPECT_TRUE(subscriber_->Acknowledge(2).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(subscriber_->Acknowledge(1)));
}

}  // namespace
}  // namespace gaceta::client
