#include "server/relay/filter.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "server/relay/known_fields.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

// More values in one field than this are a mistake or an attack.
constexpr int kMaxValues = 1000;

absl::Status Unknown(absl::string_view reason, absl::string_view field,
                     absl::string_view value) {
  return WithReason(
      absl::NotFoundError(
          absl::StrCat(field, ": the registry has no \"", value, "\"")),
      reason, {{"field", std::string(field)}, {"value", std::string(value)}});
}

bool IsOnCorridor(const v1::Corridor& corridor, absl::string_view state) {
  for (const v1::Corridor::Stop& stop : corridor.stops()) {
    if (stop.state() == state) return true;
  }
  return false;
}

bool HasRole(const v1::Corridor::Stop& stop,
             const google::protobuf::RepeatedField<int>& roles) {
  if (roles.empty()) return true;
  for (const int role : roles) {
    if (role == v1::CORRIDOR_ROLE_UNSPECIFIED ||
        std::find(stop.roles().begin(), stop.roles().end(), role) !=
            stop.roles().end()) {
      return true;
    }
  }
  return false;
}

// BCP 47 tags are made of these; which tags there are is not the relay's to
// say.
bool MayBeLanguage(absl::string_view tag) {
  return tag.size() >= 2 &&
         std::all_of(tag.begin(), tag.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '-';
         });
}

// Basic filtering of RFC 4647: the case does not count, and `pt` passes
// `pt-BR`.
bool MatchesLanguage(absl::string_view language, absl::string_view wanted) {
  return absl::StartsWithIgnoreCase(language, wanted) &&
         (language.size() == wanted.size() || language[wanted.size()] == '-');
}

std::vector<FieldViolation> CheckForm(const v1::Filter& filter) {
  std::vector<FieldViolation> violations;
  const auto limit = [&violations](absl::string_view field, int count) {
    if (count > kMaxValues) {
      violations.push_back(
          {absl::StrCat("filter.", field),
           absl::StrCat("has ", count, " values, at most ", kMaxValues)});
    }
  };
  limit("kinds", filter.kinds_size());
  limit("events", filter.events_size());
  limit("states", filter.states_size());
  limit("corridors", filter.corridors_size());
  limit("topics", filter.topics_size());
  limit("instruments", filter.instruments_size());
  limit("languages", filter.languages_size());
  limit("agencies", filter.agencies_size());
  for (int i = 0; i < filter.kinds_size(); ++i) {
    if (filter.kinds(i) == 0 || !v1::UpdateKind_IsValid(filter.kinds(i))) {
      violations.push_back({absl::StrCat("filter.kinds[", i, "]"),
                            absl::StrCat("is ", filter.kinds(i),
                                         ", expected a kind of update")});
    }
  }
  for (int i = 0; i < filter.events_size(); ++i) {
    if (filter.events(i) == 0 || !v1::UpdateEvent_IsValid(filter.events(i))) {
      violations.push_back(
          {absl::StrCat("filter.events[", i, "]"),
           absl::StrCat("is ", filter.events(i), ", expected an event")});
    }
  }
  for (int i = 0; i < filter.corridors_size(); ++i) {
    const auto& roles = filter.corridors(i).counterpart_roles();
    if (!std::all_of(roles.begin(), roles.end(), v1::CorridorRole_IsValid)) {
      violations.push_back(
          {absl::StrCat("filter.corridors[", i, "].counterpart_roles"),
           "has a role that this version does not know"});
    }
  }
  for (int i = 0; i < filter.instruments_size(); ++i) {
    if (!absl::StartsWith(filter.instruments(i).uri(), "urn:lex:")) {
      violations.push_back(
          {absl::StrCat("filter.instruments[", i, "].uri"),
           absl::StrCat("is \"", filter.instruments(i).uri(),
                        "\", expected a name that begins with urn:lex:")});
    }
  }
  for (int i = 0; i < filter.languages_size(); ++i) {
    if (!MayBeLanguage(filter.languages(i))) {
      violations.push_back({absl::StrCat("filter.languages[", i, "]"),
                            absl::StrCat("is \"", filter.languages(i),
                                         "\", expected BCP 47, as pt-BR")});
    }
  }
  for (int i = 0; i < filter.agencies_size(); ++i) {
    // No header has another, so it would pass nothing.
    if (!IsAgencyName(filter.agencies(i))) {
      violations.push_back(
          {absl::StrCat("filter.agencies[", i, "]"),
           absl::StrCat("is \"", filter.agencies(i).substr(0, 100),
                        "\", expected [a-z0-9-]{1,63}, as migracion")});
    }
  }
  return violations;
}

// What a urn:lex names without version, language and manifestation.
absl::string_view WithoutVersion(absl::string_view uri) {
  return uri.substr(0, uri.find_first_of("@$"));
}

absl::string_view WithoutPart(absl::string_view uri) {
  return uri.substr(0, uri.find('~'));
}

}  // namespace

bool MaySeePayload(const v1::StatementHeader& header, const Reader& reader,
                   const Federation& federation) {
  const v1::Audience& audience = header.audience();
  switch (audience.scope()) {
    case v1::Audience::SCOPE_UNSPECIFIED:
    case v1::Audience::SCOPE_PUBLIC:
      return true;
    case v1::Audience::SCOPE_MEMBERS:
      return reader.is_state || reader.member == kSecretariat;
    case v1::Audience::SCOPE_LISTED:
      break;
    default:
      // A scope made after this program: keep the payload back.
      return false;
  }
  if (reader.member.empty()) return false;
  if (reader.member == header.publisher()) return true;
  if (std::find(audience.states().begin(), audience.states().end(),
                reader.member) != audience.states().end()) {
    return true;
  }
  return std::any_of(
      audience.corridors().begin(), audience.corridors().end(),
      [&](const std::string& id) {
        const v1::Corridor* corridor = federation.FindCorridor(id);
        return corridor != nullptr && IsOnCorridor(*corridor, reader.member);
      });
}

absl::StatusOr<std::shared_ptr<const CompiledFilter>> CompiledFilter::Compile(
    const v1::Filter& filter, Reader reader,
    std::shared_ptr<const Federation> federation) {
  if (auto violations = CheckForm(filter); !violations.empty()) {
    return InvalidFields("MALFORMED_FILTER", violations);
  }
  if (absl::Status s = CheckKnownFields("filter", filter); !s.ok()) return s;
  auto compiled = std::shared_ptr<CompiledFilter>(new CompiledFilter);
  for (const std::string& state : filter.states()) {
    if (federation->FindMember(state) == nullptr) {
      return Unknown("UNKNOWN_STATE", "filter.states", state);
    }
    compiled->states_.insert(state);
  }
  for (const v1::CorridorFilter& wanted : filter.corridors()) {
    const v1::Corridor* corridor = federation->FindCorridor(wanted.corridor());
    if (corridor == nullptr) {
      return Unknown("UNKNOWN_CORRIDOR", "filter.corridors", wanted.corridor());
    }
    compiled->has_corridors_ = true;
    for (const v1::Corridor::Stop& stop : corridor->stops()) {
      if (HasRole(stop, wanted.counterpart_roles())) {
        compiled->corridor_states_.insert(stop.state());
      }
    }
  }
  for (const std::string& topic : filter.topics()) {
    if (!federation->HasTopic(topic)) {
      return Unknown("UNKNOWN_TOPIC", "filter.topics", topic);
    }
    compiled->topics_.insert(topic);
  }
  compiled->agencies_.insert(filter.agencies().begin(),
                             filter.agencies().end());
  compiled->kinds_.insert(filter.kinds().begin(), filter.kinds().end());
  compiled->events_.insert(filter.events().begin(), filter.events().end());
  for (const v1::InstrumentFilter& instrument : filter.instruments()) {
    // Updates are found by the work, whatever its versions.
    compiled->instruments_.emplace_back(
        std::string(WithoutVersion(instrument.uri())), instrument.prefix());
  }
  compiled->languages_.assign(filter.languages().begin(),
                              filter.languages().end());
  compiled->reader_ = std::move(reader);
  compiled->federation_ = std::move(federation);
  return std::shared_ptr<const CompiledFilter>(std::move(compiled));
}

bool CompiledFilter::HasPayloadFields() const {
  return !kinds_.empty() || !events_.empty() || !topics_.empty() ||
         !instruments_.empty() || !languages_.empty();
}

bool CompiledFilter::MayReadPayload(const RelayedEntry& entry) const {
  return entry.stored_omission() == v1::Entry::OMISSION_UNSPECIFIED &&
         (entry.is_public() ||
          MaySeePayload(entry.header(), reader_, *federation_));
}

bool CompiledFilter::PassesHeader(const RelayedEntry& entry) const {
  // A header is not parsed for who does not ask what it says.
  if (states_.empty() && !has_corridors_ && agencies_.empty()) return true;
  const v1::StatementHeader& header = entry.header();
  if (!states_.empty() && !states_.contains(header.publisher())) return false;
  if (has_corridors_ && !corridor_states_.contains(header.publisher())) {
    return false;
  }
  return agencies_.empty() || agencies_.contains(header.agency());
}

bool CompiledFilter::PassesInstrument(const v1::Update& update) const {
  if (instruments_.empty()) return true;
  const auto passes = [this](absl::string_view uri) {
    uri = WithoutVersion(uri);
    return std::any_of(
        instruments_.begin(), instruments_.end(), [uri](const auto& wanted) {
          const auto& [name, prefix] = wanted;
          return prefix ? absl::StartsWith(uri, name)
                        : uri == name || WithoutPart(uri) == name;
        });
  };
  if (passes(update.instrument().uri())) return true;
  return std::any_of(
      update.relations().begin(), update.relations().end(),
      [&](const v1::Relation& relation) { return passes(relation.target()); });
}

bool CompiledFilter::PassesLanguage(const v1::Update& update) const {
  if (languages_.empty()) return true;
  const auto passes = [this](const auto& text) {
    const std::string& language = text.language();
    return std::any_of(languages_.begin(), languages_.end(),
                       [&](const std::string& wanted) {
                         return MatchesLanguage(language, wanted);
                       });
  };
  const v1::Instrument& instrument = update.instrument();
  return std::any_of(instrument.titles().begin(), instrument.titles().end(),
                     passes) ||
         std::any_of(update.abstracts().begin(), update.abstracts().end(),
                     passes) ||
         std::any_of(update.documents().begin(), update.documents().end(),
                     passes);
}

bool CompiledFilter::PassesUpdate(const v1::Update& update) const {
  if (!kinds_.empty() && !kinds_.contains(update.kind())) return false;
  if (!events_.empty() && !events_.contains(update.event())) return false;
  if (!topics_.empty()) {
    const auto& topics = update.instrument().topics();
    if (std::none_of(topics.begin(), topics.end(), [this](const auto& topic) {
          return topics_.contains(topic);
        })) {
      return false;
    }
  }
  return PassesInstrument(update) && PassesLanguage(update);
}

Passage CompiledFilter::Decide(const RelayedEntry& entry) const {
  // Verification needs the registry, whatever else is wanted.
  if (entry.is_registry()) return Passage::kFull;
  if (!PassesHeader(entry)) return Passage::kNone;

  const bool readable = MayReadPayload(entry);
  if (!HasPayloadFields()) {
    return readable ? Passage::kFull : Passage::kRestricted;
  }
  // A filter over what the reader may not see would tell what it says.
  if (!readable) return Passage::kNone;
  const v1::Update* update = entry.update();
  return update != nullptr && PassesUpdate(*update) ? Passage::kFull
                                                    : Passage::kNone;
}

v1::ExplainResponse CompiledFilter::Explain(const RelayedEntry& entry) const {
  v1::ExplainResponse response;
  const Passage passage = Decide(entry);
  response.set_passes(passage != Passage::kNone);
  const bool readable = MayReadPayload(entry);
  response.set_payload_visible(readable);

  const auto add = [&response](absl::string_view field, bool passes,
                               std::string reason) {
    v1::ExplainResponse::FieldResult* result = response.add_fields();
    result->set_field(std::string(field));
    result->set_passes(passes);
    result->set_reason(std::move(reason));
  };
  if (entry.is_registry()) {
    add("registry", true, "registry statements pass every filter");
    return response;
  }
  const v1::StatementHeader& header = entry.header();
  if (!states_.empty()) {
    add("states", states_.contains(header.publisher()),
        absl::StrCat("publisher is ", header.publisher(), ", wanted ",
                     absl::StrJoin(states_, ", ")));
  }
  if (has_corridors_) {
    add("corridors", corridor_states_.contains(header.publisher()),
        absl::StrCat("publisher is ", header.publisher(),
                     ", the corridors pass ",
                     absl::StrJoin(corridor_states_, ", ")));
  }
  if (!agencies_.empty()) {
    add("agencies", agencies_.contains(header.agency()),
        absl::StrCat("agency is \"", header.agency(), "\", wanted ",
                     absl::StrJoin(agencies_, ", ")));
  }
  const v1::Update* update = readable ? entry.update() : nullptr;
  if (update == nullptr) {
    if (HasPayloadFields()) {
      add("payload", false,
          readable ? "the entry is no update"
                   : "the payload cannot be read here, and the filter asks "
                     "what it says");
    }
    return response;
  }
  if (!kinds_.empty()) {
    add("kinds", kinds_.contains(update->kind()),
        absl::StrCat("kind is ", v1::UpdateKind_Name(update->kind())));
  }
  if (!events_.empty()) {
    add("events", events_.contains(update->event()),
        absl::StrCat("event is ", v1::UpdateEvent_Name(update->event())));
  }
  if (!topics_.empty()) {
    const auto& topics = update->instrument().topics();
    add("topics",
        std::any_of(topics.begin(), topics.end(),
                    [this](const auto& t) { return topics_.contains(t); }),
        absl::StrCat("topics are ", absl::StrJoin(topics, ", "), ", wanted ",
                     absl::StrJoin(topics_, ", ")));
  }
  if (!instruments_.empty()) {
    add("instruments", PassesInstrument(*update),
        absl::StrCat("instrument is ", update->instrument().uri(), " with ",
                     update->relations_size(), " relations"));
  }
  if (!languages_.empty()) {
    add("languages", PassesLanguage(*update),
        absl::StrCat("wanted ", absl::StrJoin(languages_, ", ")));
  }
  return response;
}

}  // namespace gaceta
