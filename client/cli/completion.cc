#include "cli/completion.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/filter_flags.h"

namespace gaceta::cli {
namespace {

// Long names of the options that have a fixed list of values, with the list.
std::map<std::string, std::vector<std::string>> FixedValues() {
  return {{"--output", {"text", "json"}},
          {"--kind", KindNames()},
          {"--event", EventNames()}};
}

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back(absl::StrCat("--", name));
    }
    for (const std::string& name : option->get_snames()) {
      names.push_back(absl::StrCat("-", name));
    }
  }
  return names;
}

// Adds one `case` branch for a command, `shared` being the options of all, and
// those of what is below it.
void AddBranches(const CLI::App& app, const std::string& path,
                 const std::vector<std::string>& shared,
                 std::string* branches) {
  std::vector<std::string> words;
  for (const CLI::App* below : app.get_subcommands({})) {
    words.push_back(below->get_name());
    AddBranches(*below, absl::StrCat(path, " ", below->get_name()), shared,
                branches);
  }
  for (const std::string& name : OptionNames(app)) words.push_back(name);
  if (app.get_parent() != nullptr) {
    words.insert(words.end(), shared.begin(), shared.end());
  }
  absl::StrAppend(branches, "    '", path, "') words='",
                  absl::StrJoin(words, " "), "' ;;\n");
}

// Adds a pattern for each step on the way to a verb: a word that continues the
// path is a noun or a verb, all others are options and their values.
void AddPaths(const CLI::App& app, const std::string& path,
              std::string* paths) {
  for (const CLI::App* below : app.get_subcommands({})) {
    const std::string longer = absl::StrCat(path, " ", below->get_name());
    absl::StrAppend(paths, "      '", longer, "') path=$next ;;\n");
    AddPaths(*below, longer, paths);
  }
}

std::string ValueBranches() {
  std::string branches;
  for (const auto& [option, values] : FixedValues()) {
    absl::StrAppend(&branches, "    ", option, ") COMPREPLY=($(compgen -W '",
                    absl::StrJoin(values, " "),
                    "' -- \"$value\")); return ;;\n");
  }
  return branches;
}

}  // namespace

std::string BashCompletion(const CLI::App& app) {
  std::string paths;
  AddPaths(app, "gaceta", &paths);
  std::string branches;
  AddBranches(app, "gaceta", OptionNames(app), &branches);
  return absl::StrCat(
      R"(# bash completion of gaceta; use it by: source <(gaceta completion bash)
_gaceta() {
  local path=gaceta next word words i
  local value=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    next="$path $word"
    case $next in
)",
      paths, R"(    esac
  done
  # bash makes --output=json three words.
  if [[ $value == = ]]; then value=; fi
  if [[ $option == = ]]; then option=${COMP_WORDS[COMP_CWORD-2]}; fi
  case $option in
)",
      ValueBranches(), R"(  esac
  case $path in
)",
      branches, R"(  esac
  COMPREPLY=($(compgen -W "$words" -- "$value"))
}
complete -o default -F _gaceta gaceta
)");
}

void AddCompletionCommands(CLI::App& app, CliContext& context) {
  CLI::App* noun =
      app.add_subcommand("completion", "Completion of this command in a shell");
  noun->require_subcommand(1);
  CLI::App* bash = noun->add_subcommand(
      "bash", "Prints the script that completes gaceta in bash.");
  bash->footer(
      "Examples:\n"
      "  source <(gaceta completion bash)\n"
      "  gaceta completion bash > "
      "~/.local/share/bash-completion/completions/gaceta");
  bash->callback([&app, &context] {
    context.run = [&app, &context]() -> absl::StatusOr<int> {
      context.out << BashCompletion(app);
      return kExitDone;
    };
  });
}

}  // namespace gaceta::cli
