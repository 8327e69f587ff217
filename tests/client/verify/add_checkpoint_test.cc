#include "verify/add_checkpoint.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"
#include "tests/support/vectors.h"

namespace gaceta {
namespace {

using testing::LogSigner;
using ::testing::SizeIs;
using testing::TreeByTheBook;
using testing::WitnessOf;

constexpr char kOrigin[] = "hub.gaceta.example/log";
constexpr std::int64_t kMaxSize = 40;

class AddCheckpointTest : public ::testing::Test {
 protected:
  AddCheckpoint Request(std::int64_t old_size, std::int64_t new_size) {
    const Checkpoint next{kOrigin, new_size, tree_.Root(new_size)};
    return {old_size,
            old_size == 0 ? std::vector<TreeHash>()
                          : tree_.Proof(old_size, new_size),
            SignCheckpoint(next, LogSigner()).value()};
  }
  WitnessedLog Known(std::int64_t size) { return {size, tree_.Root(size)}; }

  WitnessDecision Decide(const AddCheckpoint& request,
                         const WitnessedLog& known) {
    return DecideAddCheckpoint(FormatAddCheckpoint(request), log_keys_, known);
  }
  int StatusOf(const AddCheckpoint& request, const WitnessedLog& known) {
    return Decide(request, known).answer.status;
  }

  TreeByTheBook tree_{kMaxSize};
  const std::vector<NoteKey> log_keys_ = {LogSigner().public_key()};
};

TEST_F(AddCheckpointTest, IsWrittenAndReadAgain) {
  const std::string body = FormatAddCheckpoint(Request(5, 13));

  const auto request = ParseAddCheckpoint(body);

  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->old_size, 5);
  EXPECT_EQ(request->proof, tree_.Proof(5, 13));
  EXPECT_EQ(FormatAddCheckpoint(*request), body);
}

TEST_F(AddCheckpointTest, WhatIsMalformedIsRefused) {
  const std::string good = FormatAddCheckpoint(Request(5, 13));
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{
           {"old 5\n", ""},
           {"old 5\n", "\n"},
           {"old 5", "old 05"},
           {"old 5", "old -5"},
           {"old 5", "old  5"},
           {"old 5", "old 5 "},
           {"old 5", "new 5"},
           {"old 5", "old 9223372036854775808"},
           {"old 5\n", "old 5\nAAAA\n"},
           {"old 5\n", "old 5\n\n"},
           {"\n\nhub", "\nhub"},
           {"\n13\n", "\n013\n"},
           {"\n13\n", "\n13\n13\n"},
           {"\n", "\r\n"},
           {"\u2014", "-"},
       }) {
    const std::string body = absl::StrReplaceAll(good, {{from, to}});
    ASSERT_NE(body, good) << from;

    EXPECT_EQ(ParseAddCheckpoint(body).status().code(),
              absl::StatusCode::kInvalidArgument)
        << body;
    EXPECT_EQ(DecideAddCheckpoint(body, log_keys_, Known(5)).answer.status, 400)
        << body;
  }
  EXPECT_EQ(DecideAddCheckpoint("", log_keys_, Known(5)).answer.status, 400);
}

TEST_F(AddCheckpointTest, AProofHasAtMost63Hashes) {
  AddCheckpoint request = Request(5, 13);
  request.proof.assign(63, HashLeaf("x"));
  EXPECT_TRUE(ParseAddCheckpoint(FormatAddCheckpoint(request)).ok());

  request.proof.assign(64, HashLeaf("x"));
  EXPECT_FALSE(ParseAddCheckpoint(FormatAddCheckpoint(request)).ok());
}

TEST_F(AddCheckpointTest, EveryGrowthIsAccepted) {
  for (std::int64_t old_size = 0; old_size <= kMaxSize; ++old_size) {
    for (std::int64_t new_size = old_size; new_size <= kMaxSize; ++new_size) {
      const WitnessDecision decision =
          Decide(Request(old_size, new_size), Known(old_size));

      ASSERT_EQ(decision.answer.status, 200)
          << old_size << " to " << new_size << ": " << decision.answer.body;
      ASSERT_EQ(decision.checkpoint.size, new_size);
      ASSERT_EQ(ParseNote(decision.note).value().text,
                FormatCheckpoint(decision.checkpoint));
    }
  }
}

TEST_F(AddCheckpointTest, AConflictNamesTheKnownSize) {
  const WitnessDecision decision = Decide(Request(5, 13), Known(7));

  EXPECT_EQ(decision.answer.status, 409);
  EXPECT_EQ(decision.answer.body, "7\n");
  EXPECT_EQ(StatusOf(Request(7, 13), Known(5)), 409);
  EXPECT_EQ(StatusOf(Request(0, 13), Known(5)), 409);
}

TEST_F(AddCheckpointTest, AnUnknownLogIsNotFound) {
  EXPECT_EQ(
      DecideAddCheckpoint(FormatAddCheckpoint(Request(5, 13)), {}, Known(5))
          .answer.status,
      404);
  EXPECT_EQ(DecideAddCheckpoint(FormatAddCheckpoint(Request(5, 13)),
                                {LogSigner("other/log").public_key()}, Known(5))
                .answer.status,
            404);
}

TEST_F(AddCheckpointTest, WithoutTheLogsSignatureItIsForbidden) {
  const NoteSigner stranger =
      NoteSigner::Create(kOrigin, NoteKeyType::kEd25519, testing::KeyOfSeed(2))
          .value();
  AddCheckpoint request = Request(5, 13);
  request.checkpoint =
      SignCheckpoint({kOrigin, 13, tree_.Root(13)}, stranger).value();
  EXPECT_EQ(StatusOf(request, Known(5)), 403);

  AddCheckpoint spoiled = Request(5, 13);
  spoiled.checkpoint =
      absl::StrReplaceAll(spoiled.checkpoint, {{"\n13\n", "\n14\n"}});
  EXPECT_EQ(StatusOf(spoiled, Known(5)), 403);
  // Strangers learn no size.
  EXPECT_EQ(StatusOf(spoiled, Known(7)), 403);
}

TEST_F(AddCheckpointTest, SignaturesOfStrangersAreIgnored) {
  AddCheckpoint request = Request(5, 13);
  request.checkpoint += FormatSignatureLine({"stranger", 1, "signature"});

  EXPECT_EQ(StatusOf(request, Known(5)), 200);
}

TEST_F(AddCheckpointTest, AProofThatFailsIsUnprocessable) {
  AddCheckpoint bit = Request(5, 13);
  bit.proof[1] = testing::WithBit(bit.proof[1], 77);
  AddCheckpoint missing = Request(5, 13);
  missing.proof.clear();
  AddCheckpoint more = Request(5, 13);
  more.proof.push_back(HashLeaf("x"));
  AddCheckpoint from_nothing = Request(0, 13);
  from_nothing.proof = {HashLeaf("x")};

  EXPECT_EQ(StatusOf(bit, Known(5)), 422);
  EXPECT_EQ(StatusOf(missing, Known(5)), 422);
  EXPECT_EQ(StatusOf(more, Known(5)), 422);
  EXPECT_EQ(StatusOf(from_nothing, Known(0)), 422);
  // The log's proof is right; what the witness knows is another tree.
  EXPECT_EQ(StatusOf(Request(5, 13), {5, HashLeaf("fork")}), 422);
}

TEST_F(AddCheckpointTest, ASecondRootOfOneSizeIsUnprocessable) {
  AddCheckpoint fork = Request(5, 5);
  fork.checkpoint =
      SignCheckpoint({kOrigin, 5, HashLeaf("fork")}, LogSigner()).value();
  AddCheckpoint empty = Request(0, 0);
  empty.checkpoint =
      SignCheckpoint({kOrigin, 0, HashLeaf("fork")}, LogSigner()).value();

  EXPECT_EQ(StatusOf(fork, Known(5)), 422);
  EXPECT_EQ(StatusOf(empty, Known(0)), 422);
}

TEST_F(AddCheckpointTest, AnOldSizeBeyondTheCheckpointIsABadRequest) {
  AddCheckpoint request = Request(5, 13);
  request.old_size = 14;

  EXPECT_EQ(StatusOf(request, Known(14)), 400);
  EXPECT_EQ(StatusOf(request, Known(5)), 400);
}

TEST(WitnessVectorsTest, AnswerAsLitewitness) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  google::protobuf::Value all;
  *all.mutable_struct_value() = testing::ReadVectorJson("witness.json");
  std::string log_key = testing::ReadVectorFile("log.vkey");
  const std::vector<NoteKey> log_keys = {
      NoteKey::Parse(log_key.substr(0, log_key.find('\n'))).value()};
  const NoteKey theirs =
      NoteKey::Parse(testing::TextOf(all, "witness_key")).value();
  const NoteSigner ours = WitnessOf("hn");

  WitnessedLog known;
  for (const auto& one : testing::ListOf(all, "dialogue")) {
    const std::string& name = testing::TextOf(one, "case");
    const std::string& body = testing::TextOf(one, "request");
    // Theirs lets a leading zero pass; our formats do not.
    const bool stricter =
        absl::StartsWith(body, "old 0") && !absl::StartsWith(body, "old 0\n");

    const WitnessDecision decision = DecideAddCheckpoint(body, log_keys, known);

    const std::int64_t expected = testing::NumberOf(one, "status");
    ASSERT_EQ(decision.answer.status, stricter ? 400 : expected)
        << name << ": " << decision.answer.body;
    if (decision.answer.status == 409) {
      EXPECT_EQ(decision.answer.body, testing::TextOf(one, "response")) << name;
    }
    if (decision.answer.status != 200) continue;
    known = {decision.checkpoint.size, decision.checkpoint.root};
    // Their answer and ours both belong to the note that was sent.
    const std::string note = absl::StrCat(
        ParseAddCheckpoint(body).value().checkpoint,
        testing::TextOf(one, "response"),
        Cosign(FormatCheckpoint(decision.checkpoint), ours, absl::Now())
            .value());
    const auto cosignatures =
        CheckCosignatures(ParseNote(note).value(), {theirs, ours.public_key()});
    ASSERT_TRUE(cosignatures.ok()) << name << ": " << cosignatures.status();
    EXPECT_THAT(*cosignatures, SizeIs(2)) << name;
  }
  EXPECT_GT(known.size, 0);
}

}  // namespace
}  // namespace gaceta
