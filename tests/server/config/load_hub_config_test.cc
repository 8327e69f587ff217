#include "server/config/load_hub_config.h"

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/config/common_config.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// All that is required.
constexpr char kLeast[] = R"(federation: "gaceta.example"
tls {
  certificate_file: "hub.pem"
  key_file: "/keys/hub.key"
  root_file: "../root.pem"
}
)";

class LoadHubConfigTest : public ::testing::Test {
 protected:
  absl::StatusOr<LoadedHubConfig> Load(const std::string& text) {
    std::ofstream(path_) << text;
    return LoadHubConfig(path_);
  }
  // What is wrong, each without the file's name.
  std::vector<std::string> Wrong(const std::string& text) {
    const absl::Status status = Load(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    std::vector<std::string> lines =
        absl::StrSplit(std::string(status.message()), '\n');
    for (std::string& line : lines) {
      EXPECT_THAT(line, StartsWith(path_ + ":"));
      line = line.substr(path_.size() + 1);
    }
    return lines;
  }
  std::vector<std::string> WrongWith(const std::string& more) {
    return Wrong(kLeast + more);
  }

  const testing::TempFolder folder_;
  const std::string path_ = folder_.path() + "/hub.textproto";
};

TEST_F(LoadHubConfigTest, DefaultsAreThoseOfTheComments) {
  auto loaded = Load(kLeast);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const HubOptions& options = loaded->options;
  EXPECT_EQ(options.federation, "gaceta.example");
  EXPECT_EQ(options.log_origin, "hub.gaceta.example/log");
  EXPECT_EQ(options.listen_address, "0.0.0.0:7443");
  EXPECT_EQ(options.data_folder, "/var/lib/gaceta-hub");
  EXPECT_EQ(options.publishing.rate.per_second, 200);
  EXPECT_EQ(options.publishing.rate.burst, 10'000);
  EXPECT_EQ(options.publishing.window, 256);
  EXPECT_EQ(options.relay.max_streams_per_identity, 64);
  EXPECT_EQ(options.relay.heartbeat, absl::Seconds(15));
  EXPECT_EQ(loaded->log_level, config::INFO);
  EXPECT_EQ(loaded->metrics_address, "");
}

TEST_F(LoadHubConfigTest, WhatIsSetIsTaken) {
  auto loaded = Load(absl::StrCat(kLeast, R"(
      log_origin: "log.example/one" listen: "[::1]:0" data_folder: "/data"
      publish_limits { per_second: 0.5 burst: 7 window: 9 }
      relay_limits { max_streams_per_identity: 3 heartbeat_seconds: 30 }
      log_level: DEBUG)"));

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const HubOptions& options = loaded->options;
  EXPECT_EQ(options.log_origin, "log.example/one");
  EXPECT_EQ(options.listen_address, "[::1]:0");
  EXPECT_EQ(options.data_folder, "/data");
  EXPECT_EQ(options.publishing.rate.per_second, 0.5);
  EXPECT_EQ(options.publishing.rate.burst, 7);
  EXPECT_EQ(options.publishing.window, 9);
  EXPECT_EQ(options.relay.max_streams_per_identity, 3);
  EXPECT_EQ(options.relay.heartbeat, absl::Seconds(30));
  EXPECT_EQ(loaded->log_level, config::DEBUG);
}

TEST_F(LoadHubConfigTest, RelativePathsAreThoseOfTheFilesFolder) {
  auto loaded = Load(absl::StrCat(kLeast, "data_folder: \"./data\""));

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  const HubOptions& options = loaded->options;
  EXPECT_EQ(options.tls.certificate_file, folder_.path() + "/hub.pem");
  EXPECT_EQ(options.tls.key_file, "/keys/hub.key");
  EXPECT_EQ(options.tls.root_file,
            folder_.path().substr(0, folder_.path().rfind('/')) + "/root.pem");
  EXPECT_EQ(options.data_folder, folder_.path() + "/data");
}

TEST_F(LoadHubConfigTest, AFileThatIsNotThereIsNamed) {
  const absl::Status status = LoadHubConfig("/nowhere/hub.textproto").status();

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("/nowhere/hub.textproto"));
}

TEST_F(LoadHubConfigTest, WhatDoesNotParseIsShownByLineAndColumn) {
  EXPECT_THAT(Wrong("federation: \"gaceta.example\"\nlisten 7443"),
              ElementsAre(StartsWith("2:8: ")));
  EXPECT_THAT(Wrong("tls {"), ElementsAre(StartsWith("1:6: ")));
}

TEST_F(LoadHubConfigTest, AFieldThatIsUnknownIsShownByLineAndColumn) {
  EXPECT_THAT(
      Wrong("federation: \"gaceta.example\"\n  lisen: \"0.0.0.0:7443\"\n"),
      ElementsAre(AllOf(StartsWith("2:"), HasSubstr("lisen"))));
  EXPECT_THAT(Wrong("tls {\n  key: \"x\"\n}"),
              ElementsAre(AllOf(StartsWith("2:"), HasSubstr("key"))));
}

TEST_F(LoadHubConfigTest, AValueOfTheWrongTypeIsShown) {
  EXPECT_THAT(WrongWith("log_level: LOUD\n"), ElementsAre(HasSubstr("LOUD")));
  EXPECT_THAT(WrongWith("publish_limits { window: \"x\" }\n"),
              ElementsAre(StartsWith("7:")));
  EXPECT_THAT(WrongWith("listen: \"a:1\" listen: \"b:1\"\n"),
              ElementsAre(StartsWith("7:")));
}

TEST_F(LoadHubConfigTest, EverythingThatIsMissingIsSaidAtOnce) {
  EXPECT_THAT(Wrong(""),
              ElementsAre(HasSubstr(" federation: is missing"),
                          HasSubstr(" tls.certificate_file: is missing"),
                          HasSubstr(" tls.key_file: is missing"),
                          HasSubstr(" tls.root_file: is missing")));
}

TEST_F(LoadHubConfigTest, AFieldInsideAnotherIsShownWhereTheOtherStands) {
  EXPECT_THAT(Wrong("federation: \"gaceta.example\"\n tls {\n"
                    "  certificate_file: \"a\"\n   key_file: \"\"\n"
                    "  root_file: \"b\"\n}\n"),
              ElementsAre(StartsWith("4:4: tls.key_file: is missing")));
  EXPECT_THAT(Wrong("federation: \"gaceta.example\"\n tls {\n"
                    "  certificate_file: \"a\" root_file: \"b\"\n}\n"),
              ElementsAre(StartsWith("2:2: tls.key_file: is missing")));
}

TEST_F(LoadHubConfigTest, AValueOutOfItsRangeIsShownWithTheRange) {
  EXPECT_THAT(WrongWith("listen: \"7443\"\n"),
              ElementsAre("7:1: listen: is \"7443\", expected host:port"));
  EXPECT_THAT(WrongWith("data_folder: \"\"\n"),
              ElementsAre(HasSubstr("7:1: data_folder: is missing")));
  EXPECT_THAT(
      WrongWith("relay_limits {\n max_streams_per_identity: 0\n"
                " heartbeat_seconds: 301 }\n"),
      ElementsAre(
          "8:2: relay_limits.max_streams_per_identity: is 0, expected 1 to "
          "100000",
          "9:2: relay_limits.heartbeat_seconds: is 301, expected 1 to 300"));
  EXPECT_THAT(WrongWith("publish_limits {\n per_second: 0\n burst: 0.5\n"
                        " window: 0 }\n"),
              ElementsAre(StartsWith("8:2: publish_limits.per_second: is 0"),
                          StartsWith("9:2: publish_limits.burst: is 0.5"),
                          StartsWith("10:2: publish_limits.window: is 0")));
  EXPECT_THAT(WrongWith("publish_limits { per_second: nan }\n"),
              ElementsAre(HasSubstr("publish_limits.per_second")));
}

TEST_F(LoadHubConfigTest, MetricsAreShownToThisMachineAlone) {
  for (const char* good : {"", "127.0.0.1:9443", "127.1.2.3:0", "[::1]:9443"}) {
    auto loaded =
        Load(absl::StrCat(kLeast, "metrics_address: \"", good, "\"\n"));
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    EXPECT_EQ(loaded->metrics_address, good);
  }
  for (const char* bad :
       {"0.0.0.0:9443", "[::]:9443", "192.0.2.1:9443", "localhost:9443",
        "127.0.0.1", "128.0.0.1:9443", "127.0.0.1:65536", "9443"}) {
    EXPECT_THAT(
        WrongWith(absl::StrCat("metrics_address: \"", bad, "\"\n")),
        ElementsAre(StartsWith(absl::StrCat("7:1: metrics_address: is \"", bad,
                                            "\", expected 127.0.0.1:port"))));
  }
}

TEST_F(LoadHubConfigTest, AFederationIsADomainInLowerCase) {
  std::string text = kLeast;
  text.replace(text.find("gaceta.example"), 6, "GACETA");

  EXPECT_THAT(Wrong(text), ElementsAre(HasSubstr("1:1: federation: is")));
}

TEST(IsHostAndPortTest, KnowsAddresses) {
  for (const char* good :
       {"a:1", "0.0.0.0:7443", "[::]:65535", "hub.example:443"}) {
    EXPECT_TRUE(IsHostAndPort(good, false)) << good;
  }
  for (const char* bad : {"", ":", ":1", "a:", "a:-1", "a:65536", "a:b", "a"}) {
    EXPECT_FALSE(IsHostAndPort(bad, true)) << bad;
  }
  EXPECT_TRUE(IsHostAndPort("a:0", true));
  EXPECT_FALSE(IsHostAndPort("a:0", false));
}

}  // namespace
}  // namespace gaceta
