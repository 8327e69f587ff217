// The hub as a whole: its start and its end.
#include "server/hub/hub.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using testing::GoodUpdate;
using ::testing::HasSubstr;
using testing::TestHub;

class HubTest : public ::testing::Test {
 protected:
  // Options of a second hub: another folder and port.
  HubOptions Another() const {
    HubOptions options = hub_.hub_options();
    options.data_folder = folder_.path() + "/another";
    options.listen_address = "127.0.0.1:0";
    return options;
  }
  absl::Status Failure(const HubOptions& options) const {
    return Hub::Start(options).status();
  }

  TestHub hub_;
  const testing::TempFolder folder_;
};

TEST_F(HubTest, TwoHubsOfTwoFoldersRunBesideEachOther) {
  auto other = Hub::Start(Another());

  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE((*other)->port(), hub_.hub().port());
}

TEST_F(HubTest, AFolderServesOneHub) {
  HubOptions options = Another();
  options.data_folder = hub_.hub_options().data_folder;

  EXPECT_EQ(Failure(options).code(), absl::StatusCode::kUnavailable);
}

TEST_F(HubTest, AnAddressInUseIsRefused) {
  HubOptions options = Another();
  options.listen_address = hub_.hub_options().listen_address;

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1"));
}

TEST_F(HubTest, ACertificateThatIsNotAHubsIsRefused) {
  HubOptions options = Another();
  options.tls = hub_.pki().Tls("HN", "node");

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("spiffe://secretariat.gaceta.example/hub"));
  EXPECT_EQ(Hub::Check(options).status(), status);
}

TEST_F(HubTest, AKeyThatOthersMayReadIsRefused) {
  HubOptions options = Another();
  const std::string key = folder_.path() + "/hub.key";
  std::filesystem::copy(options.tls.key_file, key);
  ASSERT_EQ(chmod(key.c_str(), 0640), 0);
  options.tls.key_file = key;

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr(key));
}

TEST_F(HubTest, AFileThatIsNotThereIsNamed) {
  HubOptions options = Another();
  options.tls.root_file = "/nowhere/root.pem";

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/root.pem"));
}

TEST_F(HubTest, AFolderThatCannotBeMadeIsNamed) {
  HubOptions options = Another();
  options.data_folder = "/proc/gaceta";

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/proc/gaceta"));
}

TEST_F(HubTest, ALogKeepsItsName) {
  hub_.Stop();
  HubOptions options = hub_.hub_options();
  options.listen_address = "127.0.0.1:0";
  options.log_origin = "hub.gaceta.example/another";

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("hub.gaceta.example/log"));
}

TEST_F(HubTest, ALostIndexIsMadeAnewFromTheLog) {
  const Position position = hub_.PublishNext("HN", GoodUpdate("HN"));
  hub_.Stop();
  for (const char* name : {"index.db", "index.db-wal", "index.db-shm"}) {
    std::filesystem::remove(hub_.folder() + "/data/" + name);
  }
  hub_.Start();

  EXPECT_EQ(hub_.hub().log_size(), position + 1);
  EXPECT_EQ(hub_.PublishNext("HN", GoodUpdate("HN", 2)), position + 1);
}

TEST_F(HubTest, DrainingWithoutCallsIsQuickAndMayComeTwice) {
  const absl::Time begin = absl::Now();

  hub_.hub().Drain(absl::Now() + absl::Seconds(30));
  hub_.hub().Drain(absl::Now() + absl::Seconds(30));

  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(HubTest, StartsAndStopsManyTimes) {
  for (int i = 0; i < 20; ++i) {
    hub_.PublishNext("HN", GoodUpdate("HN", i + 1));
    hub_.Restart();
  }

  EXPECT_EQ(hub_.hub().log_size(), 21);
}

}  // namespace
}  // namespace gaceta
