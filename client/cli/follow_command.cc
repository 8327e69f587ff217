#include "cli/follow_command.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "absl/time/clock.h"
#include "cli/checkpoint_memory.h"
#include "cli/end_by_signal.h"
#include "cli/entry_text.h"
#include "cli/filter_flags.h"
#include "cli/output.h"
#include "cli/session.h"
#include "cli/subscriptions_commands.h"
#include "errors/errors.h"
#include "gaceta/cursor.h"
#include "gaceta/freshness_watch.h"
#include "gaceta/subscriber.h"

namespace gaceta::cli {
namespace {

// How soon a signal that asks to end is noticed.
constexpr absl::Duration kSignalInterval =
    absl::Milliseconds(kSignalIntervalMs);

struct FollowOptions {
  FilterFlags filter;
  std::string from = "now";
  // Whether the command line says so.
  bool has_from = false;
  std::string subscription;
  std::string cursor_file;
  bool headers = false;
  bool until_live = false;
  // 0 is no limit.
  std::int64_t count = 0;
  std::int64_t timeout_seconds = 0;
};

client::Start StartOf(const From& from) {
  if (std::holds_alternative<FromNow>(from)) return client::Start::Now();
  if (const auto* time = std::get_if<absl::Time>(&from)) {
    return client::Start::Time(*time);
  }
  return client::Start::Position(std::get<std::int64_t>(from));
}

absl::Status FromIgnored(const FollowOptions& flags, absl::string_view what,
                         std::int64_t position, absl::string_view how) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "--from ", flags.from, " would not count: ", what,
                        " goes on at position ", position,
                        "; leave --from out, or to start anew: ", how)),
                    "START_IGNORED");
}

// An explicit start must be where the stream starts.
absl::Status CheckFromCounts(const FollowOptions& flags,
                             const client::LogSource& source) {
  if (!flags.has_from) return absl::OkStatus();
  if (!flags.cursor_file.empty()) {
    const auto cursor = client::ReadCursor(flags.cursor_file);
    if (cursor.ok()) {
      return FromIgnored(flags, absl::StrCat("cursor ", flags.cursor_file),
                         cursor->next_position,
                         absl::StrCat("remove ", flags.cursor_file));
    }
    // The subscriber names damage.
    if (!absl::IsNotFound(cursor.status())) return absl::OkStatus();
  }
  if (flags.subscription.empty()) return absl::OkStatus();
  const auto relay = v1::RelayService::NewStub(source.channel);
  const auto known = FetchSubscription(*relay, flags.subscription);
  if (absl::IsNotFound(known.status())) return absl::OkStatus();
  if (!known.ok()) return known.status();
  return FromIgnored(
      flags, absl::StrCat("subscription ", flags.subscription),
      known->next_position(),
      absl::StrCat("gaceta subscriptions delete ", flags.subscription));
}

absl::StatusOr<client::SubscriberOptions> MakeOptions(
    CliContext& context, const ResolvedProfile& profile,
    const FollowOptions& flags) {
  absl::StatusOr<v1::Filter> filter = ParseFilter(flags.filter);
  if (!filter.ok()) return filter.status();
  absl::StatusOr<From> from = ParseFrom(flags.from);
  if (!from.ok()) return from.status();

  absl::StatusOr<client::LogSource> source = ConnectToLog(context, profile);
  if (!source.ok()) return source.status();
  if (absl::Status s = CheckFromCounts(flags, *source); !s.ok()) return s;

  client::SubscriberOptions options;
  options.evidence_folder = flags.cursor_file + ".evidence";
  if (flags.cursor_file.empty()) {
    auto memory = CheckpointMemory::Open(LogNameOf(profile));
    if (!memory.ok()) return memory.status();
    options.evidence_folder = memory->evidence_folder();
  }
  options.source = *std::move(source);
  options.filter = *std::move(filter);
  options.start = StartOf(*from);
  options.subscription = flags.subscription;
  options.cursor_file = flags.cursor_file;
  options.headers_only = flags.headers;
  options.on_disconnect = [&context](const absl::Status& why,
                                     absl::Duration /*wait*/) {
    // One write, since this is another thread.
    context.err << absl::StrCat(absl::Substitute(Say(context.language,
                                                     Phrase::kReconnecting),
                                                 OneLine(why.message())),
                                "\n")
                << std::flush;
  };
  return options;
}

using Finding = client::FreshnessWatch::Finding;

std::string FindingJson(const Finding& found) {
  const std::string since = TimeText(found.since);
  switch (found.kind) {
    case Finding::Kind::kStale:
      return absl::StrCat("{\"noQuorumSince\":\"", since, "\"}");
    case Finding::Kind::kClocksDiffer:
      return absl::StrCat("{\"lastQuorum\":\"", since, "\",\"ownClock\":\"",
                          TimeText(found.own_clock), "\"}");
    case Finding::Kind::kOver:
      return absl::StrCat("{\"quorumAgain\":\"", since, "\"}");
  }
  return "";
}

// Prints what a subscriber delivers, until it has printed enough.
class Follower {
 public:
  // Evidence of a log that is old goes into `evidence_folder`.
  Follower(CliContext& context, const FollowOptions& options,
           std::string evidence_folder)
      : context_(context),
        options_(options),
        freshness_(std::move(evidence_folder)) {}

  absl::StatusOr<int> Run(client::Subscriber& subscriber) {
    absl::Time last_delivery = absl::Now();
    while (!EndBySignal::IsAsked()) {
      absl::StatusOr<client::Delivery> delivery =
          subscriber.Next(absl::Now() + kSignalInterval);
      if (delivery.ok()) freshness_.Saw(*delivery);
      SayFreshness(subscriber);
      if (absl::IsDeadlineExceeded(delivery.status())) {
        if (HasWaitedTooLong(last_delivery)) {
          return absl::DeadlineExceededError(absl::StrCat(
              "nothing came for ", options_.timeout_seconds, " s (--timeout)"));
        }
        continue;
      }
      if (!delivery.ok()) return delivery.status();
      if (!delivery->entries.empty()) last_delivery = absl::Now();
      if (absl::Status s = Handle(*delivery, subscriber); !s.ok()) return s;
      if (IsEnough(*delivery)) return kExitDone;
    }
    return kExitDone;
  }

 private:
  // Prints, and only then acknowledges: what a crash cuts off is printed again.
  absl::Status Handle(const client::Delivery& delivery,
                      client::Subscriber& subscriber) {
    std::int64_t handled = delivery.next_position;
    for (const VerifiedEntry& entry : delivery.entries) {
      if (HasCount()) {
        handled = entry.position;
        break;
      }
      // Part of every stream, since verification needs them; no updates.
      if (EntryVerifier::IsRegistryChange(entry.header)) continue;
      Print(entry);
    }
    context_.out.flush();
    if (!context_.out.good()) {
      return absl::UnavailableError(
          "cannot write the output; nothing of it is acknowledged");
    }
    SayWhenLive(delivery);
    return subscriber.Acknowledge(handled);
  }

  void Print(const VerifiedEntry& entry) {
    ++printed_;
    context_.out << (context_.output == OutputFormat::kJson
                         ? EntryJson(entry)
                         : EntryLine(entry, context_.language))
                 << '\n';
  }

  void SayWhenLive(const client::Delivery& delivery) {
    if (!delivery.live || said_live_ || options_.until_live) return;
    said_live_ = true;
    context_.err << absl::Substitute(Say(context_.language, Phrase::kLive),
                                     delivery.next_position)
                 << std::endl;
  }

  void SayFreshness(const client::Subscriber& subscriber) {
    const auto found =
        freshness_.Check(subscriber.registry().get(), subscriber.last_heard());
    if (!found.has_value()) return;
    // Not among the entries, which are the only lines of the output.
    context_.err << (context_.output == OutputFormat::kJson
                         ? FindingJson(*found)
                         : Text(*found))
                 << std::endl;
  }

  std::string Text(const Finding& found) const {
    const auto say = [this](Phrase phrase) {
      return Say(context_.language, phrase);
    };
    const std::string since = TimeText(found.since);
    switch (found.kind) {
      case Finding::Kind::kStale:
        return absl::Substitute(say(Phrase::kQuorumStale), since);
      case Finding::Kind::kClocksDiffer:
        return absl::Substitute(say(Phrase::kClocksDiffer), since,
                                TimeText(found.own_clock));
      case Finding::Kind::kOver:
        return absl::Substitute(say(Phrase::kQuorumAgain), since);
    }
    return "";
  }

  bool HasCount() const {
    return options_.count > 0 && printed_ >= options_.count;
  }

  bool IsEnough(const client::Delivery& delivery) const {
    return HasCount() || (options_.until_live && delivery.live);
  }

  bool HasWaitedTooLong(absl::Time since) const {
    return options_.timeout_seconds > 0 &&
           absl::Now() - since > absl::Seconds(options_.timeout_seconds);
  }

  CliContext& context_;
  const FollowOptions& options_;
  std::int64_t printed_ = 0;
  bool said_live_ = false;
  client::FreshnessWatch freshness_;
};

absl::StatusOr<int> Follow(CliContext& context, const ResolvedProfile& profile,
                           const FollowOptions& flags) {
  absl::StatusOr<client::SubscriberOptions> options =
      MakeOptions(context, profile, flags);
  if (!options.ok()) return options.status();
  const std::string evidence_folder = options->evidence_folder;
  // Between two entries, so that what was printed is acknowledged.
  const EndBySignal end_by_signal;
  absl::StatusOr<std::unique_ptr<client::Subscriber>> subscriber =
      client::Subscriber::Create(*std::move(options));
  if (!subscriber.ok()) return subscriber.status();
  return Follower(context, flags, evidence_folder).Run(**subscriber);
}

// The next step for a person who made the log anew on purpose.
std::string NextStep(const CliContext& context, const FollowOptions& flags) {
  if (flags.cursor_file.empty()) return ForgetCommand(context);
  return absl::StrCat("remove ", flags.cursor_file, " and ", flags.cursor_file,
                      ".evidence, and for all else ", ForgetCommand(context));
}

}  // namespace

void AddFollowCommand(CLI::App& updates, CliContext& context) {
  CLI::App* follow = AddVerb(
      updates, "follow",
      "Prints updates as they come, each verified before it is shown, and goes "
      "on after lost connections. Ends with code 3 if anything does not "
      "verify, and keeps the evidence beside the cursor, else in "
      "~/.local/state/gaceta: while a file is there, the log is not followed. "
      "Whether the log is still the one that an earlier run saw is checked "
      "with --cursor alone. "
      "Says on standard error since when no quorum of witnesses has vouched "
      "for the log, if that is longer than its policy's grace, and keeps that "
      "as well, as evidence that ends no trust and that is closed when one "
      "vouches again. Says as well if the clocks of the witnesses and of this "
      "computer differ.",
      "  gaceta updates follow --from start\n"
      "  gaceta updates follow --corridor central-america-north:transit "
      "--topic entry-visa\n"
      "  gaceta updates follow --state HN,GT --cursor ~/gaceta.cursor "
      "--output=json\n"
      "  gaceta updates follow --subscription laws --from 2026-01-01\n"
      "  gaceta updates follow --from start --until-live");
  auto flags = std::make_shared<FollowOptions>();
  AddFilterFlags(*follow, &flags->filter);
  CLI::Option* const from =
      follow
          ->add_option(
              "--from", flags->from,
              "start, now, a position, a day (in UTC) or a time; refused "
              "where a cursor or a subscription says where to go on")
          ->capture_default_str()
          ->type_name("WHERE");
  follow
      ->add_option("--subscription", flags->subscription,
                   "Name under which the server keeps how far you are")
      ->type_name("NAME");
  follow
      ->add_option("--cursor", flags->cursor_file,
                   "File that keeps how far you are, exactly")
      ->type_name("FILE");
  follow->add_option("--count", flags->count, "End after so many updates")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  follow->add_flag("--until-live", flags->until_live,
                   "End when the end of the log is reached");
  follow->add_flag("--headers", flags->headers,
                   "Only headers, without what the updates say");
  follow
      ->add_option("--timeout", flags->timeout_seconds,
                   "Give up (code 1) when nothing came for so long")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
  RunWithProfile(*follow, context,
                 [&context, flags,
                  from](const ResolvedProfile& profile) -> absl::StatusOr<int> {
                   flags->has_from = from->count() > 0;
                   absl::StatusOr<int> code = Follow(context, profile, *flags);
                   if (code.ok()) return code;
                   return WithForgetHint(code.status(),
                                         NextStep(context, *flags));
                 });
}

}  // namespace gaceta::cli
