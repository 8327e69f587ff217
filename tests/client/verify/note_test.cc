#include "verify/note.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"
#include "tests/support/vectors.h"
#include "verify/checkpoint.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LogSigner;

constexpr char kPublishedKey[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

TEST(NoteKeyTest, ReadsThePublishedExample) {
  const auto key = NoteKey::Parse(kPublishedKey);

  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->name(), "example.com/foo");
  EXPECT_EQ(key->type(), NoteKeyType::kEd25519);
  EXPECT_EQ(key->key_id(), 0x530d903au);
  EXPECT_EQ(key->ToString(), kPublishedKey);
}

TEST(NoteKeyTest, IsWrittenAndReadAgain) {
  bool had_plus = false;
  for (int seed = 0; seed < 50; ++seed) {
    for (const NoteKeyType type :
         {NoteKeyType::kEd25519, NoteKeyType::kCosignature}) {
      const auto signer =
          NoteSigner::Create("nodo.ñ/x", type, testing::KeyOfSeed(seed));
      ASSERT_TRUE(signer.ok()) << signer.status();
      const std::string text = signer->public_key().ToString();

      const auto key = NoteKey::Parse(text);

      ASSERT_TRUE(key.ok()) << key.status();
      EXPECT_EQ(key->ToString(), text);
      EXPECT_EQ(key->type(), type);
      EXPECT_TRUE(key->Verify("text", *signer->Sign("text")).ok());
      had_plus |= text.find('+', text.find('+', text.find('+') + 1) + 1) !=
                  std::string::npos;
    }
  }
  EXPECT_TRUE(had_plus) << "no base64 with a plus: more seeds are needed";
}

TEST(NoteKeyTest, TheTypeIsPartOfItsId) {
  const SigningKey key = testing::KeyOfSeed(1);

  EXPECT_NE(NoteKey::Create("name", NoteKeyType::kEd25519, key.public_key())
                ->key_id(),
            NoteKey::Create("name", NoteKeyType::kCosignature, key.public_key())
                ->key_id());
}

TEST(NoteKeyTest, WhatIsMalformedIsRefused) {
  const std::string good = kPublishedKey;
  const std::string base64 = good.substr(good.rfind('+') + 1);
  for (const std::string& text : {
           std::string(),
           std::string("+"),
           std::string("++"),
           good.substr(0, good.rfind('+')),
           good.substr(1),
           "+530d903a+" + base64,
           "example.com/foo+530d903b+" + base64,
           "example.com/foo+530D903A+" + base64,
           "example.com/foo+530d903+" + base64,
           "example.com/foo+0530d903a+" + base64,
           "example.com/foo+530d903a+" + base64.substr(4),
           "example.com/foo+530d903a+" + base64 + "AAAA",
           "example.com/foo+530d903a+" + base64 + "\n",
           "example.com/foo+530d903a+ " + base64,
           "example.com/foo+530d903a+B" + base64.substr(1),
           "example.com/foo+530d903a+A" + base64,
           "example.com foo+530d903a+" + base64,
           good + "+",
       }) {
    EXPECT_EQ(NoteKey::Parse(text).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
}

TEST(NoteKeyTest, ItsIdIsCheckedForEveryName) {
  const std::string key = LogSigner("log").public_key().ToString();

  EXPECT_TRUE(NoteKey::Parse(key).ok());
  EXPECT_FALSE(NoteKey::Parse("x" + key).ok());
}

TEST(NoteKeyTest, WhatCannotNameAKeyIsRefused) {
  const PublicKey key = testing::KeyOfSeed(1).public_key();
  for (const std::string& name : {
           std::string(),
           std::string("a b"),
           std::string("a+b"),
           std::string("a\tb"),
           std::string("a\nb"),
           std::string(1, '\0'),
           std::string("a\xc2\xa0") + "b",      // no-break space
           std::string("a\xe2\x80\x83") + "b",  // em space
           std::string("a\xe3\x80\x80") + "b",  // ideographic space
           std::string("a\xe2\x80\xa8"),        // line separator
           std::string("a\xff"),
           std::string("\xc0\xaf"),
           std::string("\xed\xa0\x80"),
           std::string("\xf4\x90\x80\x80"),
       }) {
    EXPECT_EQ(NoteKey::Create(name, NoteKeyType::kEd25519, key).status().code(),
              absl::StatusCode::kInvalidArgument)
        << absl::CHexEscape(name);
  }
}

TEST(NoteTest, IsReadAndWrittenAgain) {
  const std::string text = absl::StrCat(
      "line\n\nline\n\n", FormatSignatureLine({"a", 1, "signature"}),
      FormatSignatureLine({"b/ñ", 0xffffffff, std::string(1, '\0')}));

  const auto note = ParseNote(text);

  ASSERT_TRUE(note.ok()) << note.status();
  EXPECT_EQ(note->text, "line\n\nline\n");
  EXPECT_THAT(
      note->signatures,
      ElementsAre(NoteSignature{"a", 1, "signature"},
                  NoteSignature{"b/ñ", 0xffffffff, std::string(1, '\0')}));
  EXPECT_EQ(FormatNote(*note), text);
}

TEST(NoteTest, ASignatureLineIsADashANameAndBase64) {
  EXPECT_EQ(FormatSignatureLine({"name", 0x01020304, "\x05"}),
            "\u2014 name AQIDBAU=\n");
}

TEST(NoteTest, WhatIsMalformedIsRefused) {
  const std::string good = "text\n\n\u2014 name AQIDBAU=\n";
  ASSERT_TRUE(ParseNote(good).ok());
  for (const std::string& note : {
           std::string(),
           std::string("\n"),
           std::string("\n\n"),
           std::string("text\n"),
           std::string("text\n\n"),
           std::string("text\n\u2014 name AQIDBAU=\n"),
           good.substr(0, good.size() - 1),
           good + "\n",
           good + "x",
           good + "x\n",
           absl::StrReplaceAll(good, {{"\n", "\r\n"}}),
           absl::StrReplaceAll(good, {{"text", "te\txt"}}),
           absl::StrReplaceAll(good, {{"text", "te\x80xt"}}),
           absl::StrReplaceAll(good, {{"\u2014", "-"}}),
           absl::StrReplaceAll(good, {{"\u2014 ", "\u2014"}}),
           absl::StrReplaceAll(good, {{"\u2014 ", "\u2014  "}}),
           absl::StrReplaceAll(good, {{" name", ""}}),
           absl::StrReplaceAll(good, {{"name", "na+me"}}),
           absl::StrReplaceAll(good, {{"name", "na\u00a0me"}}),
           absl::StrReplaceAll(good, {{"AQIDBAU=", ""}}),
           absl::StrReplaceAll(good, {{"AQIDBAU=", "AQIDBAU"}}),
           absl::StrReplaceAll(good, {{"AQIDBAU=", "AQIDBAV="}}),
           absl::StrReplaceAll(good, {{"AQIDBAU=", " AQIDBAU="}}),
           absl::StrReplaceAll(good, {{"AQIDBAU=", "AQIDBAU= "}}),
           absl::StrReplaceAll(good, {{"AQIDBAU=", "AQIDBA=="}}),
           absl::StrReplaceAll(good, {{"AQIDBAU=", "AQIDB-_="}}),
           absl::StrReplaceAll(good, {{"AQIDBAU=", "AQID BAU="}}),
       }) {
    EXPECT_EQ(ParseNote(note).status().code(),
              absl::StatusCode::kInvalidArgument)
        << absl::CHexEscape(note);
  }
}

TEST(NoteTest, TakesManySignaturesButNotAnyNumber) {
  const std::string line = FormatSignatureLine({"name", 1, "signature"});
  std::string lines;
  for (int i = 0; i < 256; ++i) lines += line;

  EXPECT_TRUE(ParseNote("text\n\n" + lines).ok());
  EXPECT_THAT(
      std::string(ParseNote("text\n\n" + lines + line).status().message()),
      HasSubstr("256"));
}

TEST(NoteTest, NoSignatureLinesAreWellFormed) {
  EXPECT_TRUE(ParseSignatureLines("").value().empty());
  EXPECT_FALSE(ParseSignatureLines("\n").ok());
}

// What a note under one key opens to, as Go's note package has it: at least one
// signature by the key, and all of them hold.
bool Opens(const std::string& text, const NoteKey& key) {
  const auto note = ParseNote(text);
  if (!note.ok()) return false;
  bool opens = false;
  for (const NoteSignature& one : note->signatures) {
    if (one.name != key.name() || one.key_id != key.key_id()) continue;
    if (!key.Verify(note->text, one.signature).ok()) return false;
    opens = true;
  }
  return opens;
}

TEST(NoteVectorsTest, AgreeWithGo) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const auto vectors = testing::ReadVectorJson("notes.json");
  google::protobuf::Value all;
  *all.mutable_struct_value() = vectors;
  const auto key = NoteKey::Parse(testing::TextOf(all, "verifier_key"));
  ASSERT_TRUE(key.ok()) << key.status();

  for (const auto& one : testing::ListOf(vectors, "cases")) {
    const std::string note = testing::BytesOf(one, "note_base64");
    const bool opens = testing::TruthOf(one, "opens");

    EXPECT_EQ(Opens(note, *key), opens) << testing::TextOf(one, "case");
    if (!opens) {
      EXPECT_FALSE(OpenCheckpoint(note, {*key}).ok())
          << testing::TextOf(one, "case");
    }
    if (const auto parsed = ParseNote(note); parsed.ok()) {
      EXPECT_EQ(FormatNote(*parsed), note);
    }
  }
  EXPECT_GT(testing::ListOf(vectors, "cases").size(), 10);
}

TEST(NoteVectorsTest, AKeyMayHaveAPlusInItsBase64) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  google::protobuf::Value all;
  *all.mutable_struct_value() = testing::ReadVectorJson("notes.json");
  const std::string& text =
      testing::TextOf(all, "verifier_key_with_plus_in_base64");

  const auto key = NoteKey::Parse(text);

  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->ToString(), text);
}

}  // namespace
}  // namespace gaceta
