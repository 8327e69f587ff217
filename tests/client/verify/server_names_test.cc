#include "verify/server_names.h"

#include <optional>
#include <string>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gaceta {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

SpiffeId Id(const std::string& member_and_path) {
  const std::size_t slash = member_and_path.find('/');
  return *SpiffeId::Parse("spiffe://" + member_and_path.substr(0, slash) +
                          ".gaceta.example" + member_and_path.substr(slash));
}

TEST(ServerNamesTest, TheHubAndNodesHaveADnsName) {
  EXPECT_EQ(ServerDnsName(Id("secretariat/hub")),
            "hub.secretariat.gaceta.example");
  EXPECT_EQ(ServerDnsName(Id("hn/node")), "node.hn.gaceta.example");
}

TEST(ServerNamesTest, NobodyElseHasOne) {
  for (const char* other :
       {"hn/hub", "secretariat/node", "secretariat2/hub", "hn/signer",
        "hn/agency/node", "hn/subscriber/node", "hn/node/x", "hn/admin/ana",
        "secretariat/admin/ana"}) {
    EXPECT_EQ(ServerDnsName(Id(other)), std::nullopt) << other;
  }
}

TEST(ServerNamesTest, OnlyAServersCertificateMayHaveNames) {
  const ServerNames dns = {{"hub.secretariat.gaceta.example"}, {}};
  const ServerNames ip = {{}, {"192.0.2.17"}};

  EXPECT_TRUE(CheckServerNames(Id("hn/node"), dns).ok());
  EXPECT_TRUE(CheckServerNames(Id("secretariat/hub"), ip).ok());
  EXPECT_TRUE(CheckServerNames(Id("hn/subscriber/x"), {}).ok());
  for (const ServerNames& names : {dns, ip}) {
    for (const char* other : {"hn/subscriber/x", "hn/hub", "hn/signer"}) {
      const absl::Status status = CheckServerNames(Id(other), names);

      EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
      EXPECT_EQ(Reason(status), "SERVER_NAMES_NOT_ALLOWED");
    }
  }
  EXPECT_THAT(
      std::string(CheckServerNames(Id("hn/agency/x"), ip).message()),
      AllOf(HasSubstr("spiffe://hn.gaceta.example/agency/x"),
            HasSubstr("IP address 192.0.2.17"), HasSubstr("expected none")));
}

TEST(ServerNamesTest, ADnsNameHasLabelsInLowerCase) {
  for (const char* good : {"a", "gaceta.gob.hn", "xn--mxico-bsa.mx", "1.2"}) {
    EXPECT_TRUE(IsDnsName(good)) << good;
  }
  for (const std::string& bad :
       {std::string(""), std::string("."), std::string("a."), std::string(".a"),
        std::string("A.b"), std::string("a_b.c"), std::string("-a.b"),
        std::string("a-.b"), std::string("*.b"), std::string("méxico.mx"),
        std::string("a.b\0", 4), std::string(64, 'a') + ".b",
        std::string(252, 'a') + ".b"}) {
    EXPECT_FALSE(IsDnsName(bad)) << bad;
  }
}

TEST(ServerNamesTest, ANameIsWithinItselfAndWhatItEndsWith) {
  EXPECT_TRUE(IsWithin("gob.hn", "gob.hn"));
  EXPECT_TRUE(IsWithin("a.gob.hn", "gob.hn"));
  EXPECT_FALSE(IsWithin("xgob.hn", "gob.hn"));
  EXPECT_FALSE(IsWithin("hn", "gob.hn"));
  EXPECT_FALSE(IsWithin("a.gob.gt", "gob.hn"));
}

}  // namespace
}  // namespace gaceta
