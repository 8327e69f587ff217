#include "cli/registry_lists.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/filter_flags.h"
#include "cli/output.h"
#include "cli/session.h"
#include "gaceta/registry_client.h"
#include "verify/federation.h"

namespace gaceta::cli {
namespace {

using Names = google::protobuf::RepeatedPtrField<v1::NameText>;

absl::string_view LanguageTag(Language language) {
  switch (language) {
    case Language::kSpanish:
      return "es";
    case Language::kPortuguese:
      return "pt";
    case Language::kFrench:
      return "fr";
    case Language::kEnglish:
      break;
  }
  return "en";
}

// Returns the name in `language`, else the first.
std::string NameIn(const Names& names, Language language) {
  for (const v1::NameText& name : names) {
    if (name.language() == LanguageTag(language)) return name.text();
  }
  return names.empty() ? "" : names[0].text();
}

// `GT(sending,transit)`
std::string StopText(const v1::Corridor::Stop& stop) {
  const std::string roles =
      absl::StrJoin(stop.roles(), ",", [](std::string* out, int role) {
        absl::StrAppend(out, EnumName(*v1::CorridorRole_descriptor(), role));
      });
  return absl::StrCat(stop.state(), "(", roles, ")");
}

// Reads the registry, checks all of it, and prints.
using Print = std::function<void(const Federation&)>;

absl::StatusOr<int> PrintRegistry(const CliContext& context,
                                  const ResolvedProfile& profile,
                                  const Print& print) {
  absl::StatusOr<client::LogSource> source = ConnectToLog(context, profile);
  if (!source.ok()) return source.status();
  absl::StatusOr<std::unique_ptr<client::Registry>> registry =
      client::Registry::Create(*source);
  if (!registry.ok()) return registry.status();
  if (absl::Status s = (*registry)->Refresh(QuestionDeadline()); !s.ok()) {
    return s;
  }
  print(*(*registry)->Latest());
  return kExitDone;
}

void PrintMembers(const CliContext& context, bool all,
                  const Federation& federation) {
  Table table({"ID", "NAME", "KIND", "STATUS", "JOINED"});
  for (const auto& [id, member] : federation.members()) {
    if (!all && member.kind() != v1::Member::KIND_STATE) continue;
    if (context.output == OutputFormat::kJson) {
      context.out << ToJson(member) << '\n';
      continue;
    }
    table.AddRow({id, NameIn(member.names(), context.language),
                  EnumName(*v1::Member::Kind_descriptor(), member.kind()),
                  EnumName(*v1::Member::Status_descriptor(), member.status()),
                  member.joined_date()});
  }
  table.Print(context.out);
}

void PrintCorridors(const CliContext& context, const Federation& federation) {
  Table table({"ID", "NAME", "STATES"});
  for (const auto& [id, corridor] : federation.corridors()) {
    if (context.output == OutputFormat::kJson) {
      context.out << ToJson(corridor) << '\n';
      continue;
    }
    const std::string stops =
        absl::StrJoin(corridor.stops(), " ",
                      [](std::string* out, const v1::Corridor::Stop& stop) {
                        absl::StrAppend(out, StopText(stop));
                      });
    table.AddRow({id, NameIn(corridor.names(), context.language), stops});
  }
  table.Print(context.out);
}

void PrintTopics(const CliContext& context, const Federation& federation) {
  Table table({"ID", "NAME"});
  for (const auto& [id, topic] : federation.topics()) {
    if (context.output == OutputFormat::kJson) {
      context.out << ToJson(topic) << '\n';
      continue;
    }
    table.AddRow({id, NameIn(topic.names(), context.language)});
  }
  table.Print(context.out);
}

void PrintErasures(const CliContext& context, const Federation& federation) {
  Table table({"ERASED", "BY", "GROUND"});
  const auto print = [&](std::string what, const ErasureInForce& in_force) {
    if (context.output == OutputFormat::kJson) {
      context.out << ToJson(in_force.erasure) << '\n';
      return;
    }
    table.AddRow({std::move(what), absl::StrCat(in_force.position),
                  in_force.erasure.ground()});
  };
  for (const auto& [position, in_force] : federation.erasures()) {
    print(absl::StrCat(position), in_force);
  }
  for (const auto& [sha256, in_force] : federation.document_erasures()) {
    print(sha256, in_force);
  }
  table.Print(context.out);
}

// Adds a noun whose only verb is `list`. It does the same when it is typed
// alone. `add_flags` adds what both take.
void AddListNoun(
    CLI::App& app, CliContext& context, const std::string& name,
    const std::string& description, const std::string& examples,
    const Print& print,
    const std::function<void(CLI::App&)>& add_flags = [](CLI::App&) {}) {
  CLI::App* noun = app.add_subcommand(name, description);
  noun->footer(absl::StrCat("Examples:\n", examples));
  noun->require_subcommand(0, 1);
  CLI::App* list = AddVerb(*noun, "list", description, examples);
  for (CLI::App* command : {noun, list}) {
    add_flags(*command);
    RunWithProfile(*command, context,
                   [&context, print](const ResolvedProfile& profile) {
                     return PrintRegistry(context, profile, print);
                   });
  }
}

}  // namespace

void AddStatesCommands(CLI::App& app, CliContext& context) {
  auto all = std::make_shared<bool>(false);
  AddListNoun(
      app, context, "states", "Lists the member states.",
      "  gaceta states\n"
      "  gaceta states list --all --output=json",
      [&context, all](const Federation& federation) {
        PrintMembers(context, *all, federation);
      },
      [all](CLI::App& command) {
        command.add_flag("--all", *all, "Also observers and the secretariat");
      });
}

void AddCorridorsCommands(CLI::App& app, CliContext& context) {
  AddListNoun(app, context, "corridors",
              "Lists the corridors: states, each with its roles.",
              "  gaceta corridors\n"
              "  gaceta corridors --output=json",
              [&context](const Federation& federation) {
                PrintCorridors(context, federation);
              });
}

void AddTopicsCommands(CLI::App& app, CliContext& context) {
  AddListNoun(app, context, "topics",
              "Lists the topics by which updates are found.",
              "  gaceta topics\n"
              "  gaceta topics --output=json",
              [&context](const Federation& federation) {
                PrintTopics(context, federation);
              });
}

void AddErasuresCommands(CLI::App& app, CliContext& context) {
  AddListNoun(app, context, "erasures",
              "Lists payloads (by position) and documents (by SHA-256) that "
              "the secretariat has erased, by which entry, and on what ground.",
              "  gaceta erasures\n"
              "  gaceta erasures --output=json",
              [&context](const Federation& federation) {
                PrintErasures(context, federation);
              });
}

}  // namespace gaceta::cli
