#include "cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "cli/entry_text.h"
#include "cli/messages.h"
#include "cli/progress.h"
#include "errors/errors.h"
#include "google/protobuf/struct.pb.h"
#include "google/protobuf/util/json_util.h"

namespace gaceta::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(OutputTest, TextOfStrangersCannotMoveTheCursor) {
  EXPECT_EQ(OneLine("Ley\n\x1B[2J\x7F"), "Ley  [2J ");
  // C1 control, right-to-left override, line separator.
  EXPECT_EQ(OneLine("a\xC2\x9B"
                    "b\xE2\x80\xAE"
                    "c\xE2\x80\xA8"
                    "d"),
            "a b c d");
}

TEST(OutputTest, LettersOfAllFourLanguagesStayAsTheyAre) {
  const std::string text = "Ñandú, ação, à l’État, « loi » – 120 €";
  EXPECT_EQ(OneLine(text), text);
}

TEST(OutputTest, ColumnsAreCountedInCharacters) {
  Table table({"ID", "NAME", "X"});
  table.AddRow({"HN", "Política", "1"});
  table.AddRow({"GT", "abc", "2"});
  std::ostringstream out;
  table.Print(out);

  EXPECT_EQ(out.str(),
            "ID  NAME      X\n"
            "HN  Política  1\n"
            "GT  abc       2\n");
}

TEST(OutputTest, ShorteningKeepsWholeCharacters) {
  EXPECT_EQ(Shorten("migración", 9), "migración");
  EXPECT_EQ(Shorten("migración", 8), "migraci…");
  EXPECT_EQ(Shorten("ñññ", 2), "ñ…");
}

TEST(OutputTest, JsonStringsCanBeReadBack) {
  const std::string text = "a\"b\\c\n\x01ñ";
  google::protobuf::Value value;
  ASSERT_TRUE(
      google::protobuf::util::JsonStringToMessage(JsonString(text), &value)
          .ok());
  EXPECT_EQ(value.string_value(), text);
}

TEST(OutputTest, AnErrorShowsItsReasonAndAllViolations) {
  std::ostringstream out;
  std::ostringstream err;
  const CliContext context{out, err};

  PrintError(context,
             InvalidFields("RULE_VIOLATION", {{"update.kind", "is not set"},
                                              {"update.event", "is not set"}}));

  EXPECT_EQ(out.str(), "");
  EXPECT_THAT(err.str(), HasSubstr("error: "));
  EXPECT_THAT(err.str(), HasSubstr("(RULE_VIOLATION)"));
  EXPECT_THAT(err.str(), HasSubstr("\n  update.event: is not set\n"));
}

TEST(OutputTest, AnErrorBeginsInThePersonsLanguage) {
  std::ostringstream out;
  std::ostringstream err;
  CliContext context{out, err};
  context.language = Language::kPortuguese;

  PrintError(context, absl::DataLossError("position 7"));

  EXPECT_THAT(err.str(), HasSubstr("erro: A VERIFICAÇÃO FALHOU: position 7"));
}

TEST(OutputTest, ExitCodesFollowFromTheError) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("x")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("x")), 1);
  EXPECT_EQ(ExitCodeOf(UsageError("x")), 2);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("x")), 3);
}

TEST(MessagesTest, TheLocaleChoosesTheLanguage) {
  EXPECT_EQ(LanguageOfLocale("es_HN.UTF-8"), Language::kSpanish);
  EXPECT_EQ(LanguageOfLocale("pt"), Language::kPortuguese);
  EXPECT_EQ(LanguageOfLocale("fr_CA"), Language::kFrench);
  EXPECT_EQ(LanguageOfLocale("C.UTF-8"), Language::kEnglish);
  EXPECT_EQ(LanguageOfLocale("est_EE"), Language::kEnglish);
  EXPECT_EQ(LanguageOfLocale(""), Language::kEnglish);
}

TEST(MessagesTest, EveryPhraseIsSaidInEveryLanguage) {
  for (int phrase = 0; phrase < static_cast<int>(Phrase::kCount); ++phrase) {
    for (Language language : {Language::kEnglish, Language::kSpanish,
                              Language::kPortuguese, Language::kFrench}) {
      EXPECT_NE(Say(language, static_cast<Phrase>(phrase)), "") << phrase;
    }
  }
}

TEST(ProgressTest, ABarFillsUp) {
  EXPECT_EQ(Bar(0, 10, 4), "[----]");
  EXPECT_EQ(Bar(5, 10, 4), "[##--]");
  EXPECT_EQ(Bar(10, 10, 4), "[####]");
  EXPECT_EQ(Bar(0, 0, 4), "[####]");
}

TEST(ProgressTest, ATerminalSeesTheEndAndThenNothing) {
  std::ostringstream err;
  {
    Progress progress(err, true, 2);
    progress.Show(2, "published");
  }
  EXPECT_THAT(err.str(), HasSubstr("2/2 published"));
  EXPECT_TRUE(err.str().ends_with("\r\033[K"));
}

VerifiedEntry Adoption() {
  VerifiedEntry entry;
  entry.position = 12;
  entry.recorded_time = absl::FromUnixSeconds(1'700'000'000);
  entry.header.set_publisher("HN");
  entry.header.set_payload_type("gaceta.v1.Update");
  auto update = std::make_shared<v1::Update>();
  update->set_nonce("0123456789abcdef");
  update->set_event(v1::UPDATE_EVENT_ADOPTION);
  update->mutable_instrument()->set_uri("urn:lex:hn:a:b:2020;1");
  for (const auto& [language, text] :
       {std::pair{"fr", "Loi"}, {"es-HN", "Ley\tnueva"}}) {
    v1::Title* title = update->mutable_instrument()->add_titles();
    title->set_language(language);
    title->set_text(text);
  }
  entry.update = std::move(update);
  return entry;
}

TEST(EntryTextTest, ALineSaysWhatAPersonLooksFor) {
  EXPECT_EQ(EntryLine(Adoption(), Language::kSpanish),
            "12  2023-11-14T22:13:20Z  HN  adoption  urn:lex:hn:a:b:2020;1  "
            "Ley nueva  ✓ verificado");
  EXPECT_THAT(EntryLine(Adoption(), Language::kFrench), HasSubstr("  Loi  "));
}

TEST(EntryTextTest, WithoutAPayloadTheReasonIsShown) {
  VerifiedEntry entry = Adoption();
  entry.update = nullptr;
  entry.entry.set_omission(v1::Entry::OMISSION_RESTRICTED);

  EXPECT_THAT(EntryLine(entry, Language::kEnglish), HasSubstr("(restricted)"));
  EXPECT_THAT(EntryJson(entry),
              HasSubstr(R"("omission":"OMISSION_RESTRICTED")"));
}

TEST(EntryTextTest, JsonIsOneObjectInOneLine) {
  const std::string json = EntryJson(Adoption());

  google::protobuf::Struct object;
  ASSERT_TRUE(google::protobuf::util::JsonStringToMessage(json, &object).ok());
  EXPECT_EQ(object.fields().at("position").number_value(), 12);
  EXPECT_TRUE(object.fields().at("verified").bool_value());
  EXPECT_EQ(object.fields()
                .at("header")
                .struct_value()
                .fields()
                .at("publisher")
                .string_value(),
            "HN");
  EXPECT_THAT(json, Not(HasSubstr("\n")));
}

TEST(EntryTextTest, ShowingAnEntryShowsEveryFieldButTheNonce) {
  std::ostringstream out;
  PrintEntry(out, Adoption(), Language::kEnglish);

  EXPECT_THAT(out.str(), HasSubstr("  event: adoption\n"));
  EXPECT_THAT(out.str(), HasSubstr("    uri: urn:lex:hn:a:b:2020;1\n"));
  EXPECT_THAT(out.str(), HasSubstr("      text: Ley nueva\n"));
  EXPECT_THAT(out.str(), Not(HasSubstr("nonce")));
}

}  // namespace
}  // namespace gaceta::cli
