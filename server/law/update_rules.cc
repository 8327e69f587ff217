#include "server/law/update_rules.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "server/law/field_checks.h"
#include "server/law/urn_lex.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

constexpr int kMaxDocuments = 64;
constexpr int kMaxRelations = 64;
constexpr std::int64_t kMaxDocumentBytes = 64LL * 1024 * 1024;
constexpr std::size_t kMaxTextCharacters = 2000;

// An update under check. One method for each part of it, in the order of
// update.proto; what they find goes into findings().
class UpdateCheck {
 public:
  UpdateCheck(const v1::Update& update, absl::string_view publisher,
              const Federation& federation, const UpdateHistory& history,
              absl::CivilDay today)
      : update_(update),
        publisher_(publisher),
        federation_(federation),
        history_(history),
        today_(today) {}

  RuleFindings Run(const v1::Audience& audience) {
    What();
    Correction();
    InstrumentItself();
    VersionItself();
    DatesItself();
    Relations();
    GazetteItself();
    Documents();
    Texts();
    AudienceItself(audience);
    return std::move(findings_);
  }

 private:
  void Fail(absl::string_view field, std::string text) {
    findings_.violations.push_back(
        {absl::StrCat("update.", field), std::move(text)});
  }

  void Warn(absl::string_view field, absl::string_view reason,
            std::string text) {
    v1::Warning warning;
    warning.set_field(absl::StrCat("update.", field));
    warning.set_reason(std::string(reason));
    warning.set_description(std::move(text));
    findings_.warnings.push_back(std::move(warning));
  }

  void Limit(absl::string_view field, absl::string_view text,
             std::size_t most) {
    const std::size_t count = CountCharacters(text);
    if (count > most) {
      Fail(field, absl::StrCat("has ", count, " characters, at most ", most));
    }
  }

  void Language(absl::string_view field, absl::string_view tag) {
    if (!IsLanguageTag(tag)) {
      Fail(field, absl::StrCat("is \"", tag,
                               "\", expected BCP 47, as es or "
                               "pt-BR"));
    }
  }

  void PersonalData(absl::string_view field, absl::string_view text) {
    const absl::string_view what = FindPersonalData(text);
    if (!what.empty()) {
      Warn(field, "PERSONAL_DATA",
           absl::StrCat("seems to hold ", what,
                        "; what is published cannot be called back"));
    }
  }

  std::optional<absl::CivilDay> Day(absl::string_view field,
                                    absl::string_view text) {
    if (text.empty()) return std::nullopt;
    auto day = ParseDay(text);
    if (!day.has_value()) {
      Fail(field, absl::StrCat("is \"", text,
                               "\", expected a day of the calendar, "
                               "YYYY-MM-DD"));
    }
    return day;
  }

  // Enums: 0 and what this version does not know.
  template <typename IsValid>
  void Enum(absl::string_view field, int value, IsValid is_valid) {
    if (value == 0 || !is_valid(value)) {
      Fail(field, absl::StrCat("is ", value == 0 ? "missing" : "unknown, ",
                               value == 0 ? "" : absl::StrCat(value),
                               "; expected a value of this version"));
    }
  }

  void What() {
    if (!update_.nonce().empty() && update_.nonce().size() != 16) {
      Fail("nonce",
           absl::StrCat("has ", update_.nonce().size(), " bytes, expected 16"));
    }
    Enum("kind", update_.kind(), v1::UpdateKind_IsValid);
    Enum("event", update_.event(), v1::UpdateEvent_IsValid);
    if (!v1::Urgency_IsValid(update_.urgency())) {
      Fail("urgency", absl::StrCat("is ", update_.urgency(),
                                   ", expected a value of this version"));
    }
    Limit("ground", update_.ground(), kMaxTextCharacters);
    PersonalData("ground", update_.ground());
    if (update_.urgency() == v1::URGENCY_URGENT && update_.ground().empty()) {
      Fail("ground", "is empty, expected why the update is urgent");
    }
  }

  void Correction() {
    Earlier("corrects", update_.corrects());
    Earlier("withdraws", update_.withdraws());
  }

  void Earlier(absl::string_view field, const std::string& id) {
    if (id.empty()) return;
    if (!IsStatementId(id)) {
      Fail(field,
           absl::StrCat("is \"", id, "\", expected a UUID in lower case"));
      return;
    }
    const std::optional<std::string> owner = history_.PublisherOf(id);
    if (!owner.has_value()) {
      Fail(field, absl::StrCat("is ", id, ", which no statement has"));
    } else if (*owner != publisher_) {
      Fail(field, absl::StrCat("is ", id, " of ", *owner,
                               ", expected a statement of ", publisher_));
    }
  }

  bool IsTreaty() const {
    return update_.instrument().type() == v1::INSTRUMENT_TYPE_TREATY ||
           update_.instrument().type() ==
               v1::INSTRUMENT_TYPE_BILATERAL_AGREEMENT;
  }

  void InstrumentItself() {
    const v1::Instrument& instrument = update_.instrument();
    if (!update_.has_instrument()) {
      Fail("instrument", "is missing");
      return;
    }
    if (auto urn = UrnLex::Parse(instrument.uri()); !urn.ok()) {
      Fail("instrument.uri", std::string(urn.status().message()));
    } else if (urn->work() != instrument.uri()) {
      Fail("instrument.uri",
           absl::StrCat("is \"", instrument.uri(),
                        "\", expected the work without version or part"));
    } else {
      work_ = urn->work();
      const std::string country = absl::AsciiStrToLower(publisher_);
      if (!IsTreaty() && urn->country() != country) {
        Fail("instrument.uri",
             absl::StrCat("has jurisdiction ", urn->country(), ", expected ",
                          country, ", the publisher's"));
      }
    }
    if (!instrument.eli().empty() &&
        (!IsWebAddress(instrument.eli(), false) ||
         !absl::StrContains(instrument.eli(), "/eli/"))) {
      Fail("instrument.eli",
           absl::StrCat("is \"", instrument.eli(),
                        "\", expected an https address with /eli/"));
    }
    if (!instrument.akn_iri().empty() && !IsAknIri(instrument.akn_iri())) {
      Fail("instrument.akn_iri",
           absl::StrCat("is \"", instrument.akn_iri(),
                        "\", expected "
                        "/akn/{cc}/{doctype}/{date}/{lang3}@{version}"));
    }
    Enum("instrument.type", instrument.type(), v1::InstrumentType_IsValid);
    Limit("instrument.akn_iri", instrument.akn_iri(), 512);
    Limit("instrument.type_local", instrument.type_local(), 200);
    Limit("instrument.number", instrument.number(), 100);
    Limit("instrument.passed_by", instrument.passed_by(), 300);
    Limit("instrument.responsible_body", instrument.responsible_body(), 300);
    Titles(instrument);
    Subjects(instrument);
  }

  void Titles(const v1::Instrument& instrument) {
    if (instrument.titles().empty()) {
      Fail("instrument.titles", "is empty, expected at least one title");
      return;
    }
    std::set<std::string> languages;
    bool common = false;
    for (int i = 0; i < instrument.titles_size(); ++i) {
      const v1::Title& title = instrument.titles(i);
      const std::string path = absl::StrCat("instrument.titles[", i, "]");
      Language(absl::StrCat(path, ".language"), title.language());
      if (!languages.insert(title.language()).second) {
        Fail(absl::StrCat(path, ".language"),
             absl::StrCat("is ", title.language(), " a second time"));
      }
      if (title.text().empty()) {
        Fail(absl::StrCat(path, ".text"), "is empty");
      }
      Limit(absl::StrCat(path, ".text"), title.text(), kMaxTextCharacters);
      Limit(absl::StrCat(path, ".short_title"), title.short_title(), 300);
      const absl::string_view primary =
          absl::string_view(title.language())
              .substr(0, title.language().find('-'));
      common |= primary == "es" || primary == "en";
    }
    if (!common) {
      Warn("instrument.titles", "NO_COMMON_LANGUAGE_TITLE",
           "has neither a Spanish nor an English title");
    }
  }

  void Subjects(const v1::Instrument& instrument) {
    if (instrument.topics().empty()) {
      Fail("instrument.topics", "is empty, expected at least one core topic");
    }
    for (int i = 0; i < instrument.topics_size(); ++i) {
      if (!federation_.HasTopic(instrument.topics(i))) {
        Fail(absl::StrCat("instrument.topics[", i, "]"),
             absl::StrCat("is \"", instrument.topics(i),
                          "\", which is no topic of the registry"));
      }
    }
    for (int i = 0; i < instrument.subjects_size(); ++i) {
      const v1::Subject& subject = instrument.subjects(i);
      const std::string path = absl::StrCat("instrument.subjects[", i, "]");
      if (subject.scheme() != "eurovoc" && subject.scheme() != "emn" &&
          subject.scheme() != "iom") {
        Fail(absl::StrCat(path, ".scheme"),
             absl::StrCat("is \"", subject.scheme(),
                          "\", expected eurovoc, emn or iom"));
      }
      if (subject.notation().empty()) {
        Fail(absl::StrCat(path, ".notation"), "is empty");
      }
      Limit(absl::StrCat(path, ".notation"), subject.notation(), 100);
    }
    for (int i = 0; i < instrument.affects_size(); ++i) {
      const v1::AffectedState& affected = instrument.affects(i);
      const std::string path = absl::StrCat("instrument.affects[", i, "]");
      const std::string& state = affected.state();
      if (state.size() != 2 || !absl::ascii_isupper(state[0]) ||
          !absl::ascii_isupper(state[1])) {
        Fail(absl::StrCat(path, ".state"),
             absl::StrCat("is \"", state, "\", expected ISO 3166-1, as HN"));
      }
      Enum(absl::StrCat(path, ".role"), affected.role(),
           v1::AffectedRole_IsValid);
    }
    for (int i = 0; i < instrument.affected_groups_size(); ++i) {
      Enum(absl::StrCat("instrument.affected_groups[", i, "]"),
           instrument.affected_groups(i), v1::AffectedGroup_IsValid);
    }
  }

  static bool EndsLife(v1::VersionStatus status) {
    return status == v1::VERSION_STATUS_REPEALED ||
           status == v1::VERSION_STATUS_ANNULLED ||
           status == v1::VERSION_STATUS_REJECTED ||
           status == v1::VERSION_STATUS_WITHDRAWN;
  }

  void VersionItself() {
    const v1::Version& version = update_.version();
    if (!version.version_uri().empty()) {
      auto urn = UrnLex::Parse(version.version_uri());
      if (!urn.ok()) {
        Fail("version.version_uri", std::string(urn.status().message()));
      } else if (urn->version().empty() || !urn->part().empty() ||
                 (!work_.empty() && urn->work() != work_)) {
        Fail("version.version_uri",
             absl::StrCat("is \"", version.version_uri(), "\", expected ",
                          work_, "@<version>"));
      }
    }
    Day("version.version_date", version.version_date());
    if (!v1::VersionStatus_IsValid(version.status())) {
      Fail("version.status", absl::StrCat("is ", version.status(),
                                          ", expected a value of this "
                                          "version"));
    }
    Life(version.status());
  }

  // Where the instrument may go from where it was.
  void Life(v1::VersionStatus next) {
    const bool resumption = update_.event() == v1::UPDATE_EVENT_RESUMPTION;
    if (work_.empty()) return;
    const v1::VersionStatus last = history_.LastStatus(work_);
    if (!EndsLife(last) || next == last || !update_.corrects().empty()) return;
    if (!resumption) {
      if (next == v1::VERSION_STATUS_UNSPECIFIED) return;
      Fail("version.status",
           absl::StrCat("is ", v1::VersionStatus_Name(next), " after ",
                        v1::VersionStatus_Name(last),
                        ", which ended the instrument's life; expected event "
                        "UPDATE_EVENT_RESUMPTION with its ground"));
    } else if (update_.ground().empty()) {
      Fail("ground", "is empty, expected why the ended instrument resumes");
    }
  }

  void DatesItself() {
    const v1::Dates& dates = update_.dates();
    const auto document = Day("dates.document_date", dates.document_date());
    Day("dates.promulgation_date", dates.promulgation_date());
    const auto publication =
        Day("dates.publication_date", dates.publication_date());
    const auto entry =
        Day("dates.entry_into_force_date", dates.entry_into_force_date());
    Day("dates.applicability_date", dates.applicability_date());
    const auto end = Day("dates.end_date", dates.end_date());
    Day("dates.comments_until", dates.comments_until());
    Day("dates.standstill_until", dates.standstill_until());

    if (end.has_value() && entry.has_value() && *end < *entry) {
      Fail("dates.end_date",
           absl::StrCat("is ", dates.end_date(), ", before entry into force, ",
                        dates.entry_into_force_date()));
    }
    if (update_.version().status() == v1::VERSION_STATUS_IN_FORCE &&
        entry.has_value() && *entry > today_) {
      Fail("version.status",
           absl::StrCat("is VERSION_STATUS_IN_FORCE, but entry into force is ",
                        dates.entry_into_force_date(), ", in the future"));
    }
    if (update_.event() == v1::UPDATE_EVENT_DRAFT_NOTICE &&
        dates.comments_until().empty() && update_.ground().empty()) {
      Fail("dates.comments_until",
           "is missing for a draft, expected a date, or a ground why there is "
           "none");
    }
    if (entry.has_value() && publication.has_value() && *entry < *publication) {
      Warn("dates.entry_into_force_date", "RETROACTIVE",
           absl::StrCat("is ", dates.entry_into_force_date(),
                        ", before publication, ", dates.publication_date()));
    }
    if (document.has_value() && publication.has_value() &&
        *document > *publication) {
      Warn("dates.document_date", "DOCUMENT_AFTER_PUBLICATION",
           absl::StrCat("is ", dates.document_date(), ", after publication, ",
                        dates.publication_date()));
    }
  }

  bool NeedsRelation() const {
    return update_.event() == v1::UPDATE_EVENT_AMENDMENT ||
           update_.event() == v1::UPDATE_EVENT_REPEAL ||
           update_.event() == v1::UPDATE_EVENT_PARTIAL_REPEAL ||
           update_.event() == v1::UPDATE_EVENT_CORRIGENDUM;
  }

  void Relations() {
    if (NeedsRelation() && update_.relations().empty() &&
        update_.corrects().empty()) {
      Fail("relations", absl::StrCat("is empty, expected what the ",
                                     v1::UpdateEvent_Name(update_.event()),
                                     " is about, or a corrected statement"));
    }
    if (update_.relations_size() > kMaxRelations) {
      Fail("relations", absl::StrCat("has ", update_.relations_size(),
                                     ", at most ", kMaxRelations));
    }
    for (int i = 0; i < update_.relations_size(); ++i) {
      const v1::Relation& relation = update_.relations(i);
      const std::string path = absl::StrCat("relations[", i, "]");
      Enum(absl::StrCat(path, ".type"), relation.type(),
           v1::RelationType_IsValid);
      Day(absl::StrCat(path, ".effective_date"), relation.effective_date());
      Limit(absl::StrCat(path, ".note"), relation.note(), 500);
      PersonalData(absl::StrCat(path, ".note"), relation.note());
      auto target = UrnLex::Parse(relation.target());
      if (!target.ok()) {
        Fail(absl::StrCat(path, ".target"),
             std::string(target.status().message()));
      } else if (target->work() != work_ &&
                 !history_.IsKnownInstrument(target->work())) {
        Warn(absl::StrCat(path, ".target"), "UNKNOWN_RELATION_TARGET",
             absl::StrCat("is ", relation.target(),
                          ", which nobody has published"));
      }
    }
  }

  void GazetteItself() {
    if (!update_.has_gazette()) return;
    const v1::Gazette& gazette = update_.gazette();
    if (gazette.name().empty()) Fail("gazette.name", "is empty");
    Limit("gazette.name", gazette.name(), 300);
    Limit("gazette.issue", gazette.issue(), 100);
    Limit("gazette.section", gazette.section(), 100);
    Limit("gazette.page", gazette.page(), 100);
    Limit("gazette.verification_code", gazette.verification_code(), 200);
    Day("gazette.date", gazette.date());
    if (!gazette.url().empty() && !IsWebAddress(gazette.url(), true)) {
      Fail("gazette.url", absl::StrCat("is \"", gazette.url(),
                                       "\", expected an https address"));
    }
  }

  void Documents() {
    if (update_.documents_size() > kMaxDocuments) {
      Fail("documents", absl::StrCat("has ", update_.documents_size(),
                                     ", at most ", kMaxDocuments));
    }
    for (int i = 0; i < update_.documents_size(); ++i) {
      const v1::Document& document = update_.documents(i);
      const std::string path = absl::StrCat("documents[", i, "]");
      if (!IsDigestHex(document.sha256())) {
        Fail(absl::StrCat(path, ".sha256"),
             absl::StrCat("is \"", document.sha256(),
                          "\", expected a SHA-256 in lower-case hex"));
      }
      if (document.size() < 1 || document.size() > kMaxDocumentBytes) {
        Fail(absl::StrCat(path, ".size"),
             absl::StrCat("is ", document.size(), ", expected 1 to ",
                          kMaxDocumentBytes));
      }
      if (!IsMediaType(document.media_type())) {
        Fail(absl::StrCat(path, ".media_type"),
             absl::StrCat("is \"", document.media_type(),
                          "\", expected an IANA media type"));
      }
      Language(absl::StrCat(path, ".language"), document.language());
      Enum(absl::StrCat(path, ".legal_value"), document.legal_value(),
           v1::LegalValue_IsValid);
      if (!document.uri().empty() && !IsWebAddress(document.uri(), false)) {
        Fail(absl::StrCat(path, ".uri"),
             absl::StrCat("is \"", document.uri(),
                          "\", expected an https address"));
      }
      Limit(absl::StrCat(path, ".licence"), document.licence(), 500);
    }
  }

  void Texts() {
    std::set<std::string> languages;
    for (int i = 0; i < update_.abstracts_size(); ++i) {
      const v1::LocalizedText& abstract = update_.abstracts(i);
      const std::string path = absl::StrCat("abstracts[", i, "]");
      Language(absl::StrCat(path, ".language"), abstract.language());
      if (!languages.insert(abstract.language()).second) {
        Fail(absl::StrCat(path, ".language"),
             absl::StrCat("is ", abstract.language(), " a second time"));
      }
      if (abstract.text().empty()) {
        Fail(absl::StrCat(path, ".text"), "is empty");
      }
      Limit(absl::StrCat(path, ".text"), abstract.text(), kMaxTextCharacters);
      PersonalData(absl::StrCat(path, ".text"), abstract.text());
    }
    if (update_.has_contact()) {
      const v1::Contact& contact = update_.contact();
      if (contact.unit().empty()) Fail("contact.unit", "is empty");
      Limit("contact.unit", contact.unit(), 300);
      PersonalData("contact.unit", contact.unit());
      if (!absl::StrContains(contact.email(), '@') ||
          contact.email().size() > 254) {
        Fail("contact.email",
             absl::StrCat("is \"", contact.email(), "\", expected a mailbox"));
      }
    }
  }

  void AudienceItself(const v1::Audience& audience) {
    const auto fail = [this](absl::string_view field, std::string text) {
      findings_.violations.push_back(
          {absl::StrCat("audience.", field), std::move(text)});
    };
    for (int i = 0; i < audience.states_size(); ++i) {
      if (federation_.FindMember(audience.states(i)) == nullptr) {
        fail(absl::StrCat("states[", i, "]"),
             absl::StrCat("is \"", audience.states(i),
                          "\", which is no member of the registry"));
      }
    }
    for (int i = 0; i < audience.corridors_size(); ++i) {
      if (federation_.FindCorridor(audience.corridors(i)) == nullptr) {
        fail(absl::StrCat("corridors[", i, "]"),
             absl::StrCat("is \"", audience.corridors(i),
                          "\", which is no corridor of the registry"));
      }
    }
    const bool listed = audience.scope() == v1::Audience::SCOPE_LISTED;
    if (!v1::Audience::Scope_IsValid(audience.scope())) {
      fail("scope", absl::StrCat("is ", audience.scope(),
                                 ", expected a scope of this version"));
    } else if (listed !=
               (audience.states_size() + audience.corridors_size() > 0)) {
      fail("scope", listed ? "is SCOPE_LISTED, expected states or corridors"
                           : "is not SCOPE_LISTED, but states or corridors "
                             "are listed");
    }
  }

  const v1::Update& update_;
  const absl::string_view publisher_;
  const Federation& federation_;
  const UpdateHistory& history_;
  const absl::CivilDay today_;

  // Of the instrument, once its name was found good.
  std::string work_;
  RuleFindings findings_;
};

}  // namespace

RuleFindings CheckUpdate(const v1::Update& update, const v1::Audience& audience,
                         absl::string_view publisher,
                         const Federation& federation,
                         const UpdateHistory& history, absl::CivilDay today) {
  return UpdateCheck(update, publisher, federation, history, today)
      .Run(audience);
}

}  // namespace gaceta
