// Publishing over mutual TLS to a real hub.
#include "server/hub/publishing_service.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "gtest/gtest.h"
#include "server/identity/access.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using testing::CheckReceipt;
using testing::GoodUpdate;
using testing::HeaderOf;
using testing::RegistryParts;
using testing::SetDeadline;
using testing::SignedStatement;
using testing::TestHub;
using testing::TestPublisher;
using testing::UpdateParts;

// One Publish call.
class Stream {
 public:
  explicit Stream(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::PublishingService::NewStub(channel)) {
    SetDeadline(&context_);
    stream_ = stub_->Publish(&context_);
  }

  bool Send(const v1::Statement& statement) {
    v1::PublishRequest request;
    *request.mutable_statement() = statement;
    return stream_->Write(request);
  }
  void DoneSending() { stream_->WritesDone(); }
  bool Receive(v1::PublishResponse* response) {
    return stream_->Read(response);
  }
  absl::Status End() { return FromGrpc(stream_->Finish()); }
  void Vanish() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::PublishingService::Stub> stub_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::PublishRequest, v1::PublishResponse>>
      stream_;
};

std::string ReasonOf(const v1::PublishResponse& response) {
  return Reason(FromRpcStatus(response.error()));
}

std::vector<v1::Statement> Chain(TestPublisher* publisher,
                                 const std::string& state, int count) {
  std::vector<v1::Statement> statements;
  statements.reserve(count);
  for (int i = 0; i < count; ++i) {
    statements.push_back(publisher->Next(GoodUpdate(state, i + 1)));
  }
  return statements;
}

TestHub::Options With(std::function<void(PublishingService::Options*)> adjust) {
  TestHub::Options options;
  options.adjust = [adjust = std::move(adjust)](HubOptions* hub) {
    adjust(&hub->publishing);
  };
  return options;
}

TEST(PublishingServiceTest, AThousandStatementsInOneStreamAreAnsweredInOrder) {
  TestHub hub;
  const auto statements = Chain(&hub.PublisherOf("HN"), "HN", 1000);

  const auto answers = hub.Publish("HN", statements);

  ASSERT_EQ(answers.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(answers[i].ok()) << answers[i].status();
    EXPECT_EQ(answers[i]->position(), i + 1);
  }
  EXPECT_EQ(hub.hub().log_size(), 1001);
}

TEST(PublishingServiceTest, AnswersKeepTheOrderAlthoughRefusalsAreQuicker) {
  TestHub hub;
  std::vector<v1::Statement> sent;
  std::vector<std::string> reasons;
  for (int i = 0; i < 100; ++i) {
    sent.push_back(hub.PublisherOf("HN").Next(GoodUpdate("HN", i + 1)));
    reasons.emplace_back("");
    sent.push_back(SignedStatement("HN", UpdateParts(GoodUpdate("HN"))));
    reasons.emplace_back("UNKNOWN_KEY");
    sent.push_back(sent[sent.size() - 2]);
    sent.back().set_payload("another");
    reasons.emplace_back("PAYLOAD_DIGEST_MISMATCH");
  }
  Stream stream(hub.As("HN", "node"));
  std::thread sender([&] {
    for (const v1::Statement& statement : sent) stream.Send(statement);
    stream.DoneSending();
  });

  std::vector<std::string> ids;
  std::vector<std::string> seen;
  v1::PublishResponse response;
  while (stream.Receive(&response)) {
    ids.push_back(response.statement_id());
    seen.push_back(response.has_receipt() ? "" : ReasonOf(response));
  }
  sender.join();

  EXPECT_TRUE(stream.End().ok());
  EXPECT_EQ(seen, reasons);
  ASSERT_EQ(ids.size(), sent.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(ids[i], HeaderOf(sent[i]).statement_id());
  }
}

TEST(PublishingServiceTest, TheFirstAnswersOfAStreamDoNotWaitForOneAnother) {
  TestHub hub;
  const auto channel = hub.As("HN", "node");
  const absl::Time begin = absl::Now();

  // Refused at once, so that several are decided before the first is written.
  for (int round = 0; round < 20; ++round) {
    Stream stream(channel);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(stream.Send(v1::Statement()));
    v1::PublishResponse response;
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(stream.Receive(&response));
    stream.DoneSending();
    EXPECT_TRUE(stream.End().ok());
  }

  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST(PublishingServiceTest, AWindowOfOneAnswersAllTheSame) {
  TestHub hub(With([](auto* options) { options->window = 1; }));

  const auto answers =
      hub.Publish("HN", Chain(&hub.PublisherOf("HN"), "HN", 100));

  for (const auto& answer : answers) EXPECT_TRUE(answer.ok());
  EXPECT_EQ(hub.hub().log_size(), 101);
}

TEST(PublishingServiceTest, BeyondTheBurstItIsReadMoreSlowly) {
  TestHub hub(With([](auto* options) { options->rate = {100, 10}; }));
  const absl::Time begin = absl::Now();

  const auto answers =
      hub.Publish("HN", Chain(&hub.PublisherOf("HN"), "HN", 60));

  for (const auto& answer : answers) EXPECT_TRUE(answer.ok());
  EXPECT_GE(absl::Now() - begin, absl::Milliseconds(400));
}

TEST(PublishingServiceTest, WhoSendsNothingMoreIsNotHeldByItsRate) {
  TestHub hub(With([](auto* options) { options->rate = {0.01, 1}; }));
  const absl::Time begin = absl::Now();

  EXPECT_EQ(hub.PublishNext("HN", GoodUpdate("HN")), 1);

  EXPECT_LT(absl::Now() - begin, absl::Seconds(30));
}

TEST(PublishingServiceTest, DrainingDoesNotWaitForASlowRate) {
  TestHub hub(With([](auto* options) { options->rate = {0.01, 1}; }));
  Stream stream(hub.As("HN", "node"));
  ASSERT_TRUE(stream.Send(hub.PublisherOf("HN").Next(GoodUpdate("HN", 1))));
  ASSERT_TRUE(stream.Send(hub.PublisherOf("HN").Next(GoodUpdate("HN", 2))));
  v1::PublishResponse response;
  ASSERT_TRUE(stream.Receive(&response));
  EXPECT_TRUE(response.has_receipt());
  const absl::Time begin = absl::Now();

  hub.hub().Drain(absl::Now() + absl::Seconds(20));

  EXPECT_FALSE(stream.Receive(&response));
  EXPECT_EQ(Reason(stream.End()), "DRAINING");
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST(PublishingServiceTest, DrainingAnswersWhatItTookAndTheRestComesAgain) {
  TestHub hub;
  const auto statements = Chain(&hub.PublisherOf("HN"), "HN", 500);
  Stream stream(hub.As("HN", "node"));
  std::thread sender([&] {
    for (const v1::Statement& statement : statements) {
      if (!stream.Send(statement)) break;
    }
  });
  v1::PublishResponse response;
  std::size_t answered = 0;
  for (; answered < 20; ++answered) ASSERT_TRUE(stream.Receive(&response));

  auto drained = std::async(std::launch::async, [&] {
    hub.hub().Drain(absl::Now() + absl::Seconds(20));
  });
  while (stream.Receive(&response)) {
    EXPECT_TRUE(response.has_receipt());
    ++answered;
  }
  sender.join();
  const absl::Status end = stream.End();
  drained.get();
  const Position drained_size = hub.hub().log_size();
  hub.Restart();
  const auto again = hub.Publish("HN", statements);

  EXPECT_EQ(end.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Reason(end), "DRAINING");
  EXPECT_EQ(drained_size, static_cast<Position>(answered) + 1);
  for (std::size_t i = 0; i < again.size(); ++i) {
    ASSERT_TRUE(again[i].ok()) << again[i].status();
    EXPECT_EQ(again[i]->position(), static_cast<Position>(i) + 1);
  }
}

TEST(PublishingServiceTest, AStreamThatComesWhileDrainingIsTold) {
  TestHub hub;
  // One that does not read its answers keeps the hub draining.
  const auto channel = hub.As("HN", "node");
  ASSERT_TRUE(channel->WaitForConnected(
      absl::ToChronoTime(absl::Now() + testing::kLongest)));
  hub.hub().Drain(absl::Now() + absl::Seconds(2));

  Stream late(channel);
  late.DoneSending();
  v1::PublishResponse response;

  EXPECT_FALSE(late.Receive(&response));
  EXPECT_EQ(late.End().code(), absl::StatusCode::kUnavailable);
}

TEST(PublishingServiceTest, ANodeThatPublishesForAnotherStateIsRefused) {
  TestHub hub;
  const v1::Statement statement = hub.PublisherOf("HN").Next(GoodUpdate("HN"));

  const auto answers = hub.Publish("GT", {statement});

  EXPECT_EQ(answers[0].status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(Reason(answers[0].status()), "WRONG_PUBLISHER");
  EXPECT_EQ(hub.hub().log_size(), 1);
}

TEST(PublishingServiceTest, AMessageThatIsTooLargeEndsItsStreamAlone) {
  TestHub hub;
  v1::Statement statement = hub.PublisherOf("HN").Next(GoodUpdate("HN"));
  v1::Statement large = statement;
  large.set_payload(std::string(2 * 1024 * 1024, 'x'));

  const auto refused = hub.Publish("HN", {large});
  const auto good = hub.Publish("HN", {statement});

  EXPECT_EQ(refused[0].status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(good[0].ok()) << good[0].status();
}

TEST(PublishingServiceTest, APayloadAtTheLimitPassesAndAboveItIsRefused) {
  TestHub hub;
  v1::Update update = testing::BigUpdate("HN", 1, 9000);
  const auto good = hub.Publish("HN", {hub.PublisherOf("HN").Next(update)});
  v1::Statement large = hub.PublisherOf("HN").Next(GoodUpdate("HN", 2));
  large.set_payload(std::string(kMaxPayloadBytes + 1, 'x'));
  const auto refused = hub.Publish("HN", {large});

  EXPECT_TRUE(good[0].ok()) << good[0].status();
  EXPECT_EQ(Reason(refused[0].status()), "TOO_LARGE");
}

TEST(PublishingServiceTest, AClientThatVanishesLosesNothingAndHurtsNobody) {
  TestHub hub;
  const auto statements = Chain(&hub.PublisherOf("HN"), "HN", 200);
  for (const int sent : {1, 10, 100}) {
    Stream stream(hub.As("HN", "node"));
    for (int i = 0; i < sent; ++i) ASSERT_TRUE(stream.Send(statements[i]));
    stream.Vanish();
    EXPECT_FALSE(stream.End().ok());
  }

  const auto answers = hub.Publish("HN", statements);

  for (std::size_t i = 0; i < answers.size(); ++i) {
    ASSERT_TRUE(answers[i].ok()) << answers[i].status();
    EXPECT_EQ(answers[i]->position(), static_cast<Position>(i) + 1);
  }
  EXPECT_EQ(hub.hub().log_size(), 201);
}

TEST(PublishingServiceTest, ManyNodesPublishAtOnce) {
  TestHub hub;
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (const std::string state : {"HN", "GT", "MX"}) {
    const auto statements = Chain(&hub.PublisherOf(state), state, 150);
    // The same twice, as two nodes by mistake would.
    for (int twin = 0; twin < 2; ++twin) {
      threads.emplace_back([&, state, statements] {
        for (const auto& answer : hub.Publish(state, statements)) {
          // Whoever is ahead of its twin meets a gap, or is first.
          good += answer.ok() ? 1 : 0;
        }
      });
    }
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(hub.hub().log_size(), 451);
  EXPECT_EQ(good, 900);
  EXPECT_TRUE(std::filesystem::is_empty(hub.folder() + "/data/evidence"));
}

TEST(PublishingServiceTest, ReceiptsSayTheSameAfterARestart) {
  TestHub hub;
  const auto statements = Chain(&hub.PublisherOf("HN"), "HN", 10);
  const auto before = hub.Publish("HN", statements);

  hub.Restart();
  const auto after = hub.Publish("HN", statements);

  for (std::size_t i = 0; i < statements.size(); ++i) {
    ASSERT_TRUE(before[i].ok() && after[i].ok()) << after[i].status();
    EXPECT_EQ(before[i]->position(), after[i]->position());
    EXPECT_EQ(before[i]->leaf(), after[i]->leaf());
    EXPECT_TRUE(CheckReceipt(*before[i], hub.log_key()).ok());
    EXPECT_TRUE(CheckReceipt(*after[i], hub.log_key()).ok());
  }
}

TEST(PublishingServiceTest, AForkIsRefusedAndKeptAsEvidence) {
  TestHub hub;
  hub.PublishNext("HN", GoodUpdate("HN", 1));

  const auto answers =
      hub.Publish("HN", {SignedStatement("HN", UpdateParts(GoodUpdate("HN", 2)),
                                         {}, hub.pki().SignerKeyOf("HN"))});

  EXPECT_EQ(Reason(answers[0].status()), "SEQUENCE_TAKEN");
  EXPECT_FALSE(std::filesystem::is_empty(hub.folder() + "/data/evidence"));
}

TEST(PublishingServiceTest, LaterStatementsMayBeAboutEarlierOnesUnderWay) {
  TestHub hub;
  testing::StatementParts first = UpdateParts(GoodUpdate("HN", 1));
  first.statement_id = NewStatementId();
  v1::Update correction = GoodUpdate("HN", 1);
  correction.set_corrects(first.statement_id);

  const auto answers =
      hub.Publish("HN", {hub.PublisherOf("HN").Next(first),
                         hub.PublisherOf("HN").Next(correction)});

  EXPECT_TRUE(answers[0].ok()) << answers[0].status();
  EXPECT_TRUE(answers[1].ok()) << answers[1].status();
}

absl::StatusOr<v1::GetChainHeadResponse> ChainHeadOf(
    const std::shared_ptr<grpc::Channel>& channel,
    const std::string& publisher) {
  grpc::ClientContext context;
  SetDeadline(&context);
  v1::GetChainHeadRequest request;
  request.set_publisher(publisher);
  v1::GetChainHeadResponse response;
  const grpc::Status status =
      v1::PublishingService::NewStub(channel)->GetChainHead(&context, request,
                                                            &response);
  if (!status.ok()) return FromGrpc(status);
  return response;
}

TEST(PublishingServiceTest, TheHeadOfAChainIsToldToItsPublisherAlone) {
  TestHub hub;

  const auto before = ChainHeadOf(hub.As("HN", "node"), "HN");
  hub.PublishNext("HN", GoodUpdate("HN"));
  const auto after = ChainHeadOf(hub.As("HN", "node"), "HN");
  const auto other = ChainHeadOf(hub.As("GT", "node"), "HN");
  const auto registrar = ChainHeadOf(hub.As("OAS", "admin/ana"), "OAS");

  ASSERT_TRUE(before.ok()) << before.status();
  EXPECT_EQ(before->sequence(), 0U);
  EXPECT_EQ(before->header_digest(), "");
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->sequence(), 1U);
  EXPECT_EQ(after->header_digest(), hub.PublisherOf("HN").head().header_digest);
  EXPECT_EQ(Reason(other.status()), "WRONG_PUBLISHER");
  ASSERT_TRUE(registrar.ok()) << registrar.status();
  EXPECT_EQ(registrar->sequence(), 1U);
}

TEST(PublishingServiceTest, ASuspendedMemberPublishesNoMore) {
  TestHub hub;
  Stream stream(hub.As("HN", "node"));
  v1::PublishResponse response;
  ASSERT_TRUE(stream.Send(hub.PublisherOf("HN").Next(GoodUpdate("HN", 1))));
  ASSERT_TRUE(stream.Receive(&response));
  hub.SuspendMember("HN");

  ASSERT_TRUE(stream.Send(hub.PublisherOf("HN").Next(GoodUpdate("HN", 2))));
  ASSERT_TRUE(stream.Receive(&response));
  stream.DoneSending();

  EXPECT_EQ(ReasonOf(response), "MEMBER_SUSPENDED");
  EXPECT_EQ(Reason(ChainHeadOf(hub.As("HN", "node"), "HN").status()),
            "MEMBER_SUSPENDED");
  EXPECT_FALSE(stream.Receive(&response));
}

TEST(PublishingServiceTest, BeforeTheRegistryOnlyTheRegistrarPublishes) {
  TestHub::Options options;
  options.with_registry = false;
  TestHub hub(options);

  const auto early =
      hub.Publish("HN", {SignedStatement("HN", UpdateParts(GoodUpdate("HN")))});
  hub.PublishNext("OAS", RegistryParts(hub.FirstChange()));
  const auto late =
      hub.Publish("HN", {hub.PublisherOf("HN").Next(GoodUpdate("HN"))});

  EXPECT_EQ(Reason(early[0].status()), "UNKNOWN_MEMBER");
  EXPECT_TRUE(late[0].ok()) << late[0].status();
}

// Calls `method` with an empty message.
absl::Status Call(const std::shared_ptr<grpc::Channel>& channel,
                  const std::string& method) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  SetDeadline(&context);
  grpc::Slice nothing;
  grpc::ByteBuffer request(&nothing, 1);
  grpc::ByteBuffer response;
  std::promise<grpc::Status> status;
  stub.UnaryCall(&context, "/" + method, grpc::StubOptions(), &request,
                 &response,
                 [&status](grpc::Status s) { status.set_value(std::move(s)); });
  return FromGrpc(status.get_future().get());
}

TEST(AccessTest, EveryRpcIsOpenToItsRolesAndNobodyElse) {
  TestHub hub;
  const std::vector<std::tuple<std::string, std::string, Role>> identities = {
      {"HN", "node", Role::kNode},
      {"HN", "agency/migracion", Role::kAgency},
      {"HN", "subscriber/monitor", Role::kSubscriber},
      {"HN", "admin/luis", Role::kStateAdmin},
      {"acnur", "subscriber/monitor", Role::kSubscriber},
      {"OAS", "admin/ana", Role::kRegistrar},
      {"OAS", "hub", Role::kHub}};
  for (const auto& [member, path, role] : identities) {
    const auto channel = hub.As(member, path);
    for (const AccessRule& rule : AccessTable()) {
      if (rule.hub_roles.empty()) continue;
      const absl::Status status = Call(channel, rule.method);

      SCOPED_TRACE(absl::StrCat(path, " of ", member, ": ", rule.method, ": ",
                                status.ToString()));
      if (rule.hub_roles.contains(role)) {
        EXPECT_NE(Reason(status), "ROLE_NOT_ALLOWED");
        EXPECT_FALSE(absl::IsUnauthenticated(status));
        EXPECT_FALSE(absl::IsUnimplemented(status));
        EXPECT_FALSE(absl::IsUnavailable(status));
      } else {
        EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
        EXPECT_EQ(Reason(status), "ROLE_NOT_ALLOWED");
      }
    }
  }
}

TEST(AccessTest, NamesWithoutARoleMayCallNothing) {
  TestHub hub;
  const std::vector<std::pair<std::string, std::string>> identities = {
      {"HN", "signer"}, {"acnur", "node"}, {"acnur", "admin/x"},
      {"OAS", "node"},  {"HN", "hub"},     {"HN", "subscriber/a/b"}};
  for (const auto& [member, path] : identities) {
    const auto channel = hub.As(member, path);
    for (const AccessRule& rule : AccessTable()) {
      if (rule.hub_roles.empty()) continue;
      const absl::Status status = Call(channel, rule.method);

      EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied)
          << path << " of " << member << ": " << rule.method << " " << status;
    }
  }
}

TEST(AccessTest, RpcsOfNodesAreNotServed) {
  TestHub hub;

  EXPECT_EQ(Call(hub.As("HN", "agency/migracion"),
                 "gaceta.v1.SubmissionsService/SubmitUpdate")
                .code(),
            absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace gaceta
