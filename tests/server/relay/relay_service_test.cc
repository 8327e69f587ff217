// Subscriptions over mutual TLS to a real hub.
#include "server/relay/relay_service.h"

#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "tests/server/relay/test_subscription.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;
using testing::GoodUpdate;
using testing::OpenAt;
using testing::StatementParts;
using testing::TestHub;
using testing::TestSubscription;
using testing::UpdateParts;

std::vector<StatementParts> Many(const std::string& state, int count) {
  std::vector<StatementParts> all;
  all.reserve(count);
  for (int i = 0; i < count; ++i) {
    all.push_back(UpdateParts(GoodUpdate(state, i + 1)));
  }
  return all;
}

std::vector<Position> Range(Position begin, Position end) {
  std::vector<Position> all;
  for (Position i = begin; i < end; ++i) all.push_back(i);
  return all;
}

// Nobody publishes of MX: what passes is the registry's entry alone.
v1::Open OnlyMexico(Position begin) {
  v1::Open open = OpenAt(begin);
  open.mutable_filter()->add_states("MX");
  return open;
}

class RelayServiceTest : public ::testing::Test {
 protected:
  // A hub of its own: MakeHub() before any other call changes it.
  TestHub& hub() {
    if (hub_ == nullptr) hub_ = std::make_unique<TestHub>();
    return *hub_;
  }
  void MakeHub(std::function<void(RelayOptions*)> adjust) {
    TestHub::Options options;
    options.adjust = [adjust = std::move(adjust)](HubOptions* one) {
      adjust(&one->relay);
    };
    hub_ = std::make_unique<TestHub>(options);
  }
  std::shared_ptr<grpc::Channel> Reader(const std::string& name = "monitor") {
    return hub().As("HN", "subscriber/" + name);
  }
  absl::Status EndOf(const v1::Open& open) {
    return TestSubscription(Reader(), open).End();
  }
  std::vector<FieldViolation> ViolationsOf(const v1::Open& open) {
    const absl::Status status = EndOf(open);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    return Violations(status);
  }

 private:
  std::unique_ptr<TestHub> hub_;
};

TEST_F(RelayServiceTest, StartsAtAPositionAndGoesOnLive) {
  hub().PublishMany("HN", Many("HN", 5));
  TestSubscription subscription(Reader(), OpenAt(2));

  ASSERT_TRUE(subscription.ReadUntilLive());
  EXPECT_EQ(subscription.opened().start_position(), 2);
  EXPECT_EQ(subscription.opened().log_size(), 6);
  EXPECT_EQ(subscription.opened().log_origin(), testing::kLogOrigin);
  EXPECT_EQ(subscription.positions(), Range(2, 6));
  hub().PublishNext("HN", GoodUpdate("HN", 6));
  ASSERT_TRUE(subscription.ReadTo(7));
  EXPECT_EQ(subscription.positions(), Range(2, 7));
}

TEST_F(RelayServiceTest, TheFirstMessageIsOpenedAlone) {
  TestSubscription subscription(Reader(), OpenAt(0));

  ASSERT_TRUE(subscription.Read());

  EXPECT_TRUE(subscription.last().has_opened());
  EXPECT_FALSE(subscription.last().has_progress());
  EXPECT_EQ(subscription.last().entries_size(), 0);
}

TEST_F(RelayServiceTest, StartsNow) {
  hub().PublishMany("HN", Many("HN", 5));
  v1::Open open;
  open.mutable_start_now();
  TestSubscription subscription(Reader(), open);

  ASSERT_TRUE(subscription.ReadUntilLive());
  EXPECT_TRUE(subscription.entries().empty());
  hub().PublishNext("HN", GoodUpdate("HN", 6));
  ASSERT_TRUE(subscription.ReadTo(7));
  EXPECT_THAT(subscription.positions(), ElementsAre(6));
}

TEST_F(RelayServiceTest, StartsAtATime) {
  hub().PublishMany("HN", Many("HN", 3));
  TestSubscription all(Reader(), OpenAt(0));
  ASSERT_TRUE(all.ReadUntilLive());
  v1::Leaf leaf;
  ASSERT_TRUE(leaf.ParseFromString(all.entries()[2].leaf()));
  v1::Open open;
  *open.mutable_start_time() = leaf.recorded_time();
  v1::Open future;
  future.mutable_start_time()->set_seconds(1LL << 40);

  TestSubscription subscription(Reader(), open);
  TestSubscription later(Reader(), future);

  ASSERT_TRUE(subscription.ReadUntilLive());
  // Entries of one unit may have one time.
  EXPECT_LE(subscription.opened().start_position(), 2);
  EXPECT_EQ(subscription.positions().back(), 3);
  ASSERT_TRUE(later.ReadUntilLive());
  EXPECT_EQ(later.opened().start_position(), 4);
}

TEST_F(RelayServiceTest, AStartBeyondTheEndIsRefused) {
  for (const Position position : {Position{2}, Position{-1}}) {
    const absl::Status status = EndOf(OpenAt(position));

    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(Reason(status), "POSITION_BEYOND_END");
    EXPECT_EQ(ReasonMetadata(status, "log_size"), "1");
  }
}

TEST_F(RelayServiceTest, ProvesThatTheLogStillBeginsWithWhatWasKnown) {
  TestSubscription early(Reader(), OpenAt(0));
  ASSERT_TRUE(early.ReadUntilLive());
  for (int count : {1, 5, 300}) {
    hub().PublishMany("HN", Many("HN", count));
    TestSubscription subscription(Reader(), OpenAt(3 % count), early);

    ASSERT_TRUE(subscription.ReadUntilLive());
    EXPECT_FALSE(subscription.opened().known_consistency().empty());
    ASSERT_TRUE(early.ReadTo(hub().hub().log_size()));
    // The same size again needs no proof.
    TestSubscription same(Reader(), OpenAt(0), early);
    ASSERT_TRUE(same.Read());
    EXPECT_TRUE(same.opened().known_consistency().empty());
  }
}

TEST_F(RelayServiceTest, AKnownSizeBeyondTheEndIsRefused) {
  for (const Position size : {-1, 2}) {
    v1::Open open = OpenAt(0);
    open.set_known_size(size);

    const absl::Status status = EndOf(open);

    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange) << status;
    EXPECT_EQ(Reason(status), "POSITION_BEYOND_END");
    EXPECT_EQ(ReasonMetadata(status, "log_size"), "1");
  }
}

TEST_F(RelayServiceTest, AStartIsRequired) {
  EXPECT_THAT(ViolationsOf(v1::Open()),
              Contains(Field(&FieldViolation::field, "open.start")));
  v1::Open named;
  named.set_subscription("laws");
  EXPECT_EQ(Reason(EndOf(named)), "UNKNOWN_SUBSCRIPTION");
}

TEST_F(RelayServiceTest, TheFirstMessageMustBeOpen) {
  TestSubscription acknowledges(Reader());
  acknowledges.Acknowledge(0);
  TestSubscription silent(Reader());
  silent.DoneSending();

  for (TestSubscription* subscription : {&acknowledges, &silent}) {
    const absl::Status status = subscription->End();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Violations(status),
                Contains(Field(&FieldViolation::field, "open")));
  }
}

TEST_F(RelayServiceTest, OpenWithAFieldOfALaterVersionIsRefusedByItsNumber) {
  v1::Open open = OpenAt(0);
  open.GetReflection()->MutableUnknownFields(&open)->AddVarint(900, 1);

  const absl::Status status = EndOf(open);

  EXPECT_EQ(Reason(status), "UNKNOWN_FIELD") << status;
  EXPECT_EQ(ReasonMetadata(status, "field"), "open.field 900");
}

TEST_F(RelayServiceTest, OpenComesOnce) {
  TestSubscription subscription(Reader(), OpenAt(0));
  subscription.Open(OpenAt(0));

  EXPECT_EQ(subscription.End().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RelayServiceTest, BytesThatDoNotParseAreRefused) {
  grpc::GenericStub stub(Reader());
  grpc::ClientContext context;
  testing::SetDeadline(&context);
  grpc::Slice garbage("\xff\xff\xff");
  grpc::ByteBuffer request(&garbage, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> status;
  stub.UnaryCall(&context, "/gaceta.v1.RelayService/Subscribe",
                 grpc::StubOptions(), &request, &response,
                 [&](grpc::Status s) { status.set_value(std::move(s)); });

  EXPECT_EQ(status.get_future().get().error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(RelayServiceTest, AFilterMustBeOfTheRegistry) {
  v1::Open corridor = OpenAt(0);
  corridor.mutable_filter()->add_corridors()->set_corridor("nowhere");
  v1::Open state = OpenAt(0);
  state.mutable_filter()->add_states("ZZ");
  v1::Open topic = OpenAt(0);
  topic.mutable_filter()->add_topics("nothing");

  for (const auto& [open, reason] : {std::pair{corridor, "UNKNOWN_CORRIDOR"},
                                     {state, "UNKNOWN_STATE"},
                                     {topic, "UNKNOWN_TOPIC"}}) {
    const absl::Status status = EndOf(open);
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(Reason(status), reason);
  }
}

TEST_F(RelayServiceTest, AFilterThatIsMalformedNamesItsFields) {
  v1::Open open = OpenAt(0);
  open.mutable_filter()->add_languages("x");
  open.mutable_filter()->add_instruments();

  EXPECT_GE(ViolationsOf(open).size(), 2U);
}

TEST_F(RelayServiceTest, HeartbeatsAreBetween1And300Seconds) {
  for (const int seconds : {-5, 0, 301}) {
    v1::Open open = OpenAt(0);
    open.mutable_heartbeat()->set_seconds(seconds);

    EXPECT_THAT(ViolationsOf(open),
                Contains(Field(&FieldViolation::field, "open.heartbeat")));
  }
}

TEST_F(RelayServiceTest, SilenceIsProvedByHeartbeats) {
  v1::Open open = OpenAt(0);
  open.mutable_heartbeat()->set_seconds(1);
  TestSubscription subscription(Reader(), open);
  ASSERT_TRUE(subscription.ReadUntilLive());

  for (int i = 0; i < 2; ++i) {
    const absl::Time before = absl::Now();
    ASSERT_TRUE(subscription.Read());
    EXPECT_GE(absl::Now() - before, absl::Milliseconds(500));
    EXPECT_TRUE(subscription.last().has_progress());
    EXPECT_EQ(subscription.last().progress().next_position(), 1);
    EXPECT_TRUE(subscription.last().progress().live());
  }
}

TEST_F(RelayServiceTest, AFilterThatPassesNothingIsLiveAtOnce) {
  hub().PublishMany("HN", Many("HN", 3000));
  const absl::Time begin = absl::Now();
  TestSubscription subscription(Reader(), OnlyMexico(1));

  ASSERT_TRUE(subscription.ReadUntilLive());

  EXPECT_TRUE(subscription.entries().empty());
  EXPECT_EQ(subscription.progress().next_position(), 3001);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(RelayServiceTest, ProgressComesSoonAlsoWhenNothingPasses) {
  TestSubscription subscription(Reader(), OnlyMexico(0));
  ASSERT_TRUE(subscription.ReadUntilLive());

  hub().PublishMany("HN", Many("HN", 10));

  // Well below the heartbeat of 15 s.
  const absl::Time begin = absl::Now();
  ASSERT_TRUE(subscription.ReadTo(11));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(8));
}

TEST_F(RelayServiceTest, WhatWaitsComesInFewMessages) {
  hub().PublishMany("HN", Many("HN", 1000));
  TestSubscription subscription(Reader(), OpenAt(0));

  ASSERT_TRUE(subscription.ReadUntilLive());

  EXPECT_EQ(subscription.positions(), Range(0, 1001));
  EXPECT_LT(subscription.messages(), 100);
}

TEST_F(RelayServiceTest, CatchesUpWhileOthersPublish) {
  hub().PublishMany("HN", Many("HN", 300));
  auto publishing = std::async(std::launch::async, [this] {
    for (int i = 0; i < 10; ++i) hub().PublishMany("GT", Many("GT", 30));
  });
  TestSubscription subscription(Reader(), OpenAt(0));

  ASSERT_TRUE(subscription.ReadTo(601));
  publishing.get();

  EXPECT_EQ(subscription.positions(), Range(0, 601));
}

TEST_F(RelayServiceTest, AClientThatSendsNothingMoreGoesOnListening) {
  TestSubscription subscription(Reader(), OpenAt(0));
  ASSERT_TRUE(subscription.Read());
  subscription.DoneSending();

  hub().PublishNext("HN", GoodUpdate("HN"));

  EXPECT_TRUE(subscription.ReadTo(2));
}

TEST_F(RelayServiceTest, HeadersComeAsTheyAreAskedFor) {
  StatementParts restricted = UpdateParts(GoodUpdate("GT"));
  restricted.audience.set_scope(v1::Audience::SCOPE_LISTED);
  restricted.audience.add_states("MX");
  hub().PublishNext("GT", restricted);
  hub().PublishNext("HN", GoodUpdate("HN"));
  v1::Open headers = OpenAt(1);
  headers.set_headers_only(true);
  v1::Open unmatched = OnlyMexico(1);
  unmatched.set_include_unmatched_headers(true);

  TestSubscription all(Reader(), OpenAt(1));
  TestSubscription bare(Reader(), headers);
  TestSubscription others(Reader(), unmatched);
  TestSubscription mexico(hub().As("MX", "subscriber/x"), OpenAt(1));

  ASSERT_TRUE(all.ReadUntilLive());
  EXPECT_EQ(all.entries()[0].omission(), v1::Entry::OMISSION_RESTRICTED);
  EXPECT_EQ(all.entries()[0].payload(), "");
  EXPECT_NE(all.entries()[1].payload(), "");
  ASSERT_TRUE(bare.ReadUntilLive());
  EXPECT_EQ(bare.entries()[1].omission(), v1::Entry::OMISSION_NOT_REQUESTED);
  ASSERT_TRUE(others.ReadUntilLive());
  EXPECT_EQ(others.positions(), Range(1, 3));
  EXPECT_EQ(others.entries()[1].payload(), "");
  ASSERT_TRUE(mexico.ReadUntilLive());
  EXPECT_EQ(mexico.entries()[0].payload(), restricted.payload);
}

TEST_F(RelayServiceTest, AcknowledgementsOutliveTheHub) {
  hub().PublishMany("HN", Many("HN", 5));
  v1::Open open = OpenAt(0);
  open.set_subscription("laws");
  {
    TestSubscription subscription(Reader(), open);
    ASSERT_TRUE(subscription.ReadTo(6));
    ASSERT_TRUE(subscription.Acknowledge(2));
    ASSERT_TRUE(subscription.Acknowledge(4));
    ASSERT_TRUE(subscription.Acknowledge(4));
    // Acknowledgements come in order: when the hub answers something wrong,
    // it has what came before.
    ASSERT_TRUE(subscription.Acknowledge(3));
    EXPECT_EQ(subscription.End().code(), absl::StatusCode::kInvalidArgument);
  }
  open.clear_start();

  TestSubscription again(Reader(), open);
  ASSERT_TRUE(again.ReadUntilLive());
  hub().Restart();
  TestSubscription after(Reader(), open);
  ASSERT_TRUE(after.ReadUntilLive());

  EXPECT_EQ(again.opened().start_position(), 4);
  EXPECT_EQ(after.opened().start_position(), 4);
  EXPECT_EQ(after.positions(), Range(4, 6));
}

TEST_F(RelayServiceTest, AnAcknowledgementBeyondTheProgressIsRefused) {
  hub().PublishMany("HN", Many("HN", 5));
  for (const Position position : {Position{-1}, Position{1}, Position{7}}) {
    TestSubscription subscription(Reader(), OpenAt(2));
    ASSERT_TRUE(subscription.ReadTo(6));
    subscription.Acknowledge(position);

    const absl::Status status = subscription.End();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Violations(status),
                Contains(Field(&FieldViolation::field,
                               "acknowledgement.next_position")));
  }
}

TEST_F(RelayServiceTest, ASubscriptionsNameHasAForm) {
  for (const std::string& name :
       {std::string("Laws"), std::string("a b"), std::string(64, 'a')}) {
    v1::Open open = OpenAt(0);
    open.set_subscription(name);

    EXPECT_THAT(ViolationsOf(open),
                Contains(Field(&FieldViolation::field, "open.subscription")));
  }
}

TEST_F(RelayServiceTest, AnIdentityHasSoManyStreams) {
  MakeHub([](RelayOptions* options) { options->max_streams_per_identity = 3; });
  std::vector<std::unique_ptr<TestSubscription>> open;
  for (int i = 0; i < 3; ++i) {
    open.push_back(std::make_unique<TestSubscription>(Reader(), OpenAt(0)));
    ASSERT_TRUE(open.back()->ReadUntilLive());
  }

  const absl::Status refused = EndOf(OpenAt(0));
  TestSubscription other(Reader("other"), OpenAt(0));
  EXPECT_TRUE(other.ReadUntilLive());
  open.pop_back();

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Reason(refused), "TOO_MANY_STREAMS");
  EXPECT_EQ(ReasonMetadata(refused, "limit"), "3");
  EXPECT_TRUE(testing::AwaitTrue([&] {
    TestSubscription again(Reader(), OpenAt(0));
    return again.ReadUntilLive();
  }));
}

TEST_F(RelayServiceTest, AnIdentityHasSoManyNames) {
  MakeHub([](RelayOptions* options) {
    options->max_subscriptions_per_identity = 2;
  });
  const auto open = [](const std::string& name) {
    v1::Open one = OpenAt(0);
    one.set_subscription(name);
    return one;
  };
  auto a = std::make_unique<TestSubscription>(Reader(), open("a"));
  TestSubscription b(Reader(), open("b"));
  ASSERT_TRUE(a->ReadUntilLive() && b.ReadUntilLive());

  TestSubscription other(Reader("other"), open("c"));

  EXPECT_EQ(Reason(EndOf(open("c"))), "TOO_MANY_SUBSCRIPTIONS");
  EXPECT_TRUE(other.ReadUntilLive());
  a.reset();
  EXPECT_TRUE(testing::AwaitTrue([&] {
    TestSubscription again(Reader(), open("a"));
    return again.ReadUntilLive();
  }));
}

void AskSomething(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  v1::ListSubscriptionsResponse response;
  const grpc::Status status =
      v1::RelayService::NewStub(channel)->ListSubscriptions(
          &context, v1::ListSubscriptionsRequest(), &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
}

TEST_F(RelayServiceTest, DrainingTellsEveryStream) {
  std::vector<std::unique_ptr<TestSubscription>> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(std::make_unique<TestSubscription>(Reader(), OpenAt(0)));
    ASSERT_TRUE(all.back()->ReadUntilLive());
  }
  // One that has not opened yet.
  const auto channel = Reader();
  all.push_back(std::make_unique<TestSubscription>(channel));
  // An answer to a later call of the connection shows that the server has it.
  AskSomething(channel);
  const absl::Time begin = absl::Now();
  auto drained = std::async(std::launch::async, [this] {
    hub().hub().Drain(absl::Now() + absl::Seconds(30));
  });

  for (auto& subscription : all) {
    const absl::Status status = subscription->End();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    if (subscription->opened().log_size() == 0) continue;
    EXPECT_EQ(Reason(status), "DRAINING");
    EXPECT_EQ(subscription->closing(), "DRAINING");
  }
  drained.get();
  EXPECT_LT(absl::Now() - begin, absl::Seconds(15));
}

TEST_F(RelayServiceTest, ASuspendedMembersStreamsEndAtOnce) {
  TestSubscription honduras(Reader(), OpenAt(0));
  TestSubscription not_open(Reader("idle"));
  TestSubscription guatemala(hub().As("GT", "node"), OpenAt(0));
  ASSERT_TRUE(honduras.ReadUntilLive());
  ASSERT_TRUE(guatemala.ReadUntilLive());
  const absl::Time begin = absl::Now();

  hub().SuspendMember("HN");
  const absl::Status status = honduras.End();
  not_open.Open(OpenAt(0));
  const absl::Status idle = not_open.End();
  hub().PublishNext("GT", GoodUpdate("GT"));

  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Reason(status), "MEMBER_SUSPENDED");
  EXPECT_EQ(honduras.closing(), "REVOKED");
  EXPECT_EQ(Reason(idle), "MEMBER_SUSPENDED");
  EXPECT_TRUE(guatemala.ReadTo(3));
  EXPECT_EQ(Reason(EndOf(OpenAt(0))), "MEMBER_SUSPENDED");
}

TEST_F(RelayServiceTest, ANewCorridorCanBeUsedAtOnce) {
  v1::Open open = OpenAt(1);
  open.mutable_filter()->add_corridors()->set_corridor("south");
  EXPECT_EQ(Reason(EndOf(open)), "UNKNOWN_CORRIDOR");

  hub().ChangeRegistry({testing::CorridorItem("south", {"GT", "MX"})});
  TestSubscription subscription(Reader(), open);
  ASSERT_TRUE(subscription.ReadUntilLive());
  hub().PublishNext("HN", GoodUpdate("HN"));
  hub().PublishNext("GT", GoodUpdate("GT"));
  ASSERT_TRUE(subscription.ReadTo(4));

  EXPECT_THAT(subscription.positions(), ElementsAre(1, 3));
}

TEST_F(RelayServiceTest, AStreamFollowsItsCorridor) {
  v1::Open open = OpenAt(1);
  open.mutable_filter()->add_corridors()->set_corridor("south");
  hub().ChangeRegistry({testing::CorridorItem("south", {"GT", "MX"})});
  TestSubscription subscription(Reader(), open);
  ASSERT_TRUE(subscription.ReadUntilLive());

  hub().PublishNext("HN", GoodUpdate("HN", 1));
  hub().ChangeRegistry({testing::CorridorItem("south", {"HN", "MX"})});
  hub().PublishNext("GT", GoodUpdate("GT", 1));
  hub().PublishNext("HN", GoodUpdate("HN", 2));
  ASSERT_TRUE(subscription.ReadTo(6));

  EXPECT_THAT(subscription.positions(), ElementsAre(1, 3, 5));
}

// --- Rpcs that are no streams ------------------------------------------------

class SubscriptionsTest : public RelayServiceTest {
 protected:
  // Leaves a named subscription of that reader behind.
  void Name(const std::string& member, const std::string& reader,
            const std::string& name) {
    v1::Open open = OpenAt(0);
    open.set_subscription(name);
    TestSubscription subscription(hub().As(member, "subscriber/" + reader),
                                  open);
    ASSERT_TRUE(subscription.Read());
  }
  std::vector<std::string> List(const std::string& member,
                                const std::string& path, int page_size) {
    auto stub = v1::RelayService::NewStub(hub().As(member, path));
    std::vector<std::string> names;
    v1::ListSubscriptionsRequest request;
    request.set_page_size(page_size);
    do {
      grpc::ClientContext context;
      testing::SetDeadline(&context);
      v1::ListSubscriptionsResponse response;
      const grpc::Status status =
          stub->ListSubscriptions(&context, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_LE(response.subscriptions_size(), page_size);
      for (const auto& one : response.subscriptions()) {
        names.push_back(one.name());
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return names;
  }
  absl::StatusOr<v1::Subscription> Get(const std::string& member,
                                       const std::string& path,
                                       const std::string& name) {
    grpc::ClientContext context;
    testing::SetDeadline(&context);
    v1::GetSubscriptionRequest request;
    request.set_name(name);
    v1::GetSubscriptionResponse response;
    const grpc::Status status =
        v1::RelayService::NewStub(hub().As(member, path))
            ->GetSubscription(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response.subscription();
  }
  absl::Status Delete(const std::string& member, const std::string& path,
                      const std::string& name) {
    grpc::ClientContext context;
    testing::SetDeadline(&context);
    v1::DeleteSubscriptionRequest request;
    request.set_name(name);
    v1::DeleteSubscriptionResponse response;
    return FromGrpc(v1::RelayService::NewStub(hub().As(member, path))
                        ->DeleteSubscription(&context, request, &response));
  }
};

constexpr char kHondurasA[] = "hn.gaceta.example/subscriber/one:a";
constexpr char kHondurasB[] = "hn.gaceta.example/subscriber/one:b";
constexpr char kHondurasTwo[] = "hn.gaceta.example/subscriber/two:a";
constexpr char kMexico[] = "mx.gaceta.example/subscriber/one:a";

TEST_F(SubscriptionsTest, EachSeesItsOwnAndAdministratorsMore) {
  Name("HN", "one", "a");
  Name("HN", "one", "b");
  Name("HN", "two", "a");
  Name("MX", "one", "a");

  for (const int page_size : {1, 2, 100}) {
    EXPECT_THAT(List("HN", "subscriber/one", page_size),
                ElementsAre(kHondurasA, kHondurasB));
    EXPECT_THAT(List("HN", "subscriber/two", page_size),
                ElementsAre(kHondurasTwo));
    EXPECT_THAT(List("HN", "subscriber/on", page_size), ElementsAre());
    EXPECT_THAT(List("HN", "admin/luis", page_size),
                ElementsAre(kHondurasA, kHondurasB, kHondurasTwo));
    EXPECT_THAT(List("OAS", "admin/ana", page_size),
                ElementsAre(kHondurasA, kHondurasB, kHondurasTwo, kMexico));
  }
}

TEST_F(SubscriptionsTest, WhatIsNotVisibleIsNotFound) {
  Name("HN", "one", "a");

  EXPECT_TRUE(Get("HN", "subscriber/one", "a").ok());
  EXPECT_TRUE(Get("HN", "subscriber/one", kHondurasA).ok());
  EXPECT_TRUE(Get("HN", "admin/luis", kHondurasA).ok());
  EXPECT_TRUE(Get("OAS", "admin/ana", kHondurasA).ok());
  for (const auto& [member, path, name] :
       std::vector<std::tuple<std::string, std::string, std::string>>{
           {"HN", "subscriber/two", kHondurasA},
           {"HN", "subscriber/one", "b"},
           {"HN", "subscriber/one", ""},
           {"MX", "admin/luis", kHondurasA},
           {"OAS", "admin/ana", "a"}}) {
    const absl::Status got = Get(member, path, name).status();
    EXPECT_EQ(got.code(), absl::StatusCode::kNotFound) << path << " " << name;
    EXPECT_EQ(Delete(member, path, name).code(), absl::StatusCode::kNotFound);
  }
}

TEST_F(SubscriptionsTest, ASubscriptionIsDescribed) {
  v1::Open open = OnlyMexico(0);
  open.set_subscription("a");
  hub().PublishMany("HN", Many("HN", 9));
  auto subscription = std::make_unique<TestSubscription>(Reader("one"), open);
  ASSERT_TRUE(subscription->ReadUntilLive());
  ASSERT_TRUE(subscription->Acknowledge(3));

  ASSERT_TRUE(testing::AwaitTrue(
      [&] { return Get("HN", "subscriber/one", "a")->next_position() == 3; }));
  const auto described = Get("HN", "subscriber/one", "a");
  EXPECT_EQ(described->name(), kHondurasA);
  EXPECT_EQ(described->identity(), "spiffe://hn.gaceta.example/subscriber/one");
  EXPECT_EQ(described->filter().SerializeAsString(),
            open.filter().SerializeAsString());
  EXPECT_EQ(described->behind(), 7);
  EXPECT_TRUE(described->connected());
  EXPECT_NEAR(static_cast<double>(described->update_time().seconds()),
              static_cast<double>(absl::ToUnixSeconds(absl::Now())), 60);
  subscription.reset();
  EXPECT_TRUE(testing::AwaitTrue(
      [&] { return !Get("HN", "subscriber/one", "a")->connected(); }));
}

TEST_F(SubscriptionsTest, AStreamThatWasRefusedDoesNotHideTheNext) {
  v1::Open open = OpenAt(0);
  open.set_subscription("a");
  open.set_known_size(1000);
  {
    // It knows more of the log than there is.
    TestSubscription refused(Reader("one"), open);
    EXPECT_EQ(refused.End().code(), absl::StatusCode::kOutOfRange);
  }

  open.clear_known_size();
  TestSubscription subscription(Reader("one"), open);
  ASSERT_TRUE(subscription.ReadUntilLive());

  EXPECT_TRUE(Get("HN", "subscriber/one", "a")->connected());
}

TEST_F(SubscriptionsTest, AnotherFilterIsRefusedAndMovesNothing) {
  hub().PublishMany("HN", Many("HN", 9));
  v1::Open open = OnlyMexico(0);
  open.mutable_filter()->add_states("HN");
  open.set_subscription("a");
  {
    TestSubscription first(Reader("one"), open);
    ASSERT_TRUE(first.ReadUntilLive());
    ASSERT_TRUE(first.Acknowledge(3));
  }
  ASSERT_TRUE(testing::AwaitTrue(
      [&] { return !Get("HN", "subscriber/one", "a")->connected(); }));

  v1::Open other = OpenAt(0);
  other.set_subscription("a");
  for (const bool has_start : {true, false}) {
    if (!has_start) other.clear_start();
    TestSubscription refused(Reader("one"), other);
    const absl::Status status = refused.End();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(Reason(status), "ANOTHER_FILTER");
    EXPECT_THAT(
        std::string(status.message()),
        ::testing::HasSubstr("passes states: \"MX\" states: \"HN\", and "
                             "is opened with everything"));
  }
  EXPECT_EQ(Get("HN", "subscriber/one", "a")->next_position(), 3);

  // The order of values does not count.
  std::swap(*open.mutable_filter()->mutable_states(0),
            *open.mutable_filter()->mutable_states(1));
  open.clear_start();
  TestSubscription again(Reader("one"), open);
  EXPECT_TRUE(again.ReadUntilLive());
  EXPECT_EQ(again.opened().start_position(), 3);
}

TEST_F(SubscriptionsTest, ASecondStreamOfOneNameIsToldUntilTheFirstHasEnded) {
  v1::Open open = OpenAt(0);
  open.set_subscription("a");
  auto first = std::make_unique<TestSubscription>(Reader("one"), open);
  ASSERT_TRUE(first->ReadUntilLive());

  TestSubscription second(Reader("one"), open);
  const absl::Status status = second.End();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(status), "SUBSCRIPTION_IN_USE");

  first.reset();
  ASSERT_TRUE(testing::AwaitTrue(
      [&] { return !Get("HN", "subscriber/one", "a")->connected(); }));
  TestSubscription third(Reader("one"), open);
  EXPECT_TRUE(third.ReadUntilLive());
}

TEST_F(SubscriptionsTest, AForgottenOneGoesOnWithoutItsName) {
  v1::Open open = OpenAt(0);
  open.set_subscription("a");
  TestSubscription subscription(Reader("one"), open);
  ASSERT_TRUE(subscription.ReadUntilLive());

  ASSERT_TRUE(Delete("HN", "admin/luis", kHondurasA).ok());
  ASSERT_TRUE(subscription.Acknowledge(1));
  hub().PublishNext("HN", GoodUpdate("HN"));

  EXPECT_TRUE(subscription.ReadTo(2));
  EXPECT_EQ(Get("HN", "subscriber/one", "a").status().code(),
            absl::StatusCode::kNotFound);
  hub().Restart();
  EXPECT_THAT(List("HN", "admin/luis", 10), ElementsAre());
}

TEST_F(SubscriptionsTest, APageTokenOfAnotherRpcIsRefused) {
  auto stub = v1::RelayService::NewStub(Reader());
  for (const char* token : {"made up", "TGlzdE1lbWJlcnMKSE4"}) {
    grpc::ClientContext context;
    testing::SetDeadline(&context);
    v1::ListSubscriptionsRequest request;
    request.set_page_token(token);
    v1::ListSubscriptionsResponse response;

    EXPECT_EQ(
        stub->ListSubscriptions(&context, request, &response).error_code(),
        grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(SubscriptionsTest, ExplainSaysWhyAnEntryPasses) {
  hub().PublishNext("HN", GoodUpdate("HN"));
  auto stub = v1::RelayService::NewStub(Reader());
  const auto explain = [&](const v1::Filter& filter, Position position,
                           v1::ExplainResponse* response) {
    grpc::ClientContext context;
    testing::SetDeadline(&context);
    v1::ExplainRequest request;
    *request.mutable_filter() = filter;
    request.set_position(position);
    return FromGrpc(stub->Explain(&context, request, response));
  };
  v1::Filter filter;
  filter.add_states("HN");
  filter.add_topics("education");
  v1::ExplainResponse response;

  ASSERT_TRUE(explain(filter, 1, &response).ok());

  EXPECT_FALSE(response.passes());
  EXPECT_TRUE(response.payload_visible());
  ASSERT_EQ(response.fields_size(), 2);
  for (const auto& field : response.fields()) {
    EXPECT_EQ(field.passes(), field.field() == "states") << field.field();
    EXPECT_FALSE(field.reason().empty());
  }
  EXPECT_EQ(explain(filter, 2, &response).code(),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(explain(filter, -1, &response).code(),
            absl::StatusCode::kOutOfRange);
  filter.add_topics("nothing");
  EXPECT_EQ(Reason(explain(filter, 1, &response)), "UNKNOWN_TOPIC");
}

}  // namespace
}  // namespace gaceta
