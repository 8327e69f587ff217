#include "verify/spiffe_id.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/support/vectors.h"

namespace gaceta {
namespace {

std::string Repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(SpiffeIdTest, GoodIdsKeepTheirParts) {
  auto id = SpiffeId::Parse("spiffe://hn.gaceta.example/agency/migracion");

  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_EQ(id->trust_domain(), "hn.gaceta.example");
  EXPECT_EQ(id->path(), "agency/migracion");
  EXPECT_EQ(id->ToString(), "spiffe://hn.gaceta.example/agency/migracion");
}

TEST(SpiffeIdTest, WhatTheRulesAllowIsAccepted) {
  for (const std::string& uri : {
           std::string("spiffe://hn.gaceta.example/node"),
           std::string("spiffe://a/b"),
           std::string("spiffe://a_b-c.1/A.b_C-9"),
           std::string("spiffe://a/..."),
           std::string("spiffe://a/.b/..c"),
           "spiffe://" + Repeat("a", 255) + "/x",
           "spiffe://a/" + Repeat("b", 2048 - 11),
       }) {
    EXPECT_TRUE(SpiffeId::Parse(uri).ok()) << uri;
  }
}

TEST(SpiffeIdTest, WhatBreaksARuleIsRefused) {
  using std::string_literals::operator""s;
  for (const std::string& uri : {
           ""s,
           "spiffe"s,
           "spiffe://"s,
           "spiffe:///node"s,
           "spiffe:/hn.gaceta.example/node"s,
           "SPIFFE://hn.gaceta.example/node"s,
           "https://hn.gaceta.example/node"s,
           " spiffe://hn.gaceta.example/node"s,
           "spiffe://hn.gaceta.example/node "s,
           "spiffe://hn.gaceta.example/node\n"s,
           "spiffe://hn.gaceta.example/node\0"s,
           "spiffe://hn.gaceta.example\0/node"s,
           "spiffe://hn.gaceta.example"s,
           "spiffe://hn.gaceta.example/"s,
           "spiffe://hn.gaceta.example//node"s,
           "spiffe://hn.gaceta.example/node/"s,
           "spiffe://hn.gaceta.example/a//b"s,
           "spiffe://hn.gaceta.example/./node"s,
           "spiffe://hn.gaceta.example/../node"s,
           "spiffe://hn.gaceta.example/node/.."s,
           "spiffe://HN.gaceta.example/node"s,
           "spiffe://hn.gaceta.example:443/node"s,
           "spiffe://user@hn.gaceta.example/node"s,
           "spiffe://hn.gaceta.example/node?x=1"s,
           "spiffe://hn.gaceta.example?x/node"s,
           "spiffe://hn.gaceta.example/node#x"s,
           "spiffe://hn.gaceta.example/no%64e"s,
           "spiffe://hn%2egaceta.example/node"s,
           "spiffe://[::1]/node"s,
           "spiffe://hn.gaceta.example/a b"s,
           "spiffe://hn.gaceta.example/agency/migración"s,
           "spiffe://gáceta.example/node"s,
           "spiffe://hn.gaceta.example/a~b"s,
           "spiffe://hn.gaceta.example/a:b"s,
           "spiffe://hn.gaceta.example\\node"s,
           "spiffe://" + Repeat("a", 256) + "/x",
           "spiffe://a/" + Repeat("b", 2049 - 11),
       }) {
    auto id = SpiffeId::Parse(uri);

    EXPECT_EQ(id.status().code(), absl::StatusCode::kInvalidArgument) << uri;
    EXPECT_LT(id.status().message().size(), 300u) << uri;
  }
}

TEST(SpiffeIdTest, AgreesWithGoSpiffe) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  auto vectors = testing::ReadVectors("spiffe.json");
  ASSERT_TRUE(vectors.ok()) << vectors.status();

  int cases = 0;
  for (const auto& one : vectors->fields().at("cases").list_value().values()) {
    const std::string& id = testing::TextOf(one, "id");

    EXPECT_EQ(SpiffeId::Parse(id).ok(), testing::TruthOf(one, "valid"))
        << id << ": " << testing::TextOf(one, "reason");
    ++cases;
  }
  EXPECT_GT(cases, 20);
}

}  // namespace
}  // namespace gaceta
