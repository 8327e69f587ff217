// gaceta-hub as an administrator meets it.
#include <signal.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/identity/access.h"
#include "tests/server/relay/test_subscription.h"
#include "tests/support/child_process.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using testing::ChildProcess;
using ::testing::Contains;
using testing::GoodUpdate;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TestHub;
using testing::TestSubscription;

class HubMainTest : public ::testing::Test {
 protected:
  static TestHub::Options AsProcess() {
    TestHub::Options options;
    options.as_process = true;
    return options;
  }

  std::unique_ptr<ChildProcess> Run(const std::vector<std::string>& arguments) {
    return std::make_unique<ChildProcess>("gaceta-hub", arguments,
                                          folder_.path());
  }
  // A configuration of its own; `key_file` may be another one.
  std::string WriteConfig(const std::string& more = "",
                          const std::string& key_file = "") {
    const ServerTlsFiles tls = testing::SharedPki().Tls("OAS", "hub");
    const std::string path = folder_.path() + "/hub.textproto";
    std::ofstream(path) << "federation: \"gaceta.example\" tls {\n"
                        << "certificate_file: \"" << tls.certificate_file
                        << "\"\nkey_file: \""
                        << (key_file.empty() ? tls.key_file : key_file)
                        << "\"\nroot_file: \"" << tls.root_file << "\" }\n"
                        << "listen: \"127.0.0.1:0\" data_folder: \"data\"\n"
                        << more;
    return path;
  }

  const testing::TempFolder folder_;
};

TEST_F(HubMainTest, AConfigurationIsCheckedWithoutAStart) {
  auto hub = Run({"--check-config", "--config", WriteConfig()});

  EXPECT_EQ(hub->WaitForExit(), 0);
  EXPECT_THAT(hub->out(), HasSubstr("good"));
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/data"));
}

TEST_F(HubMainTest, AWrongConfigurationIsShownByLineAndColumn) {
  const std::string path = WriteConfig("listen_at: \"x\"\n");
  for (const bool check : {true, false}) {
    std::vector<std::string> arguments = {"--config", path};
    if (check) arguments.emplace_back("--check-config");
    auto hub = Run(arguments);

    EXPECT_EQ(hub->WaitForExit(), 1);
    EXPECT_EQ(hub->out(), "");
    EXPECT_THAT(hub->err(), HasSubstr(path + ":6:"));
    EXPECT_THAT(hub->err(), HasSubstr("listen_at"));
  }
}

TEST_F(HubMainTest, AConfigurationThatIsNotThereIsNamed) {
  auto hub = Run({"--config", "/nowhere/hub.textproto"});

  EXPECT_EQ(hub->WaitForExit(), 1);
  EXPECT_THAT(hub->err(), HasSubstr("/nowhere/hub.textproto"));
}

TEST_F(HubMainTest, AKeyThatOthersMayReadIsRefused) {
  const std::string key = folder_.path() + "/hub.key";
  std::filesystem::copy(testing::SharedPki().Tls("OAS", "hub").key_file, key);
  ASSERT_EQ(chmod(key.c_str(), 0644), 0);
  const std::string path = WriteConfig("", key);
  for (const bool check : {true, false}) {
    std::vector<std::string> arguments = {"--config", path};
    if (check) arguments.emplace_back("--check-config");
    auto hub = Run(arguments);

    EXPECT_EQ(hub->WaitForExit(), 1);
    EXPECT_THAT(hub->err(), HasSubstr("chmod 600 " + key));
  }
}

TEST_F(HubMainTest, AnotherServersCertificateIsRefusedByTheCheck) {
  const ServerTlsFiles tls = testing::SharedPki().Tls("HN", "node");
  const std::string path = folder_.path() + "/hub.textproto";
  std::ofstream(path) << "federation: \"gaceta.example\" tls {\n"
                      << "certificate_file: \"" << tls.certificate_file
                      << "\" key_file: \"" << tls.key_file << "\" root_file: \""
                      << tls.root_file << "\" }\n";

  auto hub = Run({"--config", path, "--check-config"});

  EXPECT_EQ(hub->WaitForExit(), 1);
  EXPECT_THAT(hub->err(), HasSubstr("spiffe://secretariat.gaceta.example/hub"));
}

TEST_F(HubMainTest, TheAccessTableIsPrinted) {
  auto hub = Run({"--print-access"});

  EXPECT_EQ(hub->WaitForExit(), 0);
  EXPECT_EQ(hub->out(), PrintAccessTable(ServerKind::kHub));
}

TEST_F(HubMainTest, HelpAndVersionAreNoMistakes) {
  EXPECT_EQ(Run({"--help"})->WaitForExit(), 0);
  EXPECT_EQ(Run({"--version"})->WaitForExit(), 0);
}

TEST_F(HubMainTest, WrongUsageIsTold) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--no-such-flag"}, {"extra"}, {"--config"}}) {
    auto hub = Run(arguments);

    EXPECT_EQ(hub->WaitForExit(), 2);
    EXPECT_EQ(hub->out(), "");
    EXPECT_NE(hub->err(), "");
  }
}

TEST_F(HubMainTest, ItSaysFirstWhoItIsAndWhere) {
  TestHub hub(AsProcess());

  const std::string log = hub.process().err();

  EXPECT_THAT(log, HasSubstr("started program=gaceta-hub identity="
                             "spiffe://secretariat.gaceta.example/hub"));
  EXPECT_THAT(log, HasSubstr(" data=" + hub.folder() + "/data"));
  EXPECT_THAT(log, HasSubstr(" certificates_end="));
}

// gRPC's callback API brings threads of its own, which hand every event to one
// another: see server/decisions/0010.
TEST_F(HubMainTest, OnlyItsOwnThreadsWaitForEvents) {
  TestHub hub(AsProcess());
  hub.PublishNext("HN", GoodUpdate("HN"));
  TestSubscription stream(hub.As("HN", "subscriber/monitor"),
                          testing::OpenAt(0));
  ASSERT_TRUE(stream.ReadUntilLive());

  std::vector<std::string> threads;
  for (const auto& task : std::filesystem::directory_iterator(
           absl::StrCat("/proc/", hub.process().pid(), "/task"))) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    threads.push_back(name);
  }

  EXPECT_THAT(threads, Contains("gaceta-hub"));
  EXPECT_THAT(threads, Not(Contains(HasSubstr("nexting"))));
}

TEST_F(HubMainTest, AFolderServesOneHub) {
  TestHub first(AsProcess());
  const std::string path = WriteConfig();
  std::filesystem::create_directory_symlink(first.folder() + "/data",
                                            folder_.path() + "/data");

  auto second = Run({"--config", path});

  EXPECT_EQ(second->WaitForExit(), 1);
  EXPECT_THAT(second->err(), HasSubstr("another"));
  EXPECT_EQ(first.PublishNext("HN", GoodUpdate("HN")), 1);
}

TEST_F(HubMainTest, SigtermEndsItInGoodOrderWithOpenStreams) {
  for (const int signal : {SIGTERM, SIGINT}) {
    TestHub hub(AsProcess());
    std::vector<std::unique_ptr<TestSubscription>> streams;
    for (int i = 0; i < 10; ++i) {
      streams.push_back(std::make_unique<TestSubscription>(
          hub.As("HN", "subscriber/monitor"), testing::OpenAt(0)));
      ASSERT_TRUE(streams.back()->ReadUntilLive());
    }
    const absl::Time begin = absl::Now();

    hub.process().Signal(signal);

    EXPECT_EQ(hub.process().WaitForExit(), 0);
    EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
    for (auto& stream : streams) {
      EXPECT_EQ(Reason(stream->End()), "DRAINING");
    }
    EXPECT_THAT(hub.process().err(), HasSubstr("stopped program=gaceta-hub"));
  }
}

TEST_F(HubMainTest, SigtermEndsItWithReadersThatStall) {
  TestHub hub(AsProcess());
  TestSubscription stalled(hub.As("HN", "subscriber/monitor"),
                           testing::OpenAt(0));
  hub.PublishMany(
      "HN", std::vector<testing::StatementParts>(
                3000, testing::UpdateParts(testing::BigUpdate("HN", 1, 1024))));
  const absl::Time begin = absl::Now();

  hub.process().Signal(SIGTERM);

  EXPECT_EQ(hub.process().WaitForExit(), 0);
  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(HubMainTest, AKilledHubStartsAgainWithEverythingAnswered) {
  TestHub hub(AsProcess());
  const Position position = hub.PublishNext("HN", GoodUpdate("HN", 1));

  hub.process().Signal(SIGKILL);
  EXPECT_EQ(hub.process().WaitForExit(), -SIGKILL);
  hub.Restart();

  EXPECT_EQ(hub.PublishNext("HN", GoodUpdate("HN", 2)), position + 1);
}

}  // namespace
}  // namespace gaceta
