#include "cli/filter_flags.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/command.h"
#include "verify/statement.h"

namespace gaceta::cli {
namespace {

using google::protobuf::EnumDescriptor;

// `UPDATE_KIND_` for v1::UpdateKind: what comes before UNSPECIFIED.
absl::string_view PrefixOf(const EnumDescriptor& type) {
  return absl::StripSuffix(type.value(0)->name(), "UNSPECIFIED");
}

std::vector<std::string> NamesOf(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 1; i < type.value_count(); ++i) {
    names.push_back(EnumName(type, type.value(i)->number()));
  }
  return names;
}

absl::StatusOr<v1::CorridorFilter> ParseCorridor(absl::string_view text) {
  v1::CorridorFilter corridor;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  corridor.set_corridor(std::string(parts.first));
  if (parts.first.empty()) {
    return UsageError(
        absl::StrCat("--corridor \"", text, "\": expected ID or ID:role,role"));
  }
  for (absl::string_view role :
       absl::StrSplit(parts.second, ',', absl::SkipEmpty())) {
    absl::StatusOr<int> number =
        ParseEnum(*v1::CorridorRole_descriptor(), "--corridor role", role);
    if (!number.ok()) return number.status();
    corridor.add_counterpart_roles(static_cast<v1::CorridorRole>(*number));
  }
  return corridor;
}

absl::StatusOr<v1::InstrumentFilter> ParseInstrument(absl::string_view text) {
  v1::InstrumentFilter instrument;
  instrument.set_prefix(absl::ConsumeSuffix(&text, "*"));
  instrument.set_uri(std::string(text));
  if (text.empty()) {
    return UsageError(
        "--instrument is empty: expected a urn:lex, or its "
        "beginning and *");
  }
  return instrument;
}

absl::StatusOr<std::string> ParseState(absl::string_view text) {
  const std::string state = absl::AsciiStrToUpper(text);
  if (state.size() != 2 || !absl::ascii_isupper(state[0]) ||
      !absl::ascii_isupper(state[1])) {
    return UsageError(
        absl::StrCat("--state \"", text, "\": expected two letters, as HN"));
  }
  return state;
}

void AddList(CLI::App& verb, const std::string& name,
             std::vector<std::string>* values, const std::string& value_name,
             const std::string& description, bool split_at_commas) {
  CLI::Option* option = verb.add_option(name, *values, description);
  option->type_name(value_name)
      ->group("Which updates")
      ->allow_extra_args(false);
  if (split_at_commas) option->delimiter(',');
}

}  // namespace

void AddFilterFlags(CLI::App& verb, FilterFlags* flags) {
  AddList(verb, "--state", &flags->states, "HN",
          "Only of this state; several: --state HN,GT", true);
  AddList(verb, "--corridor", &flags->corridors, "ID[:ROLE,...]",
          "Only of states of this corridor, with one of the roles sending, "
          "transit, receiving",
          false);
  AddList(verb, "--kind", &flags->kinds, "KIND",
          "Only this kind: " + absl::StrJoin(KindNames(), ", "), true);
  AddList(verb, "--event", &flags->events, "EVENT",
          "Only this event: " + absl::StrJoin(EventNames(), ", "), true);
  AddList(verb, "--topic", &flags->topics, "TOPIC",
          "Only this topic, as `gaceta topics` lists them", true);
  AddList(verb, "--instrument", &flags->instruments, "URN",
          "Only about this law, or those whose urn:lex begins so: "
          "'urn:lex:br:*'",
          false);
  AddList(verb, "--language", &flags->languages, "es",
          "Only with a text in this language", true);
  AddList(verb, "--agency", &flags->agencies, "NAME",
          "Only submitted by this agency", true);
}

absl::StatusOr<v1::Filter> ParseFilter(const FilterFlags& flags) {
  v1::Filter filter;
  for (const std::string& text : flags.states) {
    absl::StatusOr<std::string> state = ParseState(text);
    if (!state.ok()) return state.status();
    filter.add_states(*state);
  }
  for (const std::string& text : flags.corridors) {
    absl::StatusOr<v1::CorridorFilter> corridor = ParseCorridor(text);
    if (!corridor.ok()) return corridor.status();
    *filter.add_corridors() = *std::move(corridor);
  }
  for (const std::string& text : flags.kinds) {
    absl::StatusOr<int> kind =
        ParseEnum(*v1::UpdateKind_descriptor(), "--kind", text);
    if (!kind.ok()) return kind.status();
    filter.add_kinds(static_cast<v1::UpdateKind>(*kind));
  }
  for (const std::string& text : flags.events) {
    absl::StatusOr<int> event =
        ParseEnum(*v1::UpdateEvent_descriptor(), "--event", text);
    if (!event.ok()) return event.status();
    filter.add_events(static_cast<v1::UpdateEvent>(*event));
  }
  for (const std::string& text : flags.instruments) {
    absl::StatusOr<v1::InstrumentFilter> instrument = ParseInstrument(text);
    if (!instrument.ok()) return instrument.status();
    *filter.add_instruments() = *std::move(instrument);
  }
  for (const std::string& topic : flags.topics) filter.add_topics(topic);
  for (const std::string& language : flags.languages) {
    filter.add_languages(language);
  }
  for (const std::string& agency : flags.agencies) {
    // No statement has another, so it would select nothing.
    if (!IsAgencyName(agency)) {
      return UsageError(absl::StrCat("--agency \"", agency,
                                     "\": expected lower-case letters, digits "
                                     "and hyphens, as migracion"));
    }
    filter.add_agencies(agency);
  }
  return filter;
}

absl::StatusOr<From> ParseFrom(absl::string_view text) {
  if (text == "start") return From(std::int64_t{0});
  if (text == "now") return From(FromNow{});
  if (std::int64_t position; absl::SimpleAtoi(text, &position)) {
    if (position >= 0) return From(position);
  } else {
    absl::Time time;
    std::string error;
    if (absl::ParseTime("%Y-%m-%d", text, &time, &error) ||
        absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
      return From(time);
    }
  }
  return UsageError(absl::StrCat(
      "--from \"", text,
      "\": expected start, now, a position from 0, a day as 2026-03-01 or a "
      "time as 2026-03-01T12:00:00Z"));
}

std::string EnumName(const EnumDescriptor& type, int number) {
  const auto* value = type.FindValueByNumber(number);
  if (value == nullptr) return absl::StrCat(number);
  return absl::AsciiStrToLower(
      absl::StripPrefix(value->name(), PrefixOf(type)));
}

absl::StatusOr<int> ParseEnum(const EnumDescriptor& type,
                              absl::string_view flag, absl::string_view text) {
  const std::string name = absl::StrCat(
      PrefixOf(type), absl::AsciiStrToUpper(absl::StrReplaceAll(
                          absl::StripAsciiWhitespace(text), {{"-", "_"}})));
  const auto* value = type.FindValueByName(name);
  if (value == nullptr || value->number() == 0) {
    return UsageError(absl::StrCat(flag, " \"", text, "\": expected one of ",
                                   absl::StrJoin(NamesOf(type), ", ")));
  }
  return value->number();
}

std::string NameOf(v1::UpdateKind kind) {
  return EnumName(*v1::UpdateKind_descriptor(), kind);
}

std::string NameOf(v1::UpdateEvent event) {
  return EnumName(*v1::UpdateEvent_descriptor(), event);
}

std::vector<std::string> KindNames() {
  return NamesOf(*v1::UpdateKind_descriptor());
}

std::vector<std::string> EventNames() {
  return NamesOf(*v1::UpdateEvent_descriptor());
}

}  // namespace gaceta::cli
