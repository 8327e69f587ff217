// Entries, filters and a log of them for the tests of the relay.
#ifndef GACETA_TESTS_SERVER_RELAY_RELAY_SCENE_H_
#define GACETA_TESTS_SERVER_RELAY_RELAY_SCENE_H_

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "gaceta/v1/relay.pb.h"
#include "server/log/memory_log_store.h"
#include "server/relay/filter.h"
#include "server/relay/relayed_entry.h"
#include "tests/support/statements.h"

namespace gaceta::testing {

// HN, GT and MX on the corridor `north`; see TestFederation.
inline std::shared_ptr<const Federation> RelayFederation() {
  static const auto* federation = new std::shared_ptr<const Federation>(
      std::make_shared<const Federation>(TestFederation().Full()));
  return *federation;
}

inline Reader ReaderOf(const std::string& member) {
  return {member, member.size() == 2};
}

// Signatures do not matter here.
inline StoredEntry StoredUpdate(const std::string& publisher,
                                const v1::Update& update,
                                const std::string& agency = "",
                                const v1::Audience& audience = {}) {
  StatementParts parts = UpdateParts(update);
  parts.agency = agency;
  parts.audience = audience;
  return StoredEntryOf(SignedStatement(publisher, parts));
}

inline StoredEntry StoredRegistryChange(int number = 0) {
  v1::RegistryChange change;
  *change.add_items() = TopicItem("topic-" + std::to_string(number));
  return StoredEntryOf(SignedStatement("OAS", RegistryParts(change)));
}

// Something of everything that filters look at.
inline StoredEntry RandomStoredEntry(std::mt19937& random) {
  const auto pick = [&random](auto values) {
    return *(values.begin() + random() % values.size());
  };
  using Texts = std::initializer_list<const char*>;
  const std::string publisher = pick(Texts{"HN", "GT", "MX"});
  if (random() % 12 == 0) return StoredRegistryChange();

  v1::Update update = GoodUpdate(publisher, static_cast<int>(random() % 4));
  update.set_kind(static_cast<v1::UpdateKind>(1 + random() % 3));
  update.set_event(static_cast<v1::UpdateEvent>(1 + random() % 4));
  v1::Instrument* instrument = update.mutable_instrument();
  instrument->set_topics(0, pick(Texts{"entry-visa", "education"}));
  if (random() % 3 == 0) instrument->add_topics("education");
  instrument->mutable_titles(0)->set_language(
      pick(Texts{"es", "pt", "pt-BR", "en"}));
  if (random() % 3 == 0) {
    update.add_abstracts()->set_language(pick(Texts{"fr", "pt-BR", "es"}));
  }
  if (random() % 3 == 0) {
    update.add_relations()->set_target(
        pick(Texts{"urn:lex:hn:estado:ley:2004-03-03;1~art2",
                   "urn:lex:gt:estado:ley:2004-03-03;2@2020-01-01",
                   "urn:lex:br:federal:lei:2017-05-24;13445"}));
  }
  v1::Audience audience;
  switch (random() % 8) {
    case 0:
      audience.set_scope(v1::Audience::SCOPE_MEMBERS);
      break;
    case 1:
      audience.set_scope(v1::Audience::SCOPE_LISTED);
      audience.add_states(pick(Texts{"HN", "GT"}));
      break;
    case 2:
      audience.set_scope(v1::Audience::SCOPE_LISTED);
      audience.add_corridors("north");
      break;
    default:
      break;
  }
  StoredEntry stored = StoredUpdate(
      publisher, update, pick(Texts{"", "migracion", "trabajo"}), audience);
  if (random() % 10 == 0) {
    stored.payload.clear();
    stored.omission = v1::Entry::OMISSION_NOT_KEPT;
  }
  return stored;
}

// Few fields are set, so that something passes.
inline v1::Filter RandomFilter(std::mt19937& random) {
  v1::Filter filter;
  const auto often = [&random](unsigned one_in) {
    return random() % one_in == 0;
  };
  if (often(3)) {
    filter.add_states("HN");
    if (often(2)) filter.add_states("GT");
  }
  if (often(4)) {
    v1::CorridorFilter* corridor = filter.add_corridors();
    corridor->set_corridor("north");
    if (often(2)) {
      corridor->add_counterpart_roles(
          static_cast<v1::CorridorRole>(random() % 4));
    }
  }
  if (often(5)) filter.add_kinds(static_cast<v1::UpdateKind>(1 + random() % 3));
  if (often(5)) {
    filter.add_events(static_cast<v1::UpdateEvent>(1 + random() % 4));
    filter.add_events(v1::UPDATE_EVENT_ADOPTION);
  }
  if (often(5)) filter.add_topics("education");
  if (often(5)) {
    v1::InstrumentFilter* instrument = filter.add_instruments();
    instrument->set_prefix(often(2));
    instrument->set_uri(instrument->prefix()
                            ? "urn:lex:hn:"
                            : "urn:lex:gt:estado:ley:2004-03-03;2");
  }
  if (often(5)) filter.add_languages(often(2) ? "pt" : "es");
  if (often(6)) filter.add_agencies("migracion");
  return filter;
}

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SERVER_RELAY_RELAY_SCENE_H_
