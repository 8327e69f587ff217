#include "cli/submission_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "cli/document_flag.h"
#include "tests/support/temp_folder.h"
#include "verify/digest.h"
#include "verify/statement.h"

namespace gaceta::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr char kBareUpdate[] =
    R"({"kind":"UPDATE_KIND_POLICY","event":"UPDATE_EVENT_ADOPTION",)"
    R"("instrument":{"uri":"urn:lex:hn:a:b:2020;1",)"
    R"("titles":[{"language":"es","text":"Política"}]}})";

std::string Line(const std::string& rest) {
  return std::string(R"({"update":)") + kBareUpdate + rest + "}";
}

std::string MessageOf(const absl::Status& status) {
  return std::string(status.message());
}

// Reads a file to its end; errors by their text.
struct ReadAll {
  explicit ReadAll(const std::string& path) {
    std::istringstream nothing;
    auto reader = SubmissionReader::Open(path, nothing);
    EXPECT_TRUE(reader.ok()) << reader.status();
    while (reader.ok()) {
      auto next = reader->Next();
      if (!next.ok()) {
        errors.push_back(MessageOf(next.status()));
      } else if (next->has_value()) {
        inputs.push_back(**next);
      } else {
        break;
      }
    }
    one_a_line = reader->one_a_line();
  }

  std::vector<SubmissionInput> inputs;
  std::vector<std::string> errors;
  bool one_a_line = false;
};

TEST(SubmissionReaderTest, AFirstLineThatIsWrongHoldsUpNoOthers) {
  const testing::TempFolder folder;
  const std::vector<std::string> firsts = {R"({"state":"HN","update":{"kind")",
                                           "no JSON", R"({"state":"HN",)"};
  for (const std::string& first : firsts) {
    const ReadAll all(folder.Write(
        "u.ndjson", first + "\n" + Line("") + "\n\n" + Line("") + "\n"));

    EXPECT_THAT(all.inputs, SizeIs(2)) << first;
    ASSERT_THAT(all.errors, SizeIs(1)) << first;
    EXPECT_THAT(all.errors[0], HasSubstr("u.ndjson:1: "));
    EXPECT_TRUE(all.one_a_line);
    EXPECT_THAT(all.inputs[1].place, HasSubstr("u.ndjson:4"));
  }
}

TEST(SubmissionReaderTest, AnUpdateInsideASubmissionIsNoSubmissionOfItsOwn) {
  const testing::TempFolder folder;
  // Its audience stands outside: published alone it would be public.
  const std::string text = std::string("{\n\"update\":\n") + kBareUpdate +
                           "\n,\"audience\":\n{\"scope\":\"SCOPE_MEMBERS\"}\n";

  const ReadAll whole(folder.Write("whole.json", text + "}\n"));
  const ReadAll wrong(folder.Write("wrong.json", text + "]\n"));

  ASSERT_THAT(whole.inputs, SizeIs(1));
  EXPECT_EQ(whole.inputs[0].request.audience().scope(),
            v1::Audience::SCOPE_MEMBERS);
  EXPECT_THAT(wrong.inputs, SizeIs(0));
  EXPECT_THAT(wrong.errors, SizeIs(1));
}

TEST(SubmissionInputTest, ALineSaysAllOfASubmission) {
  const std::string sha256 = ToHex(Sha256("law"));
  const auto input = ParseSubmission(
      Line(R"(,"state":"HN","agency":"migracion",)"
           R"("submissionId":"0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10",)"
           R"("audience":{"scope":"SCOPE_MEMBERS"},)"
           R"("documentFiles":{")" +
           sha256 + R"(":"docs/ley.pdf"})"),
      "f:1", "/data");

  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->state, "HN");
  EXPECT_EQ(input->request.submission_id(),
            "0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10");
  EXPECT_EQ(input->request.audience().scope(), v1::Audience::SCOPE_MEMBERS);
  EXPECT_EQ(input->request.update().instrument().titles(0).text(), "Política");
  EXPECT_EQ(input->document_files.at(sha256), "/data/docs/ley.pdf");
}

TEST(SubmissionInputTest, ABareUpdateIsASubmissionToo) {
  const auto input = ParseSubmission(kBareUpdate, "f:1", ".");

  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->request.update().kind(), v1::UPDATE_KIND_POLICY);
  EXPECT_TRUE(IsStatementId(input->request.submission_id()));
}

TEST(SubmissionInputTest, AnIdIsDerivedFromTheContentAlone) {
  const auto once = ParseSubmission(kBareUpdate, "f:1", ".");
  const auto again = ParseSubmission(Line(""), "g:7", "/other");
  const auto other_audience = ParseSubmission(
      Line(R"(,"audience":{"scope":"SCOPE_MEMBERS"})"), "f:1", ".");
  const auto other_state =
      ParseSubmission(Line(R"(,"state":"GT")"), "f:1", ".");

  EXPECT_EQ(once->request.submission_id(), again->request.submission_id());
  EXPECT_NE(once->request.submission_id(),
            other_audience->request.submission_id());
  EXPECT_NE(once->request.submission_id(),
            other_state->request.submission_id());
}

TEST(SubmissionInputTest, WhatIsWrongIsSaidWithItsPlace) {
  const auto unknown =
      ParseSubmission(R"({"update":{"evnt":1}})", "f.ndjson:3", ".");
  EXPECT_THAT(MessageOf(unknown.status()), HasSubstr("f.ndjson:3: "));
  EXPECT_THAT(MessageOf(unknown.status()), HasSubstr("evnt"));

  const auto bad_id =
      ParseSubmission(Line(R"(,"submissionId":"7")"), "f:1", ".");
  EXPECT_THAT(MessageOf(bad_id.status()), HasSubstr("expected a UUID"));

  const auto bad_digest =
      ParseSubmission(Line(R"(,"documentFiles":{"abc":"x"})"), "f:1", ".");
  EXPECT_THAT(MessageOf(bad_digest.status()), HasSubstr("expected a SHA-256"));
}

TEST(SubmissionReaderTest, ReadsOneObjectALineAndGoesOnBehindABadOne) {
  testing::TempFolder folder;
  const std::string path =
      folder.Write("u.ndjson", Line("") + "\n\n" + "{broken\n" + kBareUpdate);

  const ReadAll read(path);

  EXPECT_TRUE(read.one_a_line);
  ASSERT_THAT(read.inputs, SizeIs(2));
  EXPECT_EQ(read.inputs[1].place, path + ":4");
  ASSERT_THAT(read.errors, SizeIs(1));
  EXPECT_THAT(read.errors[0], HasSubstr(path + ":3: "));
}

TEST(SubmissionReaderTest, AnObjectOverSeveralLinesIsOneUpdate) {
  testing::TempFolder folder;
  std::string pretty = kBareUpdate;
  pretty.insert(1, "\n  ");

  const ReadAll read(folder.Write("u.json", "\n" + pretty + "\n"));

  EXPECT_FALSE(read.one_a_line);
  ASSERT_THAT(read.inputs, SizeIs(1));
  EXPECT_THAT(read.errors, SizeIs(0));
}

TEST(SubmissionReaderTest, ReadsTheStandardInput) {
  std::istringstream in(Line("") + "\n");
  auto reader = SubmissionReader::Open("-", in);
  ASSERT_TRUE(reader.ok());

  const auto first = reader->Next();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->value().place, "-:1");
  EXPECT_FALSE(reader->Next()->has_value());
}

TEST(SubmissionReaderTest, AFileThatIsNotThereIsAnError) {
  std::istringstream in;
  EXPECT_TRUE(
      absl::IsNotFound(SubmissionReader::Open("/nowhere/u.json", in).status()));
  EXPECT_TRUE(absl::IsNotFound(SubmissionReader::Open("/", in).status()));
}

TEST(SubmissionReaderTest, TheSamplesCanBeRead) {
  const ReadAll read(std::string(std::getenv("GACETA_SOURCE_DIR")) +
                     "/deploy/samples/updates.ndjson");

  EXPECT_THAT(read.errors, SizeIs(0));
  EXPECT_GE(read.inputs.size(), 40u);
  for (const SubmissionInput& input : read.inputs) {
    for (const auto& [sha256, path] : input.document_files) {
      EXPECT_TRUE(std::filesystem::is_regular_file(path)) << path;
    }
  }
}

TEST(SubmissionReaderTest, CountsWhatItWillRead) {
  testing::TempFolder folder;
  const std::string lines =
      folder.Write("u.ndjson", Line("") + "\n" + Line("") + "\n");
  const std::string one = folder.Write("u.json", "{\n}\n");

  EXPECT_EQ(CountSubmissions({lines, one}), 3);
  EXPECT_EQ(CountSubmissions({lines, "-"}), std::nullopt);
}

TEST(DocumentFlagTest, HasPathLanguageLegalValueAndMediaType) {
  const auto document = ParseDocumentFlag("ley.pdf:es:official:text/plain");

  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->path, "ley.pdf");
  EXPECT_EQ(document->language, "es");
  EXPECT_EQ(document->legal_value, v1::LEGAL_VALUE_OFFICIAL);
  EXPECT_EQ(document->media_type, "text/plain");

  EXPECT_EQ(ParseDocumentFlag("ley.pdf")->legal_value,
            v1::LEGAL_VALUE_UNOFFICIAL);
  EXPECT_THAT(MessageOf(ParseDocumentFlag("ley.pdf:es:holy").status()),
              HasSubstr("authoritative"));
}

TEST(DocumentFlagTest, AttachingFillsInDigestAndSize) {
  testing::TempFolder folder;
  const std::string path = folder.Write("ley:1.html", "<p>Ley</p>");
  auto input = ParseSubmission(kBareUpdate, "f:1", ".");
  const std::string id_before = input->request.submission_id();

  const auto flag = ParseDocumentFlag(path);
  ASSERT_TRUE(flag.ok()) << flag.status();
  ASSERT_TRUE(AttachDocument(*flag, &*input).ok());
  // Naming the same document twice adds it once.
  ASSERT_TRUE(AttachDocument(*flag, &*input).ok());

  ASSERT_EQ(input->request.update().documents_size(), 1);
  const v1::Document& document = input->request.update().documents(0);
  EXPECT_EQ(document.sha256(), ToHex(Sha256("<p>Ley</p>")));
  EXPECT_EQ(document.size(), 10);
  EXPECT_EQ(document.media_type(), "text/html");
  EXPECT_EQ(document.language(), "es");
  EXPECT_EQ(input->document_files.at(document.sha256()), path);
  EXPECT_NE(input->request.submission_id(), id_before);
}

}  // namespace
}  // namespace gaceta::cli
