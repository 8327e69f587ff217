#include "verify/log_receipt.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"
#include "tests/support/vectors.h"

namespace gaceta {
namespace {

using testing::LogSigner;
using ::testing::StartsWith;
using testing::TreeByTheBook;
using testing::WitnessOf;

constexpr char kOrigin[] = "hub.gaceta.example/log";

class LogReceiptTest : public ::testing::Test {
 protected:
  // One of two witnesses is enough.
  LogPolicy Policy() const {
    std::string text =
        absl::StrCat("log ", LogSigner().public_key().ToString(), "\n");
    for (const char* state : {"hn", "gt"}) {
      absl::StrAppend(&text, "witness ", state, " ",
                      WitnessOf(state).public_key().ToString(), "\n");
    }
    return LogPolicy::Parse(text + "group g any hn gt\nquorum g\n").value();
  }

  LogReceipt ReceiptOf(std::int64_t index, bool cosigned = true) {
    const Checkpoint checkpoint{kOrigin, kSize, tree_.Root(kSize)};
    std::string note = SignCheckpoint(checkpoint, LogSigner()).value();
    if (cosigned) {
      note += Cosign(FormatCheckpoint(checkpoint), WitnessOf("gt"),
                     absl::FromUnixSeconds(1'790'000'000))
                  .value();
    }
    return {absl::StrCat("shared leaf ", index), index,
            tree_.Path(index, 0, kSize), note};
  }

  static constexpr std::int64_t kSize = 13;
  TreeByTheBook tree_{kSize};
};

TEST_F(LogReceiptTest, HoldsForEveryLeaf) {
  for (std::int64_t index = 0; index < kSize; ++index) {
    const auto opened = VerifyLogReceipt(ReceiptOf(index), Policy());

    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ(opened->checkpoint.size, kSize);
    EXPECT_TRUE(opened->has_quorum);
  }
}

TEST_F(LogReceiptTest, IsWrittenAndReadAgain) {
  for (std::int64_t index = 0; index < kSize; ++index) {
    const std::string text = FormatLogReceipt(ReceiptOf(index));
    EXPECT_THAT(text, StartsWith("c2sp.org/tlog-proof@v1\nextra "));

    const auto receipt = ParseLogReceipt(text);

    ASSERT_TRUE(receipt.ok()) << receipt.status();
    EXPECT_EQ(FormatLogReceipt(*receipt), text);
    EXPECT_EQ(receipt->leaf, ReceiptOf(index).leaf);
    EXPECT_EQ(receipt->index, index);
    EXPECT_EQ(receipt->proof, ReceiptOf(index).proof);
    EXPECT_EQ(receipt->checkpoint, ReceiptOf(index).checkpoint);
    EXPECT_TRUE(VerifyLogReceipt(*receipt, Policy()).ok());
  }
}

TEST_F(LogReceiptTest, AnEmptyLeafHasNoExtraLine) {
  LogReceipt receipt = ReceiptOf(3);
  receipt.leaf = "";

  const std::string text = FormatLogReceipt(receipt);

  EXPECT_THAT(text, StartsWith("c2sp.org/tlog-proof@v1\nindex 3\n"));
  EXPECT_EQ(ParseLogReceipt(text).value().leaf, "");
}

TEST_F(LogReceiptTest, WithoutAQuorumItDoesNotHold) {
  const auto opened =
      VerifyLogReceipt(ReceiptOf(3, /*cosigned=*/false), Policy());

  EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Reason(opened.status()), "QUORUM_MISSING");
}

TEST_F(LogReceiptTest, AnotherLeafPlaceOrProofDoesNotHold) {
  LogReceipt leaf = ReceiptOf(3);
  leaf.leaf += "x";
  LogReceipt index = ReceiptOf(3);
  index.index = 4;
  LogReceipt beyond = ReceiptOf(12);
  beyond.index = 13;
  LogReceipt proof = ReceiptOf(3);
  proof.proof.pop_back();

  for (const LogReceipt& receipt : {leaf, index, beyond, proof}) {
    EXPECT_EQ(Reason(VerifyLogReceipt(receipt, Policy()).status()),
              "BAD_INCLUSION_PROOF");
  }
}

TEST_F(LogReceiptTest, EveryAlteredByteOfTheFileIsFound) {
  const std::string good = FormatLogReceipt(ReceiptOf(5));
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const char change : {'\x01', '\x20'}) {
      std::string text = good;
      text[i] = static_cast<char>(text[i] ^ change);

      const auto receipt = ParseLogReceipt(text);

      // A note may name witnesses whom nobody knows: there, the missing quorum
      // is found.
      EXPECT_FALSE(receipt.ok() && VerifyLogReceipt(*receipt, Policy()).ok())
          << text;
    }
  }
}

TEST_F(LogReceiptTest, WhatIsMalformedIsRefused) {
  const std::string good = FormatLogReceipt(ReceiptOf(5));
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{
           {"c2sp.org/tlog-proof@v1\n", ""},
           {"@v1", "@v2"},
           {"@v1\n", "@v1\n\n"},
           {"\n", "\r\n"},
           {"extra ", "extra"},
           {"extra ", "extra  "},
           {"extra ", "extra \nextra "},
           {"extra ", "more "},
           {"index 5\n", ""},
           {"index 5", "index 05"},
           {"index 5", "index -5"},
           {"index 5", "index 5 "},
           {"index 5", "index 9223372036854775808"},
           {"index 5", "Index 5"},
           {"index 5\n", "index 5\nx\n"},
           {"index 5\n", "index 5\nAAAA\n"},
           {"index 5\n", "index 5\n\n"},
           {"\n\n", "\n"},
           {"\n\nhub", "\nhub"},
           {"\n13\n", "\n013\n"},
           {"\n13\n", "\n"},
       }) {
    const std::string text = absl::StrReplaceAll(good, {{from, to}});
    ASSERT_NE(text, good) << from;

    EXPECT_EQ(ParseLogReceipt(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST_F(LogReceiptTest, EveryCutIsRefused) {
  const std::string good = FormatLogReceipt(ReceiptOf(5));
  for (std::size_t size = 0; size < good.size(); ++size) {
    const auto receipt = ParseLogReceipt(good.substr(0, size));

    // Cut after the log's own signature it is a whole file, without a quorum.
    EXPECT_FALSE(receipt.ok() && VerifyLogReceipt(*receipt, Policy()).ok())
        << size;
  }
}

TEST_F(LogReceiptTest, AProofHasABound) {
  LogReceipt receipt = ReceiptOf(5);
  receipt.proof.assign(63, HashLeaf("x"));
  EXPECT_TRUE(ParseLogReceipt(FormatLogReceipt(receipt)).ok());

  receipt.proof.assign(64, HashLeaf("x"));
  EXPECT_FALSE(ParseLogReceipt(FormatLogReceipt(receipt)).ok());
}

TEST(LogReceiptVectorsTest, AgreeWithTorchwood) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const LogPolicy policy =
      LogPolicy::Parse(testing::ReadVectorFile("receipts/policy")).value();
  const auto vectors = testing::ReadVectorJson("receipts.json");

  int valid = 0;
  for (const auto& one : testing::ListOf(vectors, "cases")) {
    const std::string text =
        testing::ReadVectorFile(testing::TextOf(one, "file"));
    const auto receipt = ParseLogReceipt(text);
    const bool holds = receipt.ok() &&
                       VerifyLogReceipt(*receipt, policy).ok() &&
                       receipt->leaf == testing::BytesOf(one, "leaf_base64");

    EXPECT_EQ(holds, testing::TruthOf(one, "valid"))
        << testing::TextOf(one, "file") << ": " << testing::TextOf(one, "case");
    if (receipt.ok()) {
      EXPECT_EQ(FormatLogReceipt(*receipt), text);
    }
    valid += holds ? 1 : 0;
  }
  EXPECT_GT(valid, 2);
}

}  // namespace
}  // namespace gaceta
