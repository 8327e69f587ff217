#include "server/rpc/open_calls.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gaceta/v1/witness.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"
#include "server/rpc/call.h"

namespace gaceta {
namespace {

using AsyncService =
    v1::WitnessService::WithAsyncMethod_Witness<v1::WitnessService::Service>;

// What a test sees of calls, and tells them.
struct Seen {
  std::atomic<int> opened{0};
  std::atomic<int> over{0};
  std::atomic<int> destroyed{0};
  // Whether a call ends when it is to drain.
  std::atomic<bool> obeys{true};
  // Whether a call expects something more when it is over.
  std::atomic<bool> holds{false};
  std::atomic<Call*> held{nullptr};
};

// Sends back the number in each message.
class Echo : public Call {
 public:
  Echo(AsyncService* service, OpenCalls* calls, Seen* seen)
      : Call(calls), seen_(seen), stream_(context()) {
    service->RequestWitness(context(), &stream_, loop()->queue(),
                            loop()->queue(), WaitForCall());
  }
  ~Echo() override {
    if (was_open_) ++seen_->destroyed;
  }

  void Drain() override {
    if (finished_ || !seen_->obeys) return;
    finished_ = true;
    stream_.Finish({grpc::StatusCode::UNAVAILABLE, "drained"}, finish_.Begin());
  }

 private:
  void OnOpen() override {
    was_open_ = true;
    if (seen_->holds) {
      Expect();
      seen_->held = this;
    }
    ++seen_->opened;
    stream_.Read(&request_, read_.Begin());
  }
  void OnOver() override { ++seen_->over; }
  void OnRead(bool ok) {
    if (finished_ || is_over()) return;
    if (!ok) {
      finished_ = true;
      stream_.Finish(grpc::Status::OK, finish_.Begin());
      return;
    }
    v1::WitnessResponse response;
    response.set_add_checkpoint(absl::StrCat(request_.status()));
    stream_.Write(response, write_.Begin());
  }
  void OnWritten(bool ok) {
    if (ok && !finished_ && !is_over()) stream_.Read(&request_, read_.Begin());
  }
  void OnFinished(bool /*ok*/) {}

  Seen* const seen_;
  grpc::ServerAsyncReaderWriter<v1::WitnessResponse, v1::WitnessRequest>
      stream_;
  Step<Echo> read_{this, &Echo::OnRead};
  Step<Echo> write_{this, &Echo::OnWritten};
  Step<Echo> finish_{this, &Echo::OnFinished};
  v1::WitnessRequest request_;
  bool was_open_ = false;
  bool finished_ = false;
};

// A client's side of one.
class Client {
 public:
  explicit Client(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::WitnessService::NewStub(channel)) {
    context_.set_deadline(absl::ToChronoTime(absl::Now() + absl::Minutes(1)));
    stream_ = stub_->Witness(&context_);
  }

  std::string Ask(int number) {
    v1::WitnessRequest request;
    request.set_status(number);
    if (!stream_->Write(request)) return "cannot write";
    return Read();
  }
  std::string Read() {
    v1::WitnessResponse response;
    if (!stream_->Read(&response)) return "ended";
    return response.add_checkpoint();
  }
  void DoneSending() { stream_->WritesDone(); }
  grpc::Status End() { return stream_->Finish(); }
  void Vanish() {
    context_.TryCancel();
    stream_->Finish();
  }

 private:
  const std::unique_ptr<v1::WitnessService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::WitnessRequest, v1::WitnessResponse>>
      stream_;
};

class OpenCallsTest : public ::testing::Test {
 protected:
  OpenCallsTest()
      : calls_(&loop_, [this] {
          return std::make_unique<Echo>(&service_, &calls_, &seen_);
        }) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                             &port);
    builder.RegisterService(&service_);
    loop_.Register(builder);
    server_ = builder.BuildAndStart();
    calls_.Start();
    loop_.Start();
    channel_ = grpc::CreateChannel(absl::StrCat("127.0.0.1:", port),
                                   grpc::InsecureChannelCredentials());
  }
  ~OpenCallsTest() override { Stop(); }

  void Stop() {
    server_->Shutdown(absl::ToChronoTime(absl::Now()));
    loop_.Stop();
  }
  std::unique_ptr<Client> Connect() {
    return std::make_unique<Client>(channel_);
  }
  // Waits until `done` says so; false if it does not.
  bool Await(const std::function<bool()>& done) {
    const absl::Time end = absl::Now() + absl::Minutes(1);
    while (!done()) {
      if (absl::Now() > end) return false;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return true;
  }

  Seen seen_;
  CallLoop loop_;
  AsyncService service_;
  OpenCalls calls_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(OpenCallsTest, ManyAreOpenAtOnce) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 60; ++i) clients.push_back(Connect());

  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 60; ++i) {
      EXPECT_EQ(clients[i]->Ask(i + round), absl::StrCat(i + round));
    }
  }

  EXPECT_EQ(calls_.open(), 60);
  for (const auto& client : clients) {
    client->DoneSending();
    EXPECT_TRUE(client->End().ok());
  }
  EXPECT_TRUE(Await([&] { return calls_.open() == 0; }));
}

TEST_F(OpenCallsTest, EachThatEndsIsDestroyed) {
  for (int i = 0; i < 50; ++i) {
    auto client = Connect();
    EXPECT_EQ(client->Ask(i), absl::StrCat(i));
    client->DoneSending();
    EXPECT_TRUE(client->End().ok());
  }

  EXPECT_TRUE(Await([&] { return seen_.destroyed == 50; }));
  EXPECT_EQ(seen_.over, 50);
}

TEST_F(OpenCallsTest, AClientThatVanishesEndsItsCall) {
  auto stays = Connect();
  ASSERT_EQ(stays->Ask(1), "1");
  auto client = Connect();
  ASSERT_EQ(client->Ask(2), "2");

  client->Vanish();

  EXPECT_TRUE(Await([&] { return calls_.open() == 1; }));
  EXPECT_EQ(seen_.over, 1);
  EXPECT_EQ(seen_.destroyed, 1);
  EXPECT_EQ(stays->Ask(3), "3");
}

TEST_F(OpenCallsTest, DrainingEndsThoseThatAreOpenAndThoseThatCome) {
  auto open = Connect();
  ASSERT_EQ(open->Ask(1), "1");

  calls_.Drain();
  calls_.AwaitEnd(absl::InfiniteFuture());
  auto late = Connect();

  EXPECT_EQ(calls_.open(), 0);
  EXPECT_EQ(open->Read(), "ended");
  EXPECT_EQ(open->End().error_message(), "drained");
  EXPECT_EQ(late->Read(), "ended");
  EXPECT_EQ(late->End().error_message(), "drained");
  EXPECT_EQ(seen_.opened, 1);
}

TEST_F(OpenCallsTest, DrainingDoesNotWaitForLongerThanItsDeadline) {
  seen_.obeys = false;
  auto open = Connect();
  ASSERT_EQ(open->Ask(1), "1");

  calls_.Drain();
  calls_.AwaitEnd(absl::Now() + absl::Milliseconds(50));

  EXPECT_EQ(calls_.open(), 1);
  EXPECT_EQ(open->Ask(2), "2");
}

TEST_F(OpenCallsTest, AServerThatShutsDownEndsThem) {
  seen_.obeys = false;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 20; ++i) {
    clients.push_back(Connect());
    ASSERT_EQ(clients.back()->Ask(i), absl::StrCat(i));
  }

  Stop();

  EXPECT_EQ(seen_.over, 20);
  EXPECT_EQ(seen_.destroyed, 20);
  EXPECT_EQ(calls_.open(), 0);
}

TEST_F(OpenCallsTest, ACallLivesUntilAllThatItExpectsHasComeBack) {
  seen_.holds = true;
  auto client = Connect();
  ASSERT_EQ(client->Ask(1), "1");
  client->Vanish();
  ASSERT_TRUE(Await([&] { return seen_.over == 1; }));
  // The last thing that gRPC had to say has been said by now, too.
  for (int i = 0; i < 10; ++i) {
    seen_.holds = false;
    auto another = Connect();
    ASSERT_EQ(another->Ask(i), absl::StrCat(i));
    another->Vanish();
  }
  ASSERT_TRUE(Await([&] { return seen_.over == 11; }));
  EXPECT_EQ(calls_.open(), 1);

  loop_.Post([this] { seen_.held.load()->Returned(); });

  EXPECT_TRUE(Await([&] { return calls_.open() == 0; }));
  EXPECT_EQ(seen_.destroyed, 11);
}

}  // namespace
}  // namespace gaceta
