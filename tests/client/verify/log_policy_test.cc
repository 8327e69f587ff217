#include "verify/log_policy.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"
#include "tests/support/vectors.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LogSigner;
using ::testing::SizeIs;
using testing::WitnessOf;
using Names = std::set<std::string, std::less<>>;

constexpr char kOrigin[] = "hub.gaceta.example/log";

// `log` and three witnesses hn, gt and mx, and then `rest`.
std::string PolicyText(const std::string& rest) {
  std::string text =
      absl::StrCat("log ", LogSigner().public_key().ToString(), "\n");
  for (const char* state : {"hn", "gt", "mx"}) {
    absl::StrAppend(&text, "witness ", state, " ",
                    WitnessOf(state).public_key().ToString(), "\n");
  }
  return text + rest;
}

LogPolicy PolicyOf(const std::string& rest) {
  auto policy = LogPolicy::Parse(PolicyText(rest));
  EXPECT_TRUE(policy.ok()) << policy.status();
  return *std::move(policy);
}

Names NamesOf(const std::vector<std::string>& states) {
  Names names;
  for (const std::string& state : states) {
    names.insert(absl::StrCat("node.", state, ".gaceta.example"));
  }
  return names;
}

absl::Time At(int minute) {
  return absl::FromUnixSeconds(1'790'000'000) + absl::Minutes(minute);
}

// A note of size 7 that each state cosigned in the minute given.
std::string Note(const std::map<std::string, int>& minutes) {
  const Checkpoint checkpoint{kOrigin, 7, HashLeaf("root")};
  std::string note = SignCheckpoint(checkpoint, LogSigner()).value();
  for (const auto& [state, minute] : minutes) {
    note += Cosign(FormatCheckpoint(checkpoint), WitnessOf(state), At(minute))
                .value();
  }
  return note;
}

TEST(LogPolicyTest, KeepsItsTextItsLogsAndItsWitnesses) {
  const std::string text = PolicyText("quorum none\n");

  const LogPolicy policy = LogPolicy::Parse(text).value();

  EXPECT_EQ(policy.text(), text);
  ASSERT_THAT(policy.logs(), SizeIs(1));
  EXPECT_EQ(policy.logs()[0].name(), kOrigin);
  ASSERT_THAT(policy.witnesses(), SizeIs(3));
  EXPECT_EQ(policy.witnesses()[2].name(), "node.mx.gaceta.example");
}

TEST(LogPolicyTest, AGroupNeedsAsManyMembersAsItSays) {
  const LogPolicy two = PolicyOf("group g 2 hn gt mx\nquorum g\n");

  EXPECT_FALSE(two.IsQuorum({}));
  EXPECT_FALSE(two.IsQuorum(NamesOf({"gt"})));
  EXPECT_TRUE(two.IsQuorum(NamesOf({"gt", "mx"})));
  EXPECT_TRUE(two.IsQuorum(NamesOf({"hn", "gt", "mx"})));
  EXPECT_FALSE(two.IsQuorum(NamesOf({"gt", "ve", "co"})));
  EXPECT_TRUE(PolicyOf("quorum none\n").IsQuorum({}));
  EXPECT_FALSE(PolicyOf("quorum mx\n").IsQuorum(NamesOf({"hn", "gt"})));
}

TEST(LogPolicyTest, GroupsMayBeMembers) {
  const LogPolicy nested =
      PolicyOf("group a any hn gt\ngroup b all a mx\nquorum b\n");

  EXPECT_TRUE(nested.IsQuorum(NamesOf({"hn", "mx"})));
  EXPECT_TRUE(nested.IsQuorum(NamesOf({"gt", "mx"})));
  EXPECT_FALSE(nested.IsQuorum(NamesOf({"hn", "gt"})));
  EXPECT_FALSE(nested.IsQuorum(NamesOf({"mx"})));
}

TEST(LogPolicyTest, TakesCommentsBlanksAndUrls) {
  const auto policy = LogPolicy::Parse(
      absl::StrReplaceAll(PolicyText("  # año\n\n \t\n"
                                     "\tgroup\tg  all hn gt # mx\n"
                                     "quorum g\t\n"),
                          {{"\nwitness", " https://x.example/\nwitness"}}));

  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_TRUE(policy->IsQuorum(NamesOf({"hn", "gt"})));
}

TEST(LogPolicyTest, MayNameNoLogAndNoWitness) {
  const auto policy = LogPolicy::Parse("quorum none\n");

  ASSERT_TRUE(policy.ok()) << policy.status();
  EXPECT_EQ(Reason(policy->Open(Note({})).status()),
            "BAD_CHECKPOINT_SIGNATURE");
}

TEST(LogPolicyTest, WhatIsMalformedIsRefused) {
  const std::string log = LogSigner().public_key().ToString();
  const std::string hn = WitnessOf("hn").public_key().ToString();
  const std::string ve = WitnessOf("ve").public_key().ToString();
  const std::string hn_again =
      NoteKey::Create(
          "other", NoteKeyType::kCosignature,
          NoteKey::Parse(hn).ok()
              ? PublicKey::FromEd25519(NoteKey::Parse(hn)->bytes()).value()
              : testing::KeyOfSeed(1).public_key())
          ->ToString();
  const std::string name_again =
      NoteKey::Create("node.hn.gaceta.example", NoteKeyType::kCosignature,
                      testing::KeyOfSeed(7).public_key())
          ->ToString();
  for (const std::string& rest : {
           std::string(),
           std::string("quorum\n"),
           std::string("quorum none"),
           std::string("quorum g\n"),
           std::string("quorum none\nquorum none\n"),
           std::string("quorum hn gt\n"),
           std::string("quorum g\ngroup g any hn\n"),
           std::string("group g 0 hn gt\nquorum g\n"),
           std::string("group g 3 hn gt\nquorum g\n"),
           std::string("group g -1 hn gt\nquorum g\n"),
           std::string("group g +1 hn gt\nquorum g\n"),
           std::string("group g 01 hn gt\nquorum g\n"),
           std::string("group g 18446744073709551617 hn gt\nquorum g\n"),
           std::string("group g some hn gt\nquorum g\n"),
           std::string("group g any\nquorum g\n"),
           std::string("group g any ve\nquorum g\n"),
           std::string("group g any g\nquorum g\n"),
           std::string("group g any hn hn\nquorum g\n"),
           std::string("group g any none\nquorum g\n"),
           std::string("group none any hn\nquorum none\n"),
           std::string("group a any hn\ngroup g any a hn\nquorum g\n"),
           std::string("group hn any gt\nquorum hn\n"),
           std::string("grupo g any hn\nquorum none\n"),
           std::string("Quorum none\n"),
           std::string("quorum none\r\n"),
           std::string("# \x01\nquorum none\n"),
           std::string("# \x7f\nquorum none\n"),
           std::string("log x\nquorum none\n"),
           std::string("log\nquorum none\n"),
           absl::StrCat("log ", ve, "\nquorum none\n"),
           absl::StrCat("log ", log, "\nquorum none\n"),
           absl::StrCat("log ", log, " a b\nquorum none\n"),
           absl::StrCat("witness ve\nquorum none\n"),
           absl::StrCat("witness ve ", ve, " a b\nquorum none\n"),
           absl::StrCat("witness hn ", ve, "\nquorum none\n"),
           absl::StrCat("witness none ", ve, "\nquorum none\n"),
           absl::StrCat("witness ve ", log, "\nquorum none\n"),
           absl::StrCat("witness ve ", hn, "\nquorum none\n"),
           absl::StrCat("witness ve ", hn_again, "\nquorum none\n"),
           absl::StrCat("witness ve ", name_again, "\nquorum none\n"),
       }) {
    EXPECT_EQ(LogPolicy::Parse(PolicyText(rest)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << rest;
  }
  EXPECT_FALSE(LogPolicy::Parse("").ok());
}

TEST(LogPolicyTest, SaysWhichLineIsWrong) {
  const auto policy = LogPolicy::Parse(PolicyText("group g 4 hn\nquorum g\n"));

  EXPECT_THAT(std::string(policy.status().message()),
              HasSubstr("policy line 5: threshold \"4\""));
}

TEST(LogPolicyTest, OpensWhatTheLogSignedAndSaysWhetherAQuorumDid) {
  const LogPolicy policy = PolicyOf("group g 2 hn gt mx\nquorum g\n");

  const auto alone = policy.Open(Note({}));
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->checkpoint.size, 7);
  EXPECT_THAT(alone->cosignatures, IsEmpty());
  EXPECT_FALSE(alone->has_quorum);
  EXPECT_EQ(alone->quorum_time, absl::InfinitePast());

  const auto both = policy.Open(Note({{"hn", 1}, {"gt", 2}, {"ve", 3}}));
  ASSERT_TRUE(both.ok()) << both.status();
  EXPECT_THAT(both->cosignatures, SizeIs(2));
  EXPECT_TRUE(both->has_quorum);
}

TEST(LogPolicyTest, TheQuorumVouchedWhenItsLastNeededMemberDid) {
  struct Case {
    const char* rest;
    std::map<std::string, int> minutes;
    int expected;
  };
  for (const auto& [rest, minutes, expected] : std::vector<Case>{
           {"group g any hn gt mx\nquorum g\n", {{"hn", 1}, {"gt", 5}}, 5},
           {"group g all hn gt\nquorum g\n", {{"hn", 1}, {"gt", 5}}, 1},
           {"group g 2 hn gt mx\nquorum g\n",
            {{"hn", 1}, {"gt", 5}, {"mx", 9}},
            5},
           {"group g 2 hn gt mx\nquorum g\n", {{"hn", 1}, {"mx", 9}}, 1},
           {"group a any hn gt\ngroup g all a mx\nquorum g\n",
            {{"hn", 1}, {"gt", 5}, {"mx", 9}},
            5},
           {"quorum mx\n", {{"hn", 1}, {"mx", 3}}, 3},
       }) {
    const auto opened = PolicyOf(rest).Open(Note(minutes));
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_TRUE(opened->has_quorum) << rest;
    EXPECT_EQ(opened->quorum_time, At(expected)) << rest;
  }
}

TEST(LogPolicyTest, WhereNoQuorumIsAskedForNobodyVouched) {
  const auto opened = PolicyOf("quorum none\n").Open(Note({{"hn", 1}}));

  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->has_quorum);
  EXPECT_EQ(opened->quorum_time, absl::InfinitePast());
}

TEST(LogPolicyTest, ABadCosignatureSpoilsTheNoteEvenBesideAQuorum) {
  const LogPolicy policy = PolicyOf("group g any hn gt mx\nquorum g\n");
  const auto parsed = ParseNote(Note({{"hn", 1}, {"gt", 2}}));
  ASSERT_TRUE(parsed.ok());
  auto spoiled = *parsed;
  spoiled.signatures.back().signature.back() ^= 1;

  EXPECT_EQ(Reason(policy.Open(FormatNote(spoiled)).status()),
            "BAD_COSIGNATURE");
  EXPECT_EQ(Reason(policy.Open("text").status()), "MALFORMED_CHECKPOINT");
}

// The witnesses of a policy's text: names in it, to names of their keys.
std::map<std::string, std::string> WitnessesIn(const std::string& policy) {
  std::map<std::string, std::string> witnesses;
  for (const absl::string_view line : absl::StrSplit(policy, '\n')) {
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() < 3 || words[0] != "witness") continue;
    witnesses[words[1]] = words[2].substr(0, words[2].find('+'));
  }
  return witnesses;
}

TEST(LogPolicyVectorsTest, AgreeWithTorchwoodOnEverySetOfWitnesses) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const auto vectors = testing::ReadVectorJson("policy.json");

  int sets = 0;
  for (const auto& one : testing::ListOf(vectors, "cases")) {
    const std::string& name = testing::TextOf(one, "case");
    const std::string& text = testing::TextOf(one, "policy");
    const auto policy = LogPolicy::Parse(text);
    ASSERT_EQ(policy.ok(), testing::TruthOf(one, "valid"))
        << name << ": " << policy.status();
    if (!policy.ok()) continue;

    std::set<std::set<std::string>> satisfied;
    for (const auto& set : testing::ListOf(one, "satisfied_by")) {
      satisfied.insert(
          absl::StrSplit(set.string_value(), ' ', absl::SkipEmpty()));
    }
    const auto witnesses = WitnessesIn(text);
    for (unsigned bits = 0; bits < 1U << witnesses.size(); ++bits) {
      std::set<std::string> in_policy;
      Names in_keys;
      unsigned bit = 1;
      for (const auto& [witness, key] : witnesses) {
        if ((bits & bit) != 0) {
          in_policy.insert(witness);
          in_keys.insert(key);
        }
        bit <<= 1;
      }
      EXPECT_EQ(policy->IsQuorum(in_keys), satisfied.count(in_policy) > 0)
          << name << ": " << absl::StrJoin(in_policy, " ");
      ++sets;
    }
  }
  EXPECT_GT(sets, 40);
}

TEST(LogPolicyVectorsTest, CosignaturesOfOthersMakeAQuorum) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const LogPolicy policy =
      LogPolicy::Parse(testing::ReadVectorFile("receipts/policy")).value();
  const auto vectors = testing::ReadVectorJson("cosignatures.json");

  int opened = 0;
  for (const auto& one : testing::ListOf(vectors, "cases")) {
    const auto result = policy.Open(testing::TextOf(one, "note"));
    if (!testing::TruthOf(one, "valid")) {
      EXPECT_FALSE(result.ok());
      continue;
    }
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(result->cosignatures, SizeIs(1));
    EXPECT_FALSE(result->has_quorum) << "one of three";
    ++opened;
  }
  EXPECT_GT(opened, 0);
}

}  // namespace
}  // namespace gaceta
