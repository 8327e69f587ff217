#include "server/law/field_checks.h"

#include <string>

#include "gtest/gtest.h"

namespace gaceta {
namespace {

TEST(ParseDayTest, ReadsDaysOfTheCalendarAlone) {
  EXPECT_EQ(ParseDay("2026-02-28"), absl::CivilDay(2026, 2, 28));
  EXPECT_EQ(ParseDay("2024-02-29"), absl::CivilDay(2024, 2, 29));
  for (const char* text :
       {"", "2026", "2026-02-29", "2026-04-31", "2026-13-01", "2026-00-10",
        "2026-01-00", "2026-1-1", "26-01-01", "2026/01/01", "2026-01-01 ",
        " 026-01-01", "2026-01-1a", "+026-01-01", "2026-01-01T00:00:00Z"}) {
    EXPECT_FALSE(ParseDay(text).has_value()) << text;
  }
}

TEST(LanguageTagTest, FollowsTheProfile) {
  for (const char* tag : {"es", "pt-BR", "quc", "zh-Hant", "zh-Hant-TW",
                          "es-419", "qu-Latn-PE"}) {
    EXPECT_TRUE(IsLanguageTag(tag)) << tag;
  }
  for (const char* tag :
       {"", "e", "ES", "Es", "spanish", "es-", "es_MX", "es-mx", "pt-br",
        "zh-hant", "zh-HANT", "es-MXX", "es-41", "es-4190", "es-MX-419",
        "es-MX-x", "-es", "zh-TW-Hant", "es MX"}) {
    EXPECT_FALSE(IsLanguageTag(tag)) << tag;
  }
}

TEST(MediaTypeTest, HasTypeAndSubtype) {
  for (const char* text : {"application/pdf", "text/html",
                           "application/akn+xml", "application/vnd.x-y_z"}) {
    EXPECT_TRUE(IsMediaType(text)) << text;
  }
  for (const std::string& text :
       {std::string(), std::string("pdf"), std::string("application/"),
        std::string("/pdf"), std::string("a/b/c"), std::string("text/html; x"),
        std::string("text/ht ml"), "text/" + std::string(123, 'x')}) {
    EXPECT_FALSE(IsMediaType(text)) << text;
  }
}

TEST(WebAddressTest, IsAbsolute) {
  EXPECT_TRUE(IsWebAddress("https://gob.example/ley?x=1#a", false));
  EXPECT_TRUE(IsWebAddress("http://gob.example/ley", true));
  for (const std::string& text :
       {std::string(), std::string("http://gob.example/ley"),
        std::string("https://"), std::string("https:///ley"),
        std::string("gob.example"), std::string("ftp://gob.example"),
        std::string("javascript:alert(1)"),
        std::string("https://gob.example/a b"),
        std::string("https://gob.example/\n"),
        "https://" + std::string(2001, 'a')}) {
    EXPECT_FALSE(IsWebAddress(text, false)) << text;
  }
}

TEST(AknIriTest, NamesAVersionInALanguage) {
  for (const char* text :
       {"/akn/br/act/2017-05-24/13445/por@2017-05-25",
        "/akn/hn/act/decreto/congreso/2004-03-03/208/spa@",
        "/akn/fr/act/2004-05-15/fra@2008-03-12", "/akn/ca-qc/act/2001/12/fra@x",
        "/akn/uy/act/2008/spa@2020"}) {
    EXPECT_TRUE(IsAknIri(text)) << text;
  }
  for (const char* text :
       {"", "/akn/", "/akn/br", "/akn/br/act/2017-05-24/13445",
        "/akn/br/act/2017-05-24/13445/por", "/akn/BR/act/2017-05-24/por@x",
        "/akn/br/2017-05-24/por@x", "/akn/br//act/2017-05-24/por@x",
        "/akn/br/act/2017-02-30/por@x", "/akn/br/act/13445/por@x",
        "/akn/br/act/2017-05-24/pt@x", "akn/br/act/2017-05-24/por@x",
        "/akn/br/act/2017-05-24/1 3/por@x"}) {
    EXPECT_FALSE(IsAknIri(text)) << text;
  }
}

TEST(CountCharactersTest, CountsCharactersNotBytes) {
  EXPECT_EQ(CountCharacters(""), 0u);
  EXPECT_EQ(CountCharacters("migración"), 9u);
  EXPECT_EQ(CountCharacters("日本"), 2u);
}

TEST(PersonalDataTest, IsFoundInFreeText) {
  for (const char* text :
       {"escriba a juan.perez@correo.example", "tel. +504 2222-3333",
        "llame al +1 (202) 555-0100", "pasaporte C1234567",
        "Passport no. 123456789", "DNI 12.345.678", "CPF 123.456.789-00"}) {
    EXPECT_FALSE(FindPersonalData(text).empty()) << text;
  }
}

TEST(PersonalDataTest, IsNotSeenInWhatLawsSay) {
  for (const char* text :
       {"", "Decreto 208-2003 del 3 de marzo de 2004", "artículos 1 a 120",
        "el pasaporte tendrá vigencia de 10 años", "precio @ 5", "USD +100",
        "Ley 25.871, B.O. 21/01/2004", "la DNI, Dirección Nacional"}) {
    EXPECT_TRUE(FindPersonalData(text).empty()) << text;
  }
}

}  // namespace
}  // namespace gaceta
