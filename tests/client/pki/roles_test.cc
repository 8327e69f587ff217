// Which paths of a SPIFFE ID have a use, and where.
#include "pki/roles.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace gaceta::pki {
namespace {

using ::testing::HasSubstr;

TEST(RolesTest, AMemberHasANodeASignerAgenciesSubscribersAndAdministrators) {
  for (const char* path : {"node", "signer", "agency/migracion",
                           "subscriber/monitor", "admin/ana"}) {
    EXPECT_TRUE(CheckRole("hn", path).ok()) << path;
  }
}

TEST(RolesTest, TheSecretariatHasTheHubAndNoNode) {
  for (const char* path :
       {"hub", "signer", "admin/ana", "subscriber/monitor"}) {
    EXPECT_TRUE(CheckRole("secretariat", path).ok()) << path;
  }
  EXPECT_FALSE(CheckRole("secretariat", "node").ok());
  EXPECT_FALSE(CheckRole("secretariat", "agency/x").ok());
}

TEST(RolesTest, AnyOtherPathIsRefusedWithTheOnesThatAreKnown) {
  for (const char* path : {"hub", "", "nodes", "node/x", "agency", "agency/",
                           "agency/a/b", "signer/x", "Node"}) {
    const absl::Status status = CheckRole("hn", path);

    EXPECT_TRUE(absl::IsInvalidArgument(status)) << path;
    EXPECT_THAT(std::string(status.message()), HasSubstr("agency/<name>"));
  }
}

TEST(RolesTest, TheWordsSayWhatARoleDoes) {
  EXPECT_THAT(RoleInWords("hn", "signer"), HasSubstr("never connects"));
  EXPECT_THAT(RoleInWords("secretariat", "admin/ana"), HasSubstr("registry"));
  EXPECT_THAT(RoleInWords("hn", "admin/ana"), HasSubstr("node"));
  EXPECT_EQ(RoleInWords("hn", "hub"), "unknown role");
}

}  // namespace
}  // namespace gaceta::pki
