#include "server/services/health_service.h"

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gtest/gtest.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using grpc::health::v1::Health;
using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using testing::SetDeadline;
using testing::TestHub;

HealthCheckRequest About(const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  return request;
}

// One Watch call.
class Watch {
 public:
  Watch(const std::shared_ptr<grpc::Channel>& channel,
        const std::string& service)
      : stub_(Health::NewStub(channel)) {
    SetDeadline(&context_);
    reader_ = stub_->Watch(&context_, About(service));
  }

  // UNKNOWN, which is never sent, if the call has ended.
  HealthCheckResponse::ServingStatus Next() {
    HealthCheckResponse response;
    return reader_->Read(&response) ? response.status()
                                    : HealthCheckResponse::UNKNOWN;
  }
  absl::Status End() { return FromGrpc(reader_->Finish()); }

 private:
  const std::unique_ptr<Health::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<HealthCheckResponse>> reader_;
};

class HealthServiceTest : public ::testing::Test {
 protected:
  absl::StatusOr<HealthCheckResponse::ServingStatus> Check(
      const std::string& service) {
    grpc::ClientContext context;
    SetDeadline(&context);
    HealthCheckResponse response;
    const absl::Status status = FromGrpc(
        Health::NewStub(channel_)->Check(&context, About(service), &response));
    if (!status.ok()) return status;
    return response.status();
  }

  TestHub hub_;
  const std::shared_ptr<grpc::Channel> channel_ =
      hub_.As("HN", "subscriber/monitor");
};

TEST_F(HealthServiceTest, AServerThatTakesCallsServes) {
  const auto checked = Check("");

  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(*checked, HealthCheckResponse::SERVING);
}

TEST_F(HealthServiceTest, OnlyTheServerAsAWholeIsKnown) {
  EXPECT_EQ(Check("gaceta.v1.RelayService").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(Watch(channel_, "gaceta.v1.RelayService").Next(),
            HealthCheckResponse::SERVICE_UNKNOWN);
}

TEST_F(HealthServiceTest, AWatchIsToldThatTheServerShutsDown) {
  Watch watch(channel_, "");
  Watch of_unknown(channel_, "unknown");
  ASSERT_EQ(watch.Next(), HealthCheckResponse::SERVING);
  ASSERT_EQ(of_unknown.Next(), HealthCheckResponse::SERVICE_UNKNOWN);
  const absl::Time begin = absl::Now();

  hub_.hub().Drain(absl::Now() + absl::Seconds(30));

  EXPECT_EQ(watch.Next(), HealthCheckResponse::NOT_SERVING);
  EXPECT_EQ(watch.Next(), HealthCheckResponse::UNKNOWN);
  EXPECT_EQ(Reason(watch.End()), "DRAINING");
  EXPECT_EQ(of_unknown.Next(), HealthCheckResponse::UNKNOWN);
  EXPECT_EQ(Reason(of_unknown.End()), "DRAINING");
  // Nor does it hold the server up.
  EXPECT_LT(absl::Now() - begin, absl::Seconds(20));
}

}  // namespace
}  // namespace gaceta
