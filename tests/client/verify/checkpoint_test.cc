#include "verify/checkpoint.h"

#include <cstdint>
#include <limits>
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

using ::testing::IsEmpty;
using testing::LogSigner;
using ::testing::SizeIs;
using testing::WitnessOf;

constexpr char kOrigin[] = "hub.gaceta.example/log";
const absl::Time kTime = absl::FromUnixSeconds(1'790'000'000);

Checkpoint CheckpointOf(std::int64_t size) {
  return {kOrigin, size, HashLeaf(absl::StrCat(size))};
}

Note NoteOf(const std::string& text) { return ParseNote(text).value(); }

// A note signed by the log and cosigned by some witnesses.
std::string Cosigned(const std::vector<std::string>& states,
                     absl::Time time = kTime) {
  std::string note = SignCheckpoint(CheckpointOf(7), LogSigner()).value();
  const std::string text = FormatCheckpoint(CheckpointOf(7));
  for (const std::string& state : states) {
    note += Cosign(text, WitnessOf(state), time).value();
  }
  return note;
}

TEST(CheckpointTest, IsThreeLines) {
  const Checkpoint checkpoint{"hub.gaceta.example/log", 0, EmptyRoot()};

  EXPECT_EQ(FormatCheckpoint(checkpoint),
            "hub.gaceta.example/log\n0\n"
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
}

TEST(CheckpointTest, IsWrittenAndReadAgain) {
  for (const std::int64_t size :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{1234067},
        std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(ParseCheckpoint(FormatCheckpoint(CheckpointOf(size))).value(),
              CheckpointOf(size));
  }
}

TEST(CheckpointTest, WhatIsMalformedIsRefused) {
  const std::string good = FormatCheckpoint(CheckpointOf(600));
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{
           {"600", ""},
           {"600", "0600"},
           {"600", "+600"},
           {"600", "-1"},
           {"600", " 600"},
           {"600", "600 "},
           {"600", "6e2"},
           {"600", "0x1"},
           {"600", "00"},
           {"600", "9223372036854775808"},
           {"600", "18446744073709551616"},
           {kOrigin, ""},
           {"=\n", "\n"},
           {"=\n", "=\n\n"},
           {"=\n", "=\nextension\n"},
           {"=\n", "="},
           {"=\n", "= \n"},
           {"\n", "\r\n"},
           {"600\n", ""},
           {"600\n", "600\n\n"},
           {"hub", "\xff"},
           {"hub", "h\tub"},
       }) {
    const std::string text = absl::StrReplaceAll(good, {{from, to}});
    ASSERT_NE(text, good);

    EXPECT_EQ(ParseCheckpoint(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(CheckpointTest, OpensUnderTheKeyThatSignedIt) {
  const std::string note = SignCheckpoint(CheckpointOf(7), LogSigner()).value();

  EXPECT_EQ(OpenCheckpoint(note, {LogSigner().public_key()}).value(),
            CheckpointOf(7));
  EXPECT_EQ(OpenCheckpoint(NoteOf(note), {LogSigner().public_key()}).value(),
            CheckpointOf(7));
}

TEST(CheckpointTest, OpensUnderOneOfSeveralKeysOfTheLog) {
  const NoteSigner next =
      NoteSigner::Create(kOrigin, NoteKeyType::kEd25519, testing::KeyOfSeed(2))
          .value();
  const std::vector<NoteKey> keys = {LogSigner().public_key(),
                                     next.public_key()};

  EXPECT_TRUE(
      OpenCheckpoint(*SignCheckpoint(CheckpointOf(7), LogSigner()), keys).ok());
  EXPECT_TRUE(
      OpenCheckpoint(*SignCheckpoint(CheckpointOf(7), next), keys).ok());
}

TEST(CheckpointTest, WithoutAKnownSignatureItDoesNotOpen) {
  const std::string note = SignCheckpoint(CheckpointOf(7), LogSigner()).value();
  const NoteKey other_name = LogSigner("other/log").public_key();
  const NoteKey other_type = NoteKey::Create(kOrigin, NoteKeyType::kCosignature,
                                             testing::KeyOfSeed(1).public_key())
                                 .value();
  const NoteKey other_key = NoteKey::Create(kOrigin, NoteKeyType::kEd25519,
                                            testing::KeyOfSeed(2).public_key())
                                .value();

  for (const std::vector<NoteKey>& keys : std::vector<std::vector<NoteKey>>{
           {}, {other_name}, {other_type}, {other_key}}) {
    const auto opened = OpenCheckpoint(note, keys);
    EXPECT_EQ(opened.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_EQ(Reason(opened.status()), "BAD_CHECKPOINT_SIGNATURE");
  }
}

TEST(CheckpointTest, AKeyOfAnotherLogDoesNotOpenIt) {
  // The log "other/log" signs a checkpoint that says it is of kOrigin.
  const NoteSigner other = LogSigner("other/log");
  const std::string text = FormatCheckpoint(CheckpointOf(7));
  const std::string note = FormatNote(
      {text, {{"other/log", other.public_key().key_id(), *other.Sign(text)}}});

  EXPECT_EQ(Reason(OpenCheckpoint(note, {other.public_key()}).status()),
            "BAD_CHECKPOINT_SIGNATURE");
}

TEST(CheckpointTest, AKnownKeyThatFailsSpoilsTheNote) {
  const std::string note = SignCheckpoint(CheckpointOf(7), LogSigner()).value();
  Note spoiled = NoteOf(note);
  spoiled.signatures.push_back(spoiled.signatures[0]);
  spoiled.signatures[1].signature[5] ^= 1;

  EXPECT_EQ(
      Reason(OpenCheckpoint(FormatNote(spoiled), {LogSigner().public_key()})
                 .status()),
      "BAD_CHECKPOINT_SIGNATURE");
}

TEST(CheckpointTest, EveryAlteredBitOfTheNoteIsFound) {
  const std::string good = SignCheckpoint(CheckpointOf(7), LogSigner()).value();
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string note = good;
    note[bit / 8] = static_cast<char>(note[bit / 8] ^ (1 << bit % 8));

    EXPECT_EQ(OpenCheckpoint(note, {LogSigner().public_key()}).status().code(),
              absl::StatusCode::kDataLoss)
        << note;
  }
}

TEST(CheckpointTest, WhatIsNoCheckpointIsMalformed) {
  const NoteSigner log = LogSigner();
  const std::string text = "hub.gaceta.example/log\n7\n";
  const std::string note = FormatNote(
      {text, {{kOrigin, log.public_key().key_id(), *log.Sign(text)}}});

  EXPECT_EQ(Reason(OpenCheckpoint(note, {log.public_key()}).status()),
            "MALFORMED_CHECKPOINT");
  EXPECT_EQ(Reason(OpenCheckpoint("", {log.public_key()}).status()),
            "MALFORMED_CHECKPOINT");
}

TEST(CheckpointTest, IsSignedByItsOwnLogAlone) {
  EXPECT_EQ(
      SignCheckpoint(CheckpointOf(7), LogSigner("other/log")).status().code(),
      absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SignCheckpoint({"node.hn.gaceta.example", 7, EmptyRoot()},
                           WitnessOf("hn"))
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(CosignatureTest, SaysWhoAndWhen) {
  const std::string note = Cosigned({"hn", "gt"});

  const auto found = CheckCosignatures(
      NoteOf(note),
      {WitnessOf("gt").public_key(), WitnessOf("hn").public_key()});

  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_THAT(*found, SizeIs(2));
  EXPECT_EQ((*found)[0].name, "node.hn.gaceta.example");
  EXPECT_EQ((*found)[0].time, kTime);
  EXPECT_EQ((*found)[1].name, "node.gt.gaceta.example");
}

TEST(CosignatureTest, CountsInWholeSeconds) {
  const auto found = CheckCosignatures(
      NoteOf(Cosigned({"hn"}, kTime + absl::Milliseconds(999))),
      {WitnessOf("hn").public_key()});

  EXPECT_EQ(found.value().at(0).time, kTime);
}

TEST(CosignatureTest, UnknownWitnessesAreIgnored) {
  EXPECT_THAT(CheckCosignatures(NoteOf(Cosigned({"mx"})),
                                {WitnessOf("hn").public_key()})
                  .value(),
              IsEmpty());
  EXPECT_TRUE(
      OpenCheckpoint(Cosigned({"mx"}), {LogSigner().public_key()}).ok());
}

TEST(CosignatureTest, EachAlteredBitIsFound) {
  const Note good = NoteOf(Cosigned({"hn"}));
  const std::size_t bits = 8 * good.signatures[1].signature.size();
  ASSERT_EQ(bits, 8 * (8 + 64u));

  for (std::size_t bit = 0; bit < bits; ++bit) {
    Note note = good;
    char& byte = note.signatures[1].signature[bit / 8];
    byte = static_cast<char>(byte ^ (1 << bit % 8));

    const auto found = CheckCosignatures(note, {WitnessOf("hn").public_key()});

    EXPECT_EQ(Reason(found.status()), "BAD_COSIGNATURE") << bit;
  }
}

TEST(CosignatureTest, ItsTextAndLengthCount) {
  const Note good = NoteOf(Cosigned({"hn"}));
  const std::vector<NoteKey> witnesses = {WitnessOf("hn").public_key()};

  Note other_text = good;
  other_text.text = FormatCheckpoint(CheckpointOf(8));
  EXPECT_EQ(Reason(CheckCosignatures(other_text, witnesses).status()),
            "BAD_COSIGNATURE");
  for (const std::size_t size : {1, 7, 8, 71}) {
    Note cut = good;
    cut.signatures[1].signature.resize(size);
    EXPECT_EQ(Reason(CheckCosignatures(cut, witnesses).status()),
              "BAD_COSIGNATURE")
        << size;
  }
}

TEST(CosignatureTest, AWitnessThatSignsTwiceCountsOnceWithItsLatestTime) {
  const std::string text = FormatCheckpoint(CheckpointOf(7));
  const std::string note =
      Cosigned({"hn"}) +
      *Cosign(text, WitnessOf("hn"), kTime + absl::Seconds(60)) +
      *Cosign(text, WitnessOf("hn"), kTime - absl::Seconds(60));

  const auto found =
      CheckCosignatures(NoteOf(note), {WitnessOf("hn").public_key()});

  ASSERT_THAT(found.value(), SizeIs(1));
  EXPECT_EQ(found->at(0).time, kTime + absl::Seconds(60));
}

TEST(CosignatureTest, IsMadeByAWitnessKeyAfter1970Alone) {
  EXPECT_FALSE(Cosign("text\n", LogSigner(), kTime).ok());
  EXPECT_FALSE(
      Cosign("text\n", WitnessOf("hn"), absl::FromUnixSeconds(-1)).ok());
  EXPECT_TRUE(Cosign("text\n", WitnessOf("hn"), absl::FromUnixSeconds(0)).ok());
}

TEST(CheckpointVectorsTest, BodiesAgreeWithTorchwood) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const auto vectors = testing::ReadVectorJson("checkpoints.json");

  for (const auto& one : testing::ListOf(vectors, "cases")) {
    const std::string& text = testing::TextOf(one, "text");
    const auto parsed = ParseCheckpoint(text);

    EXPECT_EQ(parsed.ok(), testing::TruthOf(one, "valid"))
        << testing::TextOf(one, "case");
    if (parsed.ok()) {
      EXPECT_EQ(FormatCheckpoint(*parsed), text);
    }
  }
  EXPECT_GT(testing::ListOf(vectors, "cases").size(), 10);
}

TEST(CheckpointVectorsTest, CosignaturesAgreeWithTorchwood) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const auto vectors = testing::ReadVectorJson("cosignatures.json");

  for (const auto& one : testing::ListOf(vectors, "cases")) {
    const auto key = NoteKey::Parse(testing::TextOf(one, "verifier_key"));
    ASSERT_TRUE(key.ok()) << key.status();
    const auto note = ParseNote(testing::TextOf(one, "note"));
    ASSERT_TRUE(note.ok()) << note.status();

    const auto found = CheckCosignatures(*note, {*key});

    EXPECT_EQ(found.ok() && found->size() == 1, testing::TruthOf(one, "valid"))
        << testing::TextOf(one, "case") << found.status();
  }
  EXPECT_GT(testing::ListOf(vectors, "cases").size(), 5);
}

}  // namespace
}  // namespace gaceta
