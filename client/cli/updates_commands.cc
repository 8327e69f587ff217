#include "cli/updates_commands.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cli/entry_text.h"
#include "cli/filter_flags.h"
#include "cli/follow_command.h"
#include "cli/publish_command.h"
#include "cli/session.h"
#include "gaceta/reader.h"
#include "verify/statement.h"

namespace gaceta::cli {
namespace {

constexpr std::int64_t kMaxPageSize = 500;

absl::StatusOr<std::unique_ptr<client::UpdateReader>> OpenReader(
    const CliContext& context, const ResolvedProfile& profile) {
  absl::StatusOr<client::LogSource> source = ConnectToLog(context, profile);
  if (!source.ok()) return source.status();
  return client::UpdateReader::Create(*source);
}

struct ListOptions {
  FilterFlags filter;
  std::int64_t limit = 50;
  bool oldest_first = false;
};

void PrintListed(const CliContext& context, const VerifiedEntry& entry) {
  context.out << (context.output == OutputFormat::kJson
                      ? EntryJson(entry)
                      : EntryLine(entry, context.language))
              << '\n';
}

absl::StatusOr<int> List(const CliContext& context,
                         const ResolvedProfile& profile,
                         const ListOptions& options) {
  v1::ListUpdatesRequest request;
  absl::StatusOr<v1::Filter> filter = ParseFilter(options.filter);
  if (!filter.ok()) return filter.status();
  *request.mutable_filter() = *std::move(filter);
  request.set_ascending(options.oldest_first);

  absl::StatusOr<std::unique_ptr<client::UpdateReader>> reader =
      OpenReader(context, profile);
  if (!reader.ok()) return reader.status();
  std::int64_t left = options.limit;
  do {
    request.set_page_size(
        static_cast<std::int32_t>(std::min(left, kMaxPageSize)));
    absl::StatusOr<client::UpdateReader::Page> page =
        (*reader)->List(request, QuestionDeadline());
    if (!page.ok()) return page.status();
    for (const VerifiedEntry& entry : page->entries) {
      if (left-- <= 0) break;
      PrintListed(context, entry);
    }
    request.set_page_token(page->next_page_token);
  } while (left > 0 && !request.page_token().empty());
  return kExitDone;
}

// Returns the entry that is named by a position or by a statement's id.
absl::StatusOr<VerifiedEntry> Fetch(client::UpdateReader& reader,
                                    const std::string& key) {
  if (std::int64_t position; absl::SimpleAtoi(key, &position)) {
    return reader.Get(position, QuestionDeadline());
  }
  if (IsStatementId(key)) return reader.Get(key, QuestionDeadline());
  return UsageError(
      absl::StrCat("\"", key,
                   "\": expected a position, as 12, or a statement's id, as "
                   "0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10"));
}

absl::StatusOr<int> Show(const CliContext& context,
                         const ResolvedProfile& profile,
                         const std::string& key) {
  absl::StatusOr<std::unique_ptr<client::UpdateReader>> reader =
      OpenReader(context, profile);
  if (!reader.ok()) return reader.status();
  absl::StatusOr<VerifiedEntry> entry = Fetch(**reader, key);
  if (!entry.ok()) return entry.status();
  if (context.output == OutputFormat::kJson) {
    context.out << EntryJson(*entry) << '\n';
  } else {
    PrintEntry(context.out, *entry, context.language);
  }
  return kExitDone;
}

void AddListCommand(CLI::App& updates, CliContext& context) {
  CLI::App* list = AddVerb(
      updates, "list",
      "Lists updates, newest first, each verified. Ends with code 3 if one "
      "does not verify.",
      "  gaceta updates list --state HN --limit 20\n"
      "  gaceta updates list --instrument 'urn:lex:br:*' --event amendment\n"
      "  gaceta updates list --topic asylum-refuge --oldest-first "
      "--output=json");
  auto options = std::make_shared<ListOptions>();
  AddFilterFlags(*list, &options->filter);
  list->add_option("--limit", options->limit, "At most so many")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->type_name("N");
  list->add_flag("--oldest-first", options->oldest_first,
                 "In the order in which they were published");
  RunWithProfile(*list, context,
                 [&context, options](const ResolvedProfile& profile) {
                   return List(context, profile, *options);
                 });
}

void AddShowCommand(CLI::App& updates, CliContext& context) {
  CLI::App* show = AddVerb(
      updates, "show",
      "Shows all of one update, verified. Ends with code 3 if it does not "
      "verify.",
      "  gaceta updates show 12\n"
      "  gaceta updates show 0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10 "
      "--output=json");
  auto key = std::make_shared<std::string>();
  show->add_option("update", *key, "A position, or the id of a statement")
      ->required();
  RunWithProfile(*show, context,
                 [&context, key](const ResolvedProfile& profile) {
                   return Show(context, profile, *key);
                 });
}

}  // namespace

void AddUpdatesCommands(CLI::App& app, CliContext& context) {
  CLI::App* updates = app.add_subcommand(
      "updates", "Changes of law and policy: publish, list, show, follow");
  updates->require_subcommand(1);
  AddPublishCommand(*updates, context);
  AddListCommand(*updates, context);
  AddShowCommand(*updates, context);
  AddFollowCommand(*updates, context);
}

}  // namespace gaceta::cli
