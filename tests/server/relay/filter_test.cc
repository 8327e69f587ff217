#include "server/relay/filter.h"

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/relay/relay_scene.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using testing::GoodUpdate;
using ::testing::IsEmpty;
using testing::ReaderOf;
using testing::RelayFederation;
using testing::StoredUpdate;

std::shared_ptr<const CompiledFilter> Compile(const v1::Filter& filter,
                                              const Reader& reader) {
  auto compiled = CompiledFilter::Compile(filter, reader, RelayFederation());
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  return compiled.ok() ? *compiled : nullptr;
}

// An update of Honduras that says something in every field that a filter looks
// at.
v1::Update TheUpdate() {
  v1::Update update = GoodUpdate("HN");
  update.mutable_instrument()->mutable_titles(0)->set_language("pt-BR");
  v1::LocalizedText* abstract = update.add_abstracts();
  abstract->set_language("fr");
  abstract->set_text("Loi");
  update.add_documents()->set_language("quc");
  update.add_relations()->set_target(
      "urn:lex:gt:estado:ley:2016-10-18;44~art15;par3@2020-01-01:es");
  return update;
}

class FilterTest : public ::testing::Test {
 protected:
  Passage Decide(const StoredEntry& stored = StoredUpdate("HN", TheUpdate(),
                                                          "migracion"),
                 const std::string& reader = "GT") {
    const RelayedEntry entry(7, stored);
    const auto compiled = Compile(filter_, ReaderOf(reader));
    const Passage passage = compiled->Decide(entry);
    EXPECT_EQ(compiled->Explain(entry).passes(), passage != Passage::kNone);
    return passage;
  }

  // Whether a field with this one value passes the update.
  bool Passes() { return Decide() == Passage::kFull; }

  v1::Filter filter_;
};

TEST_F(FilterTest, AnEmptyOnePassesEverything) {
  EXPECT_EQ(Decide(), Passage::kFull);
  EXPECT_EQ(Decide(testing::StoredRegistryChange()), Passage::kFull);
}

TEST_F(FilterTest, StatesPassTheirOwnUpdates) {
  filter_.add_states("GT");
  EXPECT_FALSE(Passes());
  filter_.add_states("HN");
  EXPECT_TRUE(Passes());
}

TEST_F(FilterTest, KindsPass) {
  filter_.add_kinds(v1::UPDATE_KIND_POLICY);
  EXPECT_FALSE(Passes());
  filter_.add_kinds(v1::UPDATE_KIND_LEGISLATION);
  EXPECT_TRUE(Passes());
}

TEST_F(FilterTest, EventsPass) {
  filter_.add_events(v1::UPDATE_EVENT_REPEAL);
  EXPECT_FALSE(Passes());
  filter_.add_events(v1::UPDATE_EVENT_PUBLICATION);
  EXPECT_TRUE(Passes());
}

TEST_F(FilterTest, TopicsPass) {
  filter_.add_topics("education");
  EXPECT_FALSE(Passes());
  filter_.add_topics("entry-visa");
  EXPECT_TRUE(Passes());
}

TEST_F(FilterTest, AgenciesPass) {
  filter_.add_agencies("trabajo");
  EXPECT_FALSE(Passes());
  filter_.add_agencies("migracion");
  EXPECT_TRUE(Passes());
}

TEST_F(FilterTest, CorridorsPassTheirStatesInTheRolesWanted) {
  v1::CorridorFilter* corridor = filter_.add_corridors();
  corridor->set_corridor("north");
  EXPECT_TRUE(Passes());

  corridor->add_counterpart_roles(v1::CORRIDOR_ROLE_RECEIVING);
  EXPECT_FALSE(Passes());
  EXPECT_EQ(Decide(StoredUpdate("MX", GoodUpdate("MX"))), Passage::kFull);

  corridor->add_counterpart_roles(v1::CORRIDOR_ROLE_SENDING);
  EXPECT_TRUE(Passes());

  corridor->clear_counterpart_roles();
  corridor->add_counterpart_roles(v1::CORRIDOR_ROLE_UNSPECIFIED);
  EXPECT_TRUE(Passes());
}

TEST_F(FilterTest, ACorridorDoesNotPassAStateThatIsNotOnIt) {
  filter_.add_corridors()->set_corridor("north");

  EXPECT_EQ(Decide(StoredUpdate("CL", GoodUpdate("CL"))), Passage::kNone);
}

struct InstrumentCase {
  const char* uri;
  bool prefix;
  bool passes;
};

TEST_F(FilterTest, InstrumentsPassAsSubjectOrAsTargetOfARelation) {
  for (const InstrumentCase& one : std::initializer_list<InstrumentCase>{
           {"urn:lex:hn:estado:ley:2004-03-03;208", false, true},
           {"urn:lex:hn:estado:ley:2004-03-03;208@2020-01-01", false, true},
           {"urn:lex:hn:estado:ley:2004-03-03;20", false, false},
           {"urn:lex:hn:estado:ley:2004-03-03;20", true, true},
           {"urn:lex:hn:", true, true},
           {"urn:lex:hn:", false, false},
           {"urn:lex:", true, true},
           {"urn:lex:mx:", true, false},
           // A relation to a part of a version of it.
           {"urn:lex:gt:estado:ley:2016-10-18;44", false, true},
           {"urn:lex:gt:estado:ley:2016-10-18;44~art15;par3", false, true},
           {"urn:lex:gt:estado:ley:2016-10-18;44~art15", false, false},
           {"urn:lex:gt:estado:ley:2016-10-18;44~art15", true, true},
           {"urn:lex:gt:estado:ley:2016-10-18;44~art16", false, false},
           {"urn:lex:gt:", true, true},
       }) {
    filter_.clear_instruments();
    filter_.add_instruments()->set_uri(one.uri);
    filter_.mutable_instruments(0)->set_prefix(one.prefix);

    EXPECT_EQ(Passes(), one.passes) << one.uri << " " << one.prefix;
  }
}

TEST_F(FilterTest, LanguagesPassForATitleAnAbstractOrADocument) {
  for (const auto& [language, passes] :
       std::initializer_list<std::pair<const char*, bool>>{{"pt-BR", true},
                                                           {"pt", true},
                                                           {"PT-br", true},
                                                           {"Pt", true},
                                                           {"QUC", true},
                                                           {"pt-PT", false},
                                                           {"fr", true},
                                                           {"fr-CA", false},
                                                           {"quc", true},
                                                           {"qu", false},
                                                           {"es", false}}) {
    filter_.clear_languages();
    filter_.add_languages(language);

    EXPECT_EQ(Passes(), passes) << language;
  }
}

TEST_F(FilterTest, AllFieldsThatAreSetMustPass) {
  filter_.add_states("HN");
  filter_.add_corridors()->set_corridor("north");
  filter_.add_kinds(v1::UPDATE_KIND_LEGISLATION);
  filter_.add_events(v1::UPDATE_EVENT_PUBLICATION);
  filter_.add_topics("entry-visa");
  filter_.add_instruments()->set_uri("urn:lex:hn:estado:ley:2004-03-03;208");
  filter_.add_languages("fr");
  filter_.add_agencies("migracion");
  const v1::Filter all = filter_;
  ASSERT_TRUE(Passes());

  const std::vector<std::function<void()>> spoilers = {
      [&] { filter_.set_states(0, "GT"); },
      [&] {
        filter_.mutable_corridors(0)->add_counterpart_roles(
            v1::CORRIDOR_ROLE_TRANSIT);
      },
      [&] { filter_.set_kinds(0, v1::UPDATE_KIND_POLICY); },
      [&] { filter_.set_events(0, v1::UPDATE_EVENT_REPEAL); },
      [&] { filter_.set_topics(0, "education"); },
      [&] { filter_.mutable_instruments(0)->set_uri("urn:lex:x"); },
      [&] { filter_.set_languages(0, "en"); },
      [&] { filter_.set_agencies(0, "trabajo"); }};
  for (std::size_t i = 0; i < spoilers.size(); ++i) {
    filter_ = all;
    spoilers[i]();
    EXPECT_FALSE(Passes()) << i;
  }
}

TEST_F(FilterTest, TheRegistryPassesEveryFilter) {
  filter_.add_states("HN");
  filter_.add_topics("education");
  filter_.add_agencies("migracion");

  EXPECT_EQ(Decide(testing::StoredRegistryChange()), Passage::kFull);
}

TEST_F(FilterTest, AStatesStatementOfTheRegistrysTypeIsNone) {
  filter_.add_states("GT");
  v1::RegistryChange change;

  EXPECT_EQ(Decide(testing::StoredEntryOf(testing::SignedStatement(
                "HN", testing::RegistryParts(change)))),
            Passage::kNone);
}

TEST_F(FilterTest, AnotherKindOfPayloadPassesFieldsOfTheHeaderAlone) {
  testing::StatementParts parts;
  parts.payload_type = "gaceta.v1.Attestation";
  const StoredEntry stored =
      testing::StoredEntryOf(testing::SignedStatement("HN", parts));

  filter_.add_states("HN");
  EXPECT_EQ(Decide(stored), Passage::kFull);
  filter_.add_kinds(v1::UPDATE_KIND_LEGISLATION);
  EXPECT_EQ(Decide(stored), Passage::kNone);
}

TEST_F(FilterTest, ARestrictedPayloadPassesFieldsOfTheHeaderAlone) {
  v1::Audience audience;
  audience.set_scope(v1::Audience::SCOPE_LISTED);
  audience.add_states("MX");
  const StoredEntry stored =
      StoredUpdate("HN", TheUpdate(), "migracion", audience);

  EXPECT_EQ(Decide(stored, "MX"), Passage::kFull);
  EXPECT_EQ(Decide(stored, "HN"), Passage::kFull);
  EXPECT_EQ(Decide(stored, "GT"), Passage::kRestricted);
  filter_.add_states("HN");
  filter_.add_agencies("migracion");
  filter_.add_corridors()->set_corridor("north");
  EXPECT_EQ(Decide(stored, "GT"), Passage::kRestricted);

  // What it says must not show by what passes.
  filter_.add_topics("entry-visa");
  EXPECT_EQ(Decide(stored, "GT"), Passage::kNone);
  EXPECT_EQ(Decide(stored, "MX"), Passage::kFull);
}

TEST_F(FilterTest, APayloadThatIsNotKeptPassesFieldsOfTheHeaderAlone) {
  StoredEntry stored = StoredUpdate("HN", TheUpdate());
  stored.payload.clear();
  stored.omission = v1::Entry::OMISSION_NOT_KEPT;

  EXPECT_EQ(Decide(stored), Passage::kRestricted);
  filter_.add_topics("entry-visa");
  EXPECT_EQ(Decide(stored), Passage::kNone);
}

TEST(MaySeePayloadTest, FollowsTheAudience) {
  struct Case {
    v1::Audience::Scope scope;
    std::vector<std::string> states;
    std::vector<std::string> corridors;
    std::vector<std::string> readers;
  };
  const std::vector<std::string> all = {"HN", "GT",  "MX",   "CL",
                                        "",   "OAS", "acnur"};
  for (const Case& one : std::vector<Case>{
           {v1::Audience::SCOPE_UNSPECIFIED, {}, {}, all},
           {v1::Audience::SCOPE_PUBLIC, {}, {}, all},
           {v1::Audience::SCOPE_MEMBERS,
            {},
            {},
            {"HN", "GT", "MX", "CL", "OAS"}},
           {v1::Audience::SCOPE_LISTED, {"GT"}, {}, {"HN", "GT"}},
           {v1::Audience::SCOPE_LISTED, {"CL"}, {}, {"HN", "CL"}},
           {v1::Audience::SCOPE_LISTED, {}, {"north"}, {"HN", "GT", "MX"}},
           {v1::Audience::SCOPE_LISTED, {}, {"gone"}, {"HN"}},
           {static_cast<v1::Audience::Scope>(99), {}, {}, {}},
       }) {
    v1::StatementHeader header;
    header.set_publisher("HN");
    header.mutable_audience()->set_scope(one.scope);
    for (const auto& state : one.states) {
      header.mutable_audience()->add_states(state);
    }
    for (const auto& corridor : one.corridors) {
      header.mutable_audience()->add_corridors(corridor);
    }
    for (const std::string& reader : all) {
      EXPECT_EQ(MaySeePayload(header, ReaderOf(reader), *RelayFederation()),
                std::find(one.readers.begin(), one.readers.end(), reader) !=
                    one.readers.end())
          << one.scope << " " << reader;
    }
  }
}

TEST(CompileTest, WhatTheRegistryDoesNotHaveIsNotFound) {
  const auto reason = [](const v1::Filter& filter) {
    const absl::Status status =
        CompiledFilter::Compile(filter, ReaderOf("HN"), RelayFederation())
            .status();
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
    return Reason(status) + " " + ReasonMetadata(status, "value");
  };
  v1::Filter filter;
  filter.add_states("CL");
  EXPECT_EQ(reason(filter), "UNKNOWN_STATE CL");
  filter.Clear();
  filter.add_corridors()->set_corridor("south");
  EXPECT_EQ(reason(filter), "UNKNOWN_CORRIDOR south");
  filter.Clear();
  filter.add_topics("visas");
  EXPECT_EQ(reason(filter), "UNKNOWN_TOPIC visas");
}

// An older server that ignored the field would pass more than was asked for.
TEST(CompileTest, AFieldOfALaterVersionIsRefusedByItsNumber) {
  v1::Filter filter;
  filter.GetReflection()->MutableUnknownFields(&filter)->AddVarint(900, 1);

  const absl::Status status =
      CompiledFilter::Compile(filter, ReaderOf("HN"), RelayFederation())
          .status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Reason(status), "UNKNOWN_FIELD");
  EXPECT_EQ(ReasonMetadata(status, "field"), "filter.field 900");
}

TEST(CompileTest, MalformedFieldsAreListedTogether) {
  v1::Filter filter;
  filter.add_kinds(v1::UPDATE_KIND_UNSPECIFIED);
  filter.add_events(static_cast<v1::UpdateEvent>(99));
  filter.add_instruments()->set_uri("Ley 208");
  filter.add_languages("p");
  filter.add_languages("español");
  filter.add_corridors()->set_corridor("north");
  filter.mutable_corridors(0)->add_counterpart_roles(
      static_cast<v1::CorridorRole>(99));
  for (int i = 0; i < 1001; ++i) filter.add_agencies("a");
  filter.set_agencies(7, "INM");

  const absl::Status status =
      CompiledFilter::Compile(filter, ReaderOf("HN"), RelayFederation())
          .status();

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : Violations(status)) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, ::testing::UnorderedElementsAre(
                          "filter.kinds[0]", "filter.events[0]",
                          "filter.instruments[0].uri", "filter.languages[0]",
                          "filter.languages[1]",
                          "filter.corridors[0].counterpart_roles",
                          "filter.agencies", "filter.agencies[7]"));
}

class ExplainTest : public ::testing::Test {
 protected:
  v1::ExplainResponse Explain(const StoredEntry& stored,
                              const std::string& reader) {
    return Compile(filter_, ReaderOf(reader))->Explain(RelayedEntry(3, stored));
  }

  static std::vector<std::string> Results(const v1::ExplainResponse& response) {
    std::vector<std::string> results;
    for (const auto& field : response.fields()) {
      EXPECT_FALSE(field.reason().empty());
      results.push_back(field.field() + (field.passes() ? " yes" : " no"));
    }
    return results;
  }

  v1::Filter filter_;
};

TEST_F(ExplainTest, SaysWhatEachFieldSays) {
  filter_.add_states("HN");
  filter_.add_kinds(v1::UPDATE_KIND_POLICY);
  filter_.add_topics("entry-visa");
  filter_.add_languages("en");

  const auto response = Explain(StoredUpdate("HN", TheUpdate()), "GT");

  EXPECT_FALSE(response.passes());
  EXPECT_TRUE(response.payload_visible());
  EXPECT_THAT(Results(response), ElementsAre("states yes", "kinds no",
                                             "topics yes", "languages no"));
}

TEST_F(ExplainTest, DoesNotTellWhatTheReaderMayNotSee) {
  v1::Audience audience;
  audience.set_scope(v1::Audience::SCOPE_LISTED);
  audience.add_states("MX");
  filter_.add_states("HN");
  filter_.add_topics("entry-visa");

  const auto response =
      Explain(StoredUpdate("HN", TheUpdate(), "", audience), "GT");

  EXPECT_FALSE(response.passes());
  EXPECT_FALSE(response.payload_visible());
  EXPECT_THAT(Results(response), ElementsAre("states yes", "payload no"));
}

TEST_F(ExplainTest, SaysThatTheRegistryPassesEveryFilter) {
  filter_.add_states("HN");
  filter_.add_topics("entry-visa");

  const auto response = Explain(testing::StoredRegistryChange(), "GT");

  EXPECT_TRUE(response.passes());
  EXPECT_THAT(Results(response), ElementsAre("registry yes"));
}

TEST_F(ExplainTest, AnEmptyFilterHasNothingToSay) {
  const auto response = Explain(StoredUpdate("HN", TheUpdate()), "GT");

  EXPECT_TRUE(response.passes());
  EXPECT_THAT(response.fields(), IsEmpty());
}

// One rule decides for streams and for explanations.
TEST_F(ExplainTest, AgreesWithWhatPassesForAnyFilter) {
  std::mt19937 random(2141);
  std::vector<StoredEntry> entries;
  for (int i = 0; i < 150; ++i) {
    entries.push_back(testing::RandomStoredEntry(random));
  }
  int passed = 0;
  int refused = 0;
  for (int i = 0; i < 120; ++i) {
    filter_ = testing::RandomFilter(random);
    const auto compiled = Compile(filter_, ReaderOf(i % 3 == 0   ? "acnur"
                                                    : i % 3 == 1 ? "GT"
                                                                 : "CL"));
    for (const StoredEntry& stored : entries) {
      const RelayedEntry entry(0, stored);
      const bool passes = compiled->Decide(entry) != Passage::kNone;
      const auto explained = compiled->Explain(entry);
      bool all = true;
      for (const auto& field : explained.fields()) all &= field.passes();

      ASSERT_EQ(explained.passes(), passes) << filter_.ShortDebugString();
      ASSERT_EQ(all, passes)
          << filter_.ShortDebugString() << explained.DebugString();
      ++(passes ? passed : refused);
    }
  }
  EXPECT_GT(passed, 1000);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace gaceta
