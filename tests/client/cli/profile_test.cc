#include "cli/profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "cli/command.h"
#include "cli/profile.pb.h"
#include "tests/support/temp_folder.h"

namespace gaceta::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kTwoProfiles[] = R"(
# The ministry's own node.
profiles {
  name: "hn"
  server: "node.hn.gaceta.example:8443"
  server_id: "spiffe://hn.gaceta.example/node"
  certificate_file: "agency.pem"
  key_file: "/etc/gaceta/agency.key"
  root_file: "~/root.pem"
}
profiles {
  name: "hub"
  server: "hub.gaceta.example:8443"
  server_id: "spiffe://secretariat.gaceta.example/hub"
  certificate_file: "observer.pem"
  key_file: "observer.key"
  root_file: "root.pem"
  federation: "other.example"
  log_origin: "log.other.example"
}
default_profile: "hn"
)";

class ProfileTest : public ::testing::Test {
 protected:
  ProfileTest() { unsetenv("GACETA_PROFILE"); }
  ~ProfileTest() override { unsetenv("GACETA_PROFILE"); }

  ConnectionFlags FlagsFor(const std::string& text) {
    ConnectionFlags flags;
    flags.config_file = folder_.Write("config", text);
    return flags;
  }

  testing::TempFolder folder_;
};

TEST_F(ProfileTest, TheDefaultProfileIsUsedUnlessAnotherIsAskedFor) {
  const ConnectionFlags flags = FlagsFor(kTwoProfiles);

  const auto profile = ResolveProfile(flags);

  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->name, "hn");
  EXPECT_EQ(profile->connection.server, "node.hn.gaceta.example:8443");
  EXPECT_EQ(profile->connection.server_id, "spiffe://hn.gaceta.example/node");
}

TEST_F(ProfileTest, TheFlagComesBeforeTheEnvironment) {
  ConnectionFlags flags = FlagsFor(kTwoProfiles);
  setenv("GACETA_PROFILE", "hub", 1);
  EXPECT_EQ(ResolveProfile(flags)->name, "hub");

  flags.profile = "hn";
  EXPECT_EQ(ResolveProfile(flags)->name, "hn");
}

TEST_F(ProfileTest, PathsAreRelativeToTheFilesFolder) {
  setenv("HOME", "/home/ana", 1);

  const auto profile = ResolveProfile(FlagsFor(kTwoProfiles));

  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->connection.certificate_file, folder_.Path("agency.pem"));
  EXPECT_EQ(profile->connection.key_file, "/etc/gaceta/agency.key");
  EXPECT_EQ(profile->connection.root_file, "/home/ana/root.pem");
}

TEST_F(ProfileTest, FederationAndLogFollowFromTheServersName) {
  ConnectionFlags flags = FlagsFor(kTwoProfiles);
  EXPECT_EQ(ResolveProfile(flags)->federation, "gaceta.example");
  EXPECT_EQ(ResolveProfile(flags)->log_origin, "hub.gaceta.example/log");

  flags.profile = "hub";
  EXPECT_EQ(ResolveProfile(flags)->federation, "other.example");
  EXPECT_EQ(ResolveProfile(flags)->log_origin, "log.other.example");
}

TEST_F(ProfileTest, AFlagReplacesTheFieldOfTheProfile) {
  ConnectionFlags flags = FlagsFor(kTwoProfiles);
  flags.server = "127.0.0.1:9000";
  flags.certificate_file = "here.pem";

  const auto profile = ResolveProfile(flags);

  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_EQ(profile->connection.server, "127.0.0.1:9000");
  EXPECT_EQ(profile->connection.certificate_file, "here.pem");
}

TEST_F(ProfileTest, FlagsAloneAreEnough) {
  setenv("XDG_CONFIG_HOME", folder_.Path("nowhere").c_str(), 1);
  ConnectionFlags flags;
  flags.server = "127.0.0.1:9000";
  flags.server_id = "spiffe://gt.gaceta.example/node";
  flags.certificate_file = "c";
  flags.key_file = "k";
  flags.root_file = "r";

  EXPECT_TRUE(ResolveProfile(flags).ok());
}

TEST_F(ProfileTest, WhatIsMissingIsNamedByItsFlag) {
  const auto profile = ResolveProfile(
      FlagsFor(R"(profiles { name: "hn" server: "x:1" root_file: "r" })"));

  EXPECT_EQ(ExitCodeOf(profile.status()), kExitUsage);
  EXPECT_THAT(std::string(profile.status().message()),
              HasSubstr("missing --server-id, --certificate, --key in profile "
                        "\"hn\""));
}

TEST_F(ProfileTest, AWrongFieldIsReportedWithFileLineAndColumn) {
  const ConnectionFlags flags =
      FlagsFor("profiles {\n  name: \"hn\"\n  sever: \"x:1\"\n}\n");

  const auto profile = ResolveProfile(flags);

  EXPECT_EQ(ExitCodeOf(profile.status()), kExitUsage);
  EXPECT_THAT(std::string(profile.status().message()),
              StartsWith(flags.config_file + ":3:"));
  EXPECT_THAT(std::string(profile.status().message()), HasSubstr("sever"));
}

TEST_F(ProfileTest, AProfileThatIsNotThereIsAnErrorWithThoseThatAre) {
  ConnectionFlags flags = FlagsFor(kTwoProfiles);
  flags.profile = "mx";

  EXPECT_THAT(std::string(ResolveProfile(flags).status().message()),
              HasSubstr("it has: hn, hub"));
}

TEST_F(ProfileTest, AFileThatWasAskedForMustBeThere) {
  ConnectionFlags flags;
  flags.config_file = folder_.Path("nothing");

  EXPECT_EQ(ExitCodeOf(ResolveProfile(flags).status()), kExitUsage);
}

TEST_F(ProfileTest, TwoProfilesOfOneNameAreRefused) {
  const auto file = ParseProfileFile(
      "profiles { name: \"a\" } profiles { name: \"a\" }", "config");

  EXPECT_THAT(std::string(file.status().message()),
              HasSubstr("profile \"a\" is there twice"));
}

TEST_F(ProfileTest, TheFileIsLookedForWhereXdgSays) {
  setenv("XDG_CONFIG_HOME", "/xdg", 1);
  EXPECT_EQ(DefaultProfilePath(), "/xdg/gaceta/config");

  unsetenv("XDG_CONFIG_HOME");
  setenv("HOME", "/home/ana", 1);
  EXPECT_EQ(DefaultProfilePath(), "/home/ana/.config/gaceta/config");
}

}  // namespace
}  // namespace gaceta::cli
