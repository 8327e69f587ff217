#include "server/law/urn_lex.h"

#include <regex.h>

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace gaceta {
namespace {

TEST(UrnLexTest, AWorkIsItsOwnName) {
  const std::string uri = "urn:lex:br:federal:lei:2017-05-24;13445";

  auto urn = UrnLex::Parse(uri);

  ASSERT_TRUE(urn.ok()) << urn.status();
  EXPECT_EQ(urn->work(), uri);
  EXPECT_EQ(urn->country(), "br");
  EXPECT_EQ(urn->part(), "");
  EXPECT_EQ(urn->version(), "");
  EXPECT_EQ(urn->language(), "");
}

TEST(UrnLexTest, PartsVersionsAndLanguagesAreTakenOffTheWork) {
  auto part = UrnLex::Parse("urn:lex:fr:etat:loi:2004-05-15;106~art15;par3");
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_EQ(part->work(), "urn:lex:fr:etat:loi:2004-05-15;106");
  EXPECT_EQ(part->part(), "art15;par3");

  auto version =
      UrnLex::Parse("urn:lex:ch:etat:loi:2006-05-14;22@2008-03-12:fr");
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(version->work(), "urn:lex:ch:etat:loi:2006-05-14;22");
  EXPECT_EQ(version->version(), "2008-03-12");
  EXPECT_EQ(version->language(), "fr");

  auto all = UrnLex::Parse(
      "urn:lex:hn:poder.legislativo:decreto:2004-03-03;208~art5@2020-01-01:es$"
      "pdf:gaceta");
  ASSERT_TRUE(all.ok()) << all.status();
  EXPECT_EQ(all->work(), "urn:lex:hn:poder.legislativo:decreto:2004-03-03;208");
  EXPECT_EQ(all->country(), "hn");
  EXPECT_EQ(all->part(), "art5");
  EXPECT_EQ(all->version(), "2020-01-01");
  EXPECT_EQ(all->language(), "es");
}

TEST(UrnLexTest, WhatTheProfileAllowsIsAccepted) {
  for (const char* uri : {
           "urn:lex:br;sao.paulo:estadual:lei:2001;1",
           "urn:lex:br;sao.paulo;campinas:municipal:lei:2001-01-01;1",
           "urn:lex:ar:estado;ministerio.interior:resolucion:2010;12",
           "urn:lex:mx:secretaria.a+secretaria.b;unidad:acuerdo:1999;3",
           "urn:lex:cl:estado:ley;organica:2004-03-03,2004-03-04;1",
           "urn:lex:us:congress:public.law:1996-09-30;104-208",
           "urn:lex:ca:governor.in.council:regulation:2002-06-11;SOR/2002-227",
           "urn:lex:pe:estado:ley:2004;1,2,A.3",
           "urn:lex:gt:estado:ley:2004;1:anexo.1:cuadro-2",
       }) {
    auto urn = UrnLex::Parse(uri);

    ASSERT_TRUE(urn.ok()) << urn.status();
    EXPECT_EQ(urn->work(), uri);
  }
}

TEST(UrnLexTest, WhatBreaksTheProfileIsRefused) {
  for (const char* uri : {
           "",
           "urn:lex:",
           "URN:LEX:hn:estado:ley:2004;1",
           "urn:lex:HN:estado:ley:2004;1",
           "urn:lex:hnd:estado:ley:2004;1",
           "urn:lex:h:estado:ley:2004;1",
           "urn:lex:hn:estado:ley",
           "urn:lex:hn:estado:ley:2004",
           "urn:lex:hn:estado:ley:2004;",
           "urn:lex:hn:estado:ley:;1",
           "urn:lex:hn:estado::2004;1",
           "urn:lex:hn::ley:2004;1",
           "urn:lex::estado:ley:2004;1",
           "urn:lex:hn;:estado:ley:2004;1",
           "urn:lex:hn:Estado:ley:2004;1",
           "urn:lex:hn:estado:Ley:2004;1",
           "urn:lex:hn:est ado:ley:2004;1",
           "urn:lex:hn:estado.:ley:2004;1",
           "urn:lex:hn:.estado:ley:2004;1",
           "urn:lex:hn:est..ado:ley:2004;1",
           "urn:lex:hn:estado+:ley:2004;1",
           "urn:lex:hn:estado:ley:204;1",
           "urn:lex:hn:estado:ley:2004-3-3;1",
           "urn:lex:hn:estado:ley:2004-03;1",
           "urn:lex:hn:estado:ley:2004,2005;1",
           "urn:lex:hn:estado:ley:2004;1,",
           "urn:lex:hn:estado:ley:2004;1;2",
           "urn:lex:hn:estado:ley:2004;-1",
           "urn:lex:hn:estado:ley:2004;1:",
           "urn:lex:hn:estado:ley:2004;1:Anexo",
           "urn:lex:hn:migración:ley:2004;1",
           "urn:lex:hn:estado:ley:2004;1 ",
           "urn:lex:hn:estado:ley:2004;1\n",
           "urn:lex:hn:estado:ley:2004;1~",
           "urn:lex:hn:estado:ley:2004;1~art;",
           "urn:lex:hn:estado:ley:2004;1@",
           "urn:lex:hn:estado:ley:2004;1@2020:",
           "urn:lex:hn:estado:ley:2004;1@2020:ES",
           "urn:lex:hn:estado:ley:2004;1@2020:spanish",
           "urn:lex:hn:estado:ley:2004;1@2020:es:es",
           "urn:lex:hn:estado:ley:2004;1@2020@2021",
           "urn:lex:hn:estado:ley:2004;1$",
           "urn:lex:hn:estado:ley:2004;1$pdf$pdf",
       }) {
    const absl::Status status = UrnLex::Parse(uri).status();

    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << uri;
  }
}

TEST(UrnLexTest, HasAtMost512Bytes) {
  const std::string start = "urn:lex:hn:estado:ley:2004;";

  EXPECT_TRUE(UrnLex::Parse(start + std::string(512 - start.size(), '1')).ok());
  EXPECT_FALSE(
      UrnLex::Parse(start + std::string(513 - start.size(), '1')).ok());
}

// The profile's own pattern of a work, read by the C library.
class WorkPattern {
 public:
  WorkPattern() {
    const std::string s = "[a-z0-9]+([.-][a-z0-9]+)*";
    const std::string d = "[0-9]{4}-[0-9]{2}-[0-9]{2}";
    const std::string n = "[A-Za-z0-9]+([./-][A-Za-z0-9]+)*";
    const std::string pattern =
        "^urn:lex:[a-z]{2}(;" + s + ")*:" + s + "(;" + s + ")*(\\+" + s + "(;" +
        s + ")*)*:" + s + "(;" + s + ")*:(" + d + "(," + d + ")*|[0-9]{4});" +
        n + "(," + n + ")*(:" + s + ")*$";
    EXPECT_EQ(regcomp(&pattern_, pattern.c_str(), REG_EXTENDED | REG_NOSUB), 0);
  }
  ~WorkPattern() { regfree(&pattern_); }
  WorkPattern(const WorkPattern&) = delete;
  WorkPattern& operator=(const WorkPattern&) = delete;

  bool Matches(const std::string& text) const {
    return regexec(&pattern_, text.c_str(), 0, nullptr, 0) == 0;
  }

 private:
  regex_t pattern_;
};

// Changes one character, adds one, takes one, or copies a stretch.
std::string Mutate(const std::string& text, std::mt19937& random) {
  static const std::string kCharacters = "aZz09.-;:,+/ _\xc3";
  std::string out = text;
  const auto any = [&](std::size_t below) { return random() % below; };
  const char c = kCharacters[any(kCharacters.size())];
  // What comes before belongs to every name.
  const std::size_t at = 8 + any(out.size() - 8);
  switch (any(4)) {
    case 0:
      out[at] = c;
      break;
    case 1:
      out.insert(at, 1, c);
      break;
    case 2:
      out.erase(at, 1);
      break;
    default:
      out.insert(at, out.substr(8 + any(out.size() - 8), 1 + any(6)));
  }
  return out;
}

TEST(UrnLexTest, AcceptsAsWorkExactlyWhatThePatternOfTheProfileMatches) {
  const WorkPattern pattern;
  const std::vector<std::string> seeds = {
      "urn:lex:br:federal:lei:2017-05-24;13445",
      "urn:lex:br;sp;campinas:a.b+c;d:ley;organica:2004-03-03,2005-01-01;1,2:x",
      "urn:lex:ca:gov:reg:2002;SOR/2002-227:anexo.1"};
  std::mt19937 random(2141);
  int good = 0;
  int bad = 0;
  for (int i = 0; i < 12'000; ++i) {
    std::string uri = seeds[i % seeds.size()];
    for (std::size_t n = 1 + random() % 3; n > 0 && uri.size() > 10; --n) {
      uri = Mutate(uri, random);
    }
    const bool expected = pattern.Matches(uri);

    auto urn = UrnLex::Parse(uri);

    // `$`, `@` and `~` are not among the characters, so all of it is work.
    ASSERT_EQ(urn.ok(), expected) << uri << ": " << urn.status();
    ++(expected ? good : bad);
  }
  EXPECT_GT(good, 1000);
  EXPECT_GT(bad, 1000);
}

}  // namespace
}  // namespace gaceta
