#include "server/law/update_rules.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/statements.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr char kOwn[] = "0b8a1c1e-1d0f-4f0c-9a53-0c2d5a9d2f11";
constexpr char kGuatemalas[] = "1b8a1c1e-1d0f-4f0c-9a53-0c2d5a9d2f22";
constexpr char kNobodys[] = "2b8a1c1e-1d0f-4f0c-9a53-0c2d5a9d2f33";
constexpr char kKnownLaw[] = "urn:lex:hn:estado:ley:1970-01-01;34";
constexpr char kWork[] = "urn:lex:hn:estado:ley:2004-03-03;208";

// What was published before.
class FakeHistory : public UpdateHistory {
 public:
  std::optional<std::string> PublisherOf(
      absl::string_view statement_id) const override {
    if (statement_id == kOwn) return "HN";
    if (statement_id == kGuatemalas) return "GT";
    return std::nullopt;
  }
  bool IsKnownInstrument(absl::string_view uri) const override {
    return uri == kKnownLaw;
  }
  v1::VersionStatus LastStatus(absl::string_view uri) const override {
    return uri == kWork ? last_status : v1::VERSION_STATUS_UNSPECIFIED;
  }

  v1::VersionStatus last_status = v1::VERSION_STATUS_UNSPECIFIED;
};

const Federation& TheFederation() {
  static const auto* federation =
      new Federation(testing::TestFederation().Full());
  return *federation;
}

// An update with every field set, which breaks no rule and deserves no warning.
v1::Update FullUpdate() {
  v1::Update update = testing::GoodUpdate("HN");
  update.set_event(v1::UPDATE_EVENT_AMENDMENT);
  update.set_corrects(kOwn);
  update.set_urgency(v1::URGENCY_URGENT);
  update.set_ground("Entra en vigor mañana");
  v1::Instrument* instrument = update.mutable_instrument();
  instrument->set_eli("https://gob.example/eli/ley/208");
  instrument->set_akn_iri("/akn/hn/act/2004-03-03/208/spa@2004-03-04");
  instrument->set_type_local("Ley");
  instrument->set_number("208-2003");
  instrument->set_passed_by("Congreso Nacional");
  instrument->set_responsible_body("Instituto Nacional de Migración");
  instrument->mutable_titles(0)->set_short_title("Ley de Migración");
  v1::Title* english = instrument->add_titles();
  english->set_language("en");
  english->set_text("Migration Act");
  v1::Subject* subject = instrument->add_subjects();
  subject->set_scheme("eurovoc");
  subject->set_notation("1233");
  v1::AffectedState* affected = instrument->add_affects();
  affected->set_state("GT");
  affected->set_role(v1::AFFECTED_ROLE_ORIGIN);
  instrument->add_affected_groups(v1::AFFECTED_GROUP_CHILDREN);
  update.mutable_version()->set_version_uri(std::string(kWork) + "@2026-01-01");
  update.mutable_version()->set_version_date("2026-01-01");
  update.mutable_version()->set_status(v1::VERSION_STATUS_IN_FORCE);
  v1::Dates* dates = update.mutable_dates();
  dates->set_document_date("2025-12-01");
  dates->set_promulgation_date("2025-12-05");
  dates->set_publication_date("2025-12-10");
  dates->set_entry_into_force_date("2026-01-01");
  dates->set_applicability_date("2026-02-01");
  dates->set_end_date("2030-12-31");
  dates->set_comments_until("2025-10-01");
  dates->set_standstill_until("2025-11-01");
  v1::Relation* relation = update.add_relations();
  relation->set_type(v1::RELATION_TYPE_AMENDS);
  relation->set_target(std::string(kKnownLaw) + "~art15");
  relation->set_effective_date("2026-01-01");
  relation->set_note("Sustituye el artículo 15");
  v1::Gazette* gazette = update.mutable_gazette();
  gazette->set_name("La Gaceta");
  gazette->set_issue("30.329");
  gazette->set_section("A");
  gazette->set_page("1-12");
  gazette->set_date("2025-12-10");
  gazette->set_url("http://gaceta.example/30329");
  gazette->set_verification_code("a1b2");
  v1::Document* document = update.add_documents();
  document->set_sha256(std::string(64, 'a'));
  document->set_size(7104);
  document->set_media_type("application/pdf");
  document->set_language("es");
  document->set_legal_value(v1::LEGAL_VALUE_OFFICIAL);
  document->set_uri("https://gob.example/ley.pdf");
  document->set_licence("CC-BY-4.0");
  v1::LocalizedText* abstract = update.add_abstracts();
  abstract->set_language("es");
  abstract->set_text("Reforma las categorías migratorias.");
  update.mutable_contact()->set_unit("Dirección Jurídica");
  update.mutable_contact()->set_email("juridica@gob.example");
  return update;
}

// What an update is checked with.
struct Scene {
  v1::Update update = FullUpdate();
  v1::Audience audience;
  std::string publisher = "HN";
  FakeHistory history;
};

RuleFindings Check(const Scene& scene) {
  return CheckUpdate(scene.update, scene.audience, scene.publisher,
                     TheFederation(), scene.history,
                     absl::CivilDay(2026, 3, 1));
}

std::vector<std::string> Fields(const RuleFindings& findings) {
  std::vector<std::string> fields;
  for (const FieldViolation& violation : findings.violations) {
    EXPECT_FALSE(violation.description.empty()) << violation.field;
    fields.push_back(violation.field);
  }
  return fields;
}

std::vector<std::string> Warnings(const RuleFindings& findings) {
  std::vector<std::string> warnings;
  for (const v1::Warning& warning : findings.warnings) {
    EXPECT_FALSE(warning.description().empty()) << warning.field();
    warnings.push_back(warning.reason() + " " + warning.field());
  }
  return warnings;
}

TEST(UpdateRulesTest, AFullUpdatePassesWithoutAWarning) {
  const RuleFindings findings = Check(Scene());

  EXPECT_THAT(Fields(findings), IsEmpty());
  EXPECT_THAT(Warnings(findings), IsEmpty());
}

TEST(UpdateRulesTest, TheLeastUpdatePassesWithoutAWarning) {
  Scene scene;
  scene.update = testing::GoodUpdate("HN");

  const RuleFindings findings = Check(scene);

  EXPECT_THAT(Fields(findings), IsEmpty());
  EXPECT_THAT(Warnings(findings), IsEmpty());
}

struct Rule {
  std::string name;
  // Breaks one rule of the full update.
  std::function<void(Scene&)> broken;
  // The violation's field; empty where the rule is kept.
  std::string field;
};

void PrintTo(const Rule& rule, std::ostream* out) { *out << rule.name; }

std::string RuleName(const ::testing::TestParamInfo<Rule>& info) {
  return info.param.name;
}

class BrokenRuleTest : public ::testing::TestWithParam<Rule> {};

TEST_P(BrokenRuleTest, IsRefusedForItsFieldAlone) {
  Scene scene;
  GetParam().broken(scene);

  EXPECT_THAT(Fields(Check(scene)), ElementsAre(GetParam().field));
}

class KeptRuleTest : public ::testing::TestWithParam<Rule> {};

TEST_P(KeptRuleTest, Passes) {
  Scene scene;
  GetParam().broken(scene);

  EXPECT_THAT(Fields(Check(scene)), IsEmpty());
}

// A text of so many characters, each of two bytes.
std::string Text(int characters) {
  std::string text;
  for (int i = 0; i < characters; ++i) text += "ñ";
  return text;
}

template <typename Enum>
Enum Unknown() {
  return static_cast<Enum>(99);
}

INSTANTIATE_TEST_SUITE_P(
    What, BrokenRuleTest,
    ::testing::Values(
        Rule{"ShortNonce", [](Scene& s) { s.update.set_nonce("short"); },
             "update.nonce"},
        Rule{"NoKind", [](Scene& s) { s.update.clear_kind(); }, "update.kind"},
        Rule{"UnknownKind",
             [](Scene& s) { s.update.set_kind(Unknown<v1::UpdateKind>()); },
             "update.kind"},
        Rule{"NoEvent", [](Scene& s) { s.update.clear_event(); },
             "update.event"},
        Rule{"UnknownEvent",
             [](Scene& s) { s.update.set_event(Unknown<v1::UpdateEvent>()); },
             "update.event"},
        Rule{"UnknownUrgency",
             [](Scene& s) { s.update.set_urgency(Unknown<v1::Urgency>()); },
             "update.urgency"},
        Rule{"UrgentWithoutGround", [](Scene& s) { s.update.clear_ground(); },
             "update.ground"},
        Rule{"LongGround", [](Scene& s) { s.update.set_ground(Text(2001)); },
             "update.ground"},
        Rule{"CorrectsWhatIsNoId",
             [](Scene& s) { s.update.set_corrects("the last one"); },
             "update.corrects"},
        Rule{"CorrectsNothing",
             [](Scene& s) { s.update.set_corrects(kNobodys); },
             "update.corrects"},
        Rule{"CorrectsAnothers",
             [](Scene& s) { s.update.set_corrects(kGuatemalas); },
             "update.corrects"},
        Rule{"WithdrawsWhatIsNoId",
             [](Scene& s) { s.update.set_withdraws("the last one"); },
             "update.withdraws"},
        Rule{"WithdrawsNothing",
             [](Scene& s) { s.update.set_withdraws(kNobodys); },
             "update.withdraws"},
        Rule{"WithdrawsAnothers",
             [](Scene& s) { s.update.set_withdraws(kGuatemalas); },
             "update.withdraws"}),
    RuleName);

INSTANTIATE_TEST_SUITE_P(
    Instrument, BrokenRuleTest,
    ::testing::Values(
        Rule{"NoInstrument",
             [](Scene& s) {
               s.update.clear_instrument();
               s.update.clear_version();
             },
             "update.instrument"},
        Rule{"NoUri",
             [](Scene& s) { s.update.mutable_instrument()->clear_uri(); },
             "update.instrument.uri"},
        Rule{"UriThatIsNoUrnLex",
             [](Scene& s) {
               s.update.mutable_instrument()->set_uri("Ley 208 de 2003");
             },
             "update.instrument.uri"},
        Rule{"UriWithAVersion",
             [](Scene& s) {
               s.update.mutable_instrument()->set_uri(std::string(kWork) +
                                                      "@2026-01-01");
             },
             "update.instrument.uri"},
        Rule{"UriWithAPart",
             [](Scene& s) {
               s.update.mutable_instrument()->set_uri(std::string(kWork) +
                                                      "~art1");
             },
             "update.instrument.uri"},
        Rule{"AnothersJurisdiction",
             [](Scene& s) {
               s.update.mutable_instrument()->set_uri(
                   "urn:lex:gt:estado:ley:2016;44");
               s.update.clear_version();
             },
             "update.instrument.uri"},
        Rule{"AnothersUpdate",
             [](Scene& s) {
               s.publisher = "GT";
               s.update.clear_corrects();
             },
             "update.instrument.uri"},
        Rule{"EliOverHttp",
             [](Scene& s) {
               s.update.mutable_instrument()->set_eli(
                   "http://gob.example/eli/ley");
             },
             "update.instrument.eli"},
        Rule{"EliWithoutEli",
             [](Scene& s) {
               s.update.mutable_instrument()->set_eli(
                   "https://gob.example/ley");
             },
             "update.instrument.eli"},
        Rule{"MalformedAknIri",
             [](Scene& s) {
               s.update.mutable_instrument()->set_akn_iri("/akn/hn/ley-208");
             },
             "update.instrument.akn_iri"},
        Rule{"NoType",
             [](Scene& s) { s.update.mutable_instrument()->clear_type(); },
             "update.instrument.type"},
        Rule{"UnknownType",
             [](Scene& s) {
               s.update.mutable_instrument()->set_type(
                   Unknown<v1::InstrumentType>());
             },
             "update.instrument.type"},
        Rule{"LongTypeLocal",
             [](Scene& s) {
               s.update.mutable_instrument()->set_type_local(Text(201));
             },
             "update.instrument.type_local"},
        Rule{"LongNumber",
             [](Scene& s) {
               s.update.mutable_instrument()->set_number(Text(101));
             },
             "update.instrument.number"},
        Rule{"LongPassedBy",
             [](Scene& s) {
               s.update.mutable_instrument()->set_passed_by(Text(301));
             },
             "update.instrument.passed_by"},
        Rule{"LongResponsibleBody",
             [](Scene& s) {
               s.update.mutable_instrument()->set_responsible_body(Text(301));
             },
             "update.instrument.responsible_body"},
        Rule{"NoTitle",
             [](Scene& s) { s.update.mutable_instrument()->clear_titles(); },
             "update.instrument.titles"},
        Rule{"TitleWithoutText",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_titles(1)->clear_text();
             },
             "update.instrument.titles[1].text"},
        Rule{"LongTitle",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_titles(1)->set_text(
                   Text(2001));
             },
             "update.instrument.titles[1].text"},
        Rule{
            "LongShortTitle",
            [](Scene& s) {
              s.update.mutable_instrument()->mutable_titles(1)->set_short_title(
                  Text(301));
            },
            "update.instrument.titles[1].short_title"},
        Rule{"TitleInNoLanguage",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_titles(1)->set_language(
                   "English");
             },
             "update.instrument.titles[1].language"},
        Rule{"TwoTitlesInOneLanguage",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_titles(1)->set_language(
                   "es");
             },
             "update.instrument.titles[1].language"},
        Rule{"NoTopic",
             [](Scene& s) { s.update.mutable_instrument()->clear_topics(); },
             "update.instrument.topics"},
        Rule{"UnknownTopic",
             [](Scene& s) {
               s.update.mutable_instrument()->add_topics("visas");
             },
             "update.instrument.topics[1]"},
        Rule{"UnknownScheme",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_subjects(0)->set_scheme(
                   "dewey");
             },
             "update.instrument.subjects[0].scheme"},
        Rule{"NoNotation",
             [](Scene& s) {
               s.update.mutable_instrument()
                   ->mutable_subjects(0)
                   ->clear_notation();
             },
             "update.instrument.subjects[0].notation"},
        Rule{"LongNotation",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_subjects(0)->set_notation(
                   Text(101));
             },
             "update.instrument.subjects[0].notation"},
        Rule{"AffectsNoState",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_affects(0)->set_state(
                   "Guatemala");
             },
             "update.instrument.affects[0].state"},
        Rule{"AffectsInNoRole",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_affects(0)->clear_role();
             },
             "update.instrument.affects[0].role"},
        Rule{"AffectsInAnUnknownRole",
             [](Scene& s) {
               s.update.mutable_instrument()->mutable_affects(0)->set_role(
                   Unknown<v1::AffectedRole>());
             },
             "update.instrument.affects[0].role"},
        Rule{"UnknownGroup",
             [](Scene& s) {
               s.update.mutable_instrument()->add_affected_groups(
                   Unknown<v1::AffectedGroup>());
             },
             "update.instrument.affected_groups[1]"}),
    RuleName);

INSTANTIATE_TEST_SUITE_P(
    VersionAndDates, BrokenRuleTest,
    ::testing::Values(
        Rule{"VersionUriThatIsNoUrnLex",
             [](Scene& s) {
               s.update.mutable_version()->set_version_uri("version 2");
             },
             "update.version.version_uri"},
        Rule{"VersionUriWithoutVersion",
             [](Scene& s) {
               s.update.mutable_version()->set_version_uri(kWork);
             },
             "update.version.version_uri"},
        Rule{"VersionUriWithAPart",
             [](Scene& s) {
               s.update.mutable_version()->set_version_uri(std::string(kWork) +
                                                           "~art1@2026-01-01");
             },
             "update.version.version_uri"},
        Rule{"VersionOfAnotherWork",
             [](Scene& s) {
               s.update.mutable_version()->set_version_uri(
                   std::string(kKnownLaw) + "@2026-01-01");
             },
             "update.version.version_uri"},
        Rule{"VersionDateThatIsNoDay",
             [](Scene& s) {
               s.update.mutable_version()->set_version_date("2026-02-30");
             },
             "update.version.version_date"},
        Rule{"UnknownStatus",
             [](Scene& s) {
               s.update.mutable_version()->set_status(
                   Unknown<v1::VersionStatus>());
             },
             "update.version.status"},
        Rule{"InForceInTheFuture",
             [](Scene& s) {
               s.update.mutable_dates()->set_entry_into_force_date(
                   "2026-03-02");
             },
             "update.version.status"},
        Rule{"EndBeforeEntryIntoForce",
             [](Scene& s) {
               s.update.mutable_dates()->set_end_date("2025-12-31");
             },
             "update.dates.end_date"},
        Rule{"DraftWithoutPeriodOrGround",
             [](Scene& s) {
               s.update.set_event(v1::UPDATE_EVENT_DRAFT_NOTICE);
               s.update.mutable_dates()->clear_comments_until();
               s.update.clear_urgency();
               s.update.clear_ground();
             },
             "update.dates.comments_until"},
        Rule{"DraftWithAPeriodThatIsNoDay",
             [](Scene& s) {
               s.update.set_event(v1::UPDATE_EVENT_DRAFT_NOTICE);
               s.update.mutable_dates()->set_comments_until("soon");
               s.update.clear_urgency();
               s.update.clear_ground();
             },
             "update.dates.comments_until"}),
    RuleName);

// Each date must be a day of the calendar.
TEST(UpdateRulesTest, EveryDateIsADayOfTheCalendar) {
  const auto* descriptor = v1::Dates::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* field = descriptor->field(i);
    for (const char* text : {"2026-02-30", "01/03/2026", "2026", "mañana"}) {
      Scene scene;
      v1::Dates* dates = scene.update.mutable_dates();
      dates->GetReflection()->SetString(dates, field, text);

      EXPECT_THAT(Fields(Check(scene)),
                  ElementsAre("update.dates." + field->name()));
    }
  }
}

TEST(UpdateRulesTest, AnEndedInstrumentComesBackThroughAResumptionAlone) {
  const std::set<v1::VersionStatus> ends = {
      v1::VERSION_STATUS_REPEALED, v1::VERSION_STATUS_ANNULLED,
      v1::VERSION_STATUS_REJECTED, v1::VERSION_STATUS_WITHDRAWN};
  for (int from = 0; from <= v1::VersionStatus_MAX; ++from) {
    for (int to = 1; to <= v1::VersionStatus_MAX; ++to) {
      Scene scene;
      scene.history.last_status = static_cast<v1::VersionStatus>(from);
      scene.update.clear_corrects();
      scene.update.mutable_version()->set_status(
          static_cast<v1::VersionStatus>(to));
      const bool ended = ends.contains(scene.history.last_status) && from != to;

      const RuleFindings findings = Check(scene);

      if (ended) {
        EXPECT_THAT(Fields(findings), ElementsAre("update.version.status"))
            << from << " to " << to;
      } else {
        EXPECT_THAT(Fields(findings), IsEmpty()) << from << " to " << to;
      }

      scene.update.set_event(v1::UPDATE_EVENT_RESUMPTION);
      EXPECT_THAT(Fields(Check(scene)), IsEmpty()) << from << " to " << to;

      // Without its ground not even so.
      scene.update.clear_urgency();
      scene.update.clear_ground();
      if (ended) {
        EXPECT_THAT(Fields(Check(scene)), ElementsAre("update.ground"))
            << from << " to " << to;
      } else {
        EXPECT_THAT(Fields(Check(scene)), IsEmpty()) << from << " to " << to;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Life, BrokenRuleTest,
                         ::testing::Values(Rule{
                             "ResumptionThatSaysNoStatusNeedsItsGround",
                             [](Scene& s) {
                               s.history.last_status =
                                   v1::VERSION_STATUS_REPEALED;
                               s.update.set_event(v1::UPDATE_EVENT_RESUMPTION);
                               s.update.clear_corrects();
                               s.update.mutable_version()->clear_status();
                               s.update.clear_urgency();
                               s.update.clear_ground();
                             },
                             "update.ground"}),
                         RuleName);

INSTANTIATE_TEST_SUITE_P(
    Relations, BrokenRuleTest,
    ::testing::Values(
        Rule{"NoTypeOfRelation",
             [](Scene& s) { s.update.mutable_relations(0)->clear_type(); },
             "update.relations[0].type"},
        Rule{"UnknownTypeOfRelation",
             [](Scene& s) {
               s.update.mutable_relations(0)->set_type(
                   Unknown<v1::RelationType>());
             },
             "update.relations[0].type"},
        Rule{"NoTarget",
             [](Scene& s) { s.update.mutable_relations(0)->clear_target(); },
             "update.relations[0].target"},
        Rule{"TargetThatIsNoUrnLex",
             [](Scene& s) {
               s.update.mutable_relations(0)->set_target("Ley 34 de 1970");
             },
             "update.relations[0].target"},
        Rule{"EffectiveDateThatIsNoDay",
             [](Scene& s) {
               s.update.mutable_relations(0)->set_effective_date("2026-13-01");
             },
             "update.relations[0].effective_date"},
        Rule{"LongNote",
             [](Scene& s) {
               s.update.mutable_relations(0)->set_note(Text(501));
             },
             "update.relations[0].note"},
        Rule{"TooManyRelations",
             [](Scene& s) {
               while (s.update.relations_size() < 65) {
                 *s.update.add_relations() = s.update.relations(0);
               }
             },
             "update.relations"}),
    RuleName);

TEST(UpdateRulesTest, SomeEventsNeedARelationOrACorrectedStatement) {
  for (int event = 1; event <= v1::UpdateEvent_MAX; ++event) {
    const std::set<int> needing = {
        v1::UPDATE_EVENT_AMENDMENT, v1::UPDATE_EVENT_PARTIAL_REPEAL,
        v1::UPDATE_EVENT_REPEAL, v1::UPDATE_EVENT_CORRIGENDUM};
    Scene scene;
    scene.update.set_event(static_cast<v1::UpdateEvent>(event));
    scene.update.clear_relations();
    EXPECT_THAT(Fields(Check(scene)), IsEmpty()) << event;

    scene.update.clear_corrects();
    if (needing.contains(event)) {
      EXPECT_THAT(Fields(Check(scene)), ElementsAre("update.relations"))
          << event;
    } else {
      EXPECT_THAT(Fields(Check(scene)), IsEmpty()) << event;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    GazetteDocumentsAndTexts, BrokenRuleTest,
    ::testing::Values(
        Rule{"GazetteWithoutName",
             [](Scene& s) { s.update.mutable_gazette()->clear_name(); },
             "update.gazette.name"},
        Rule{"LongGazetteName",
             [](Scene& s) { s.update.mutable_gazette()->set_name(Text(301)); },
             "update.gazette.name"},
        Rule{"LongIssue",
             [](Scene& s) { s.update.mutable_gazette()->set_issue(Text(101)); },
             "update.gazette.issue"},
        Rule{"LongSection",
             [](Scene& s) {
               s.update.mutable_gazette()->set_section(Text(101));
             },
             "update.gazette.section"},
        Rule{"LongPage",
             [](Scene& s) { s.update.mutable_gazette()->set_page(Text(101)); },
             "update.gazette.page"},
        Rule{"LongVerificationCode",
             [](Scene& s) {
               s.update.mutable_gazette()->set_verification_code(Text(201));
             },
             "update.gazette.verification_code"},
        Rule{"GazetteDateThatIsNoDay",
             [](Scene& s) { s.update.mutable_gazette()->set_date("lunes"); },
             "update.gazette.date"},
        Rule{"GazetteUrlThatIsNone",
             [](Scene& s) {
               s.update.mutable_gazette()->set_url("gaceta.example");
             },
             "update.gazette.url"},
        Rule{"DocumentWithoutDigest",
             [](Scene& s) { s.update.mutable_documents(0)->clear_sha256(); },
             "update.documents[0].sha256"},
        Rule{"DigestInUpperCase",
             [](Scene& s) {
               s.update.mutable_documents(0)->set_sha256(std::string(64, 'A'));
             },
             "update.documents[0].sha256"},
        Rule{"DocumentWithoutSize",
             [](Scene& s) { s.update.mutable_documents(0)->clear_size(); },
             "update.documents[0].size"},
        Rule{"LargeDocument",
             [](Scene& s) {
               s.update.mutable_documents(0)->set_size(64 * 1024 * 1024 + 1);
             },
             "update.documents[0].size"},
        Rule{
            "DocumentWithoutMediaType",
            [](Scene& s) { s.update.mutable_documents(0)->clear_media_type(); },
            "update.documents[0].media_type"},
        Rule{"DocumentWithoutLanguage",
             [](Scene& s) { s.update.mutable_documents(0)->clear_language(); },
             "update.documents[0].language"},
        Rule{"DocumentWithoutLegalValue",
             [](Scene& s) {
               s.update.mutable_documents(0)->clear_legal_value();
             },
             "update.documents[0].legal_value"},
        Rule{"UnknownLegalValue",
             [](Scene& s) {
               s.update.mutable_documents(0)->set_legal_value(
                   Unknown<v1::LegalValue>());
             },
             "update.documents[0].legal_value"},
        Rule{"DocumentOverHttp",
             [](Scene& s) {
               s.update.mutable_documents(0)->set_uri("http://gob.example/a");
             },
             "update.documents[0].uri"},
        Rule{"LongLicence",
             [](Scene& s) {
               s.update.mutable_documents(0)->set_licence(Text(501));
             },
             "update.documents[0].licence"},
        Rule{"TooManyDocuments",
             [](Scene& s) {
               while (s.update.documents_size() < 65) {
                 *s.update.add_documents() = s.update.documents(0);
               }
             },
             "update.documents"},
        Rule{"AbstractInNoLanguage",
             [](Scene& s) { s.update.mutable_abstracts(0)->clear_language(); },
             "update.abstracts[0].language"},
        Rule{
            "TwoAbstractsInOneLanguage",
            [](Scene& s) { *s.update.add_abstracts() = s.update.abstracts(0); },
            "update.abstracts[1].language"},
        Rule{"AbstractWithoutText",
             [](Scene& s) { s.update.mutable_abstracts(0)->clear_text(); },
             "update.abstracts[0].text"},
        Rule{"LongAbstract",
             [](Scene& s) {
               s.update.mutable_abstracts(0)->set_text(Text(2001));
             },
             "update.abstracts[0].text"},
        Rule{"ContactWithoutUnit",
             [](Scene& s) { s.update.mutable_contact()->clear_unit(); },
             "update.contact.unit"},
        Rule{"LongUnit",
             [](Scene& s) { s.update.mutable_contact()->set_unit(Text(301)); },
             "update.contact.unit"},
        Rule{"ContactWithoutMailbox",
             [](Scene& s) { s.update.mutable_contact()->set_email("oficina"); },
             "update.contact.email"}),
    RuleName);

INSTANTIATE_TEST_SUITE_P(
    Audience, BrokenRuleTest,
    ::testing::Values(
        Rule{"ListedWithoutAList",
             [](Scene& s) { s.audience.set_scope(v1::Audience::SCOPE_LISTED); },
             "audience.scope"},
        Rule{"AListWithoutListed",
             [](Scene& s) { s.audience.add_states("GT"); }, "audience.scope"},
        Rule{"UnknownScope",
             [](Scene& s) {
               s.audience.set_scope(Unknown<v1::Audience::Scope>());
             },
             "audience.scope"},
        Rule{"ForNoMember",
             [](Scene& s) {
               s.audience.set_scope(v1::Audience::SCOPE_LISTED);
               s.audience.add_states("CL");
             },
             "audience.states[0]"},
        Rule{"ForNoCorridor",
             [](Scene& s) {
               s.audience.set_scope(v1::Audience::SCOPE_LISTED);
               s.audience.add_corridors("south");
             },
             "audience.corridors[0]"}),
    RuleName);

INSTANTIATE_TEST_SUITE_P(
    Rules, KeptRuleTest,
    ::testing::Values(
        Rule{"NoNonceYet", [](Scene& s) { s.update.clear_nonce(); }, ""},
        Rule{"TreatyOfAnyJurisdiction",
             [](Scene& s) {
               s.update.mutable_instrument()->set_uri(
                   "urn:lex:mx:estado:tratado:1990;158");
               s.update.mutable_instrument()->set_type(
                   v1::INSTRUMENT_TYPE_TREATY);
               s.update.clear_version();
             },
             ""},
        Rule{"BilateralAgreementOfAnyJurisdiction",
             [](Scene& s) {
               s.update.mutable_instrument()->set_uri(
                   "urn:lex:gt:estado:convenio:1990;1");
               s.update.mutable_instrument()->set_type(
                   v1::INSTRUMENT_TYPE_BILATERAL_AGREEMENT);
               s.update.clear_version();
             },
             ""},
        Rule{"InForceToday",
             [](Scene& s) {
               s.update.mutable_dates()->set_entry_into_force_date(
                   "2026-03-01");
             },
             ""},
        Rule{"EndOnTheDayOfEntry",
             [](Scene& s) {
               s.update.mutable_dates()->set_end_date("2026-01-01");
             },
             ""},
        Rule{"DraftWithAPeriod",
             [](Scene& s) {
               s.update.set_event(v1::UPDATE_EVENT_DRAFT_NOTICE);
               s.update.clear_urgency();
               s.update.clear_ground();
             },
             ""},
        Rule{"DraftWithAGround",
             [](Scene& s) {
               s.update.set_event(v1::UPDATE_EVENT_DRAFT_NOTICE);
               s.update.mutable_dates()->clear_comments_until();
             },
             ""},
        Rule{"TextsAtTheirLimits",
             [](Scene& s) {
               s.update.set_ground(Text(2000));
               s.update.mutable_instrument()->set_number(Text(100));
               s.update.mutable_instrument()->mutable_titles(0)->set_text(
                   Text(2000));
               s.update.mutable_abstracts(0)->set_text(Text(2000));
               s.update.mutable_relations(0)->set_note(Text(500));
             },
             ""},
        Rule{"ListsAtTheirLimits",
             [](Scene& s) {
               while (s.update.documents_size() < 64) {
                 *s.update.add_documents() = s.update.documents(0);
               }
               while (s.update.relations_size() < 64) {
                 *s.update.add_relations() = s.update.relations(0);
               }
               s.update.mutable_documents(0)->set_size(64 * 1024 * 1024);
             },
             ""},
        Rule{"ForAMemberAndACorridor",
             [](Scene& s) {
               s.audience.set_scope(v1::Audience::SCOPE_LISTED);
               s.audience.add_states("GT");
               s.audience.add_corridors("north");
             },
             ""},
        Rule{
            "ForMembers",
            [](Scene& s) { s.audience.set_scope(v1::Audience::SCOPE_MEMBERS); },
            ""},
        Rule{"ACorrectionPutsAWrongEndRight",
             [](Scene& s) {
               s.history.last_status = v1::VERSION_STATUS_REPEALED;
             },
             ""}),
    RuleName);

struct Unusual {
  std::string name;
  std::function<void(Scene&)> change;
  std::string warning;
};

void PrintTo(const Unusual& one, std::ostream* out) { *out << one.name; }

class UnusualTest : public ::testing::TestWithParam<Unusual> {};

TEST_P(UnusualTest, IsAcceptedWithAWarning) {
  Scene scene;
  GetParam().change(scene);

  const RuleFindings findings = Check(scene);

  EXPECT_THAT(Fields(findings), IsEmpty());
  EXPECT_THAT(Warnings(findings), ElementsAre(GetParam().warning));
}

INSTANTIATE_TEST_SUITE_P(
    Things, UnusualTest,
    ::testing::Values(
        Unusual{"EntryIntoForceBeforePublication",
                [](Scene& s) {
                  s.update.mutable_dates()->set_entry_into_force_date(
                      "2025-12-09");
                },
                "RETROACTIVE update.dates.entry_into_force_date"},
        Unusual{"NoSpanishOrEnglishTitle",
                [](Scene& s) {
                  auto* titles =
                      s.update.mutable_instrument()->mutable_titles();
                  titles->at(0).set_language("pt-BR");
                  titles->at(1).set_language("fr");
                },
                "NO_COMMON_LANGUAGE_TITLE update.instrument.titles"},
        Unusual{"LanguagesThatOnlyBeginLikeThem",
                [](Scene& s) {
                  auto* titles =
                      s.update.mutable_instrument()->mutable_titles();
                  titles->at(0).set_language("est");
                  titles->at(1).set_language("enm");
                },
                "NO_COMMON_LANGUAGE_TITLE update.instrument.titles"},
        Unusual{"UnknownTarget",
                [](Scene& s) {
                  s.update.mutable_relations(0)->set_target(
                      "urn:lex:hn:estado:ley:1950;1");
                },
                "UNKNOWN_RELATION_TARGET update.relations[0].target"},
        Unusual{"DocumentAfterPublication",
                [](Scene& s) {
                  s.update.mutable_dates()->set_document_date("2025-12-11");
                },
                "DOCUMENT_AFTER_PUBLICATION update.dates.document_date"},
        Unusual{"PersonalDataInAnAbstract",
                [](Scene& s) {
                  s.update.mutable_abstracts(0)->set_text(
                      "Titular del pasaporte C1234567");
                },
                "PERSONAL_DATA update.abstracts[0].text"},
        Unusual{"PersonalDataInANote",
                [](Scene& s) {
                  s.update.mutable_relations(0)->set_note(
                      "Escriba a juan@correo.example");
                },
                "PERSONAL_DATA update.relations[0].note"},
        Unusual{"PersonalDataInTheGround",
                [](Scene& s) { s.update.set_ground("Tel. +504 2222-3333"); },
                "PERSONAL_DATA update.ground"},
        Unusual{"PersonalDataInTheContactsUnit",
                [](Scene& s) {
                  s.update.mutable_contact()->set_unit(
                      "Juan Pérez, +504 2222-3333");
                },
                "PERSONAL_DATA update.contact.unit"}),
    [](const auto& info) { return info.param.name; });

TEST(UpdateRulesTest, ARelationToItsOwnInstrumentIsNotUnknown) {
  Scene scene;
  scene.update.mutable_relations(0)->set_target(std::string(kWork) + "~art2");

  EXPECT_THAT(Warnings(Check(scene)), IsEmpty());
}

TEST(UpdateRulesTest, AllViolationsAndWarningsAreListedTogether) {
  Scene scene;
  scene.update.clear_kind();
  scene.update.set_corrects(kGuatemalas);
  scene.update.mutable_instrument()->clear_topics();
  scene.update.mutable_dates()->set_end_date("2020-01-01");
  scene.update.mutable_dates()->set_document_date("2025-12-11");
  scene.update.mutable_documents(0)->clear_sha256();
  scene.update.mutable_relations(0)->set_target("urn:lex:hn:estado:ley:1950;1");
  scene.audience.add_states("CL");

  const RuleFindings findings = Check(scene);

  EXPECT_THAT(Fields(findings),
              UnorderedElementsAre(
                  "update.kind", "update.corrects", "update.instrument.topics",
                  "update.dates.end_date", "update.documents[0].sha256",
                  "audience.states[0]", "audience.scope"));
  EXPECT_THAT(Warnings(findings),
              UnorderedElementsAre(
                  "DOCUMENT_AFTER_PUBLICATION update.dates.document_date",
                  "UNKNOWN_RELATION_TARGET update.relations[0].target"));
}

TEST(UpdateRulesTest, AnEmptyUpdateSaysAllThatIsMissing) {
  Scene scene;
  scene.update = v1::Update();

  EXPECT_THAT(
      Fields(Check(scene)),
      UnorderedElementsAre("update.kind", "update.event", "update.instrument"));

  scene.update.mutable_instrument();
  EXPECT_THAT(Fields(Check(scene)),
              UnorderedElementsAre(
                  "update.kind", "update.event", "update.instrument.uri",
                  "update.instrument.type", "update.instrument.titles",
                  "update.instrument.topics"));
}

// The rules never see such text: no update with it parses.
TEST(UpdateRulesTest, TextThatIsNotUtf8DoesNotParse) {
  v1::Update update = FullUpdate();
  update.set_ground("migraci\xf3n");

  v1::Update parsed;
  EXPECT_FALSE(parsed.ParseFromString(update.SerializeAsString()));
}

}  // namespace
}  // namespace gaceta
