#include "cli/publish_command.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "absl/time/clock.h"
#include "cli/document_flag.h"
#include "cli/end_by_signal.h"
#include "cli/output.h"
#include "cli/publish_report.h"
#include "cli/receipt_waiter.h"
#include "cli/session.h"
#include "cli/submission_input.h"
#include "cli/submission_journal.h"
#include "errors/errors.h"
#include "gaceta/documents.h"
#include "gaceta/publisher.h"

namespace gaceta::cli {
namespace {

// No submission has it, so asking for it shows whether the node can be reached.
constexpr char kNobodysId[] = "00000000-0000-0000-0000-000000000000";

// How many times `in_flight` updates are read before they are sent.
constexpr std::size_t kBatchFactor = 4;

struct PublishOptions {
  std::vector<std::string> files;
  std::vector<std::string> documents;
  bool validate_only = false;
  bool no_wait = false;
  bool all_states = false;
  // Empty for that of DefaultJournalPath().
  std::string journal;
  bool no_journal = false;
  int in_flight = 64;
  std::int64_t timeout_seconds = 300;

  absl::Duration timeout() const { return absl::Seconds(timeout_seconds); }
};

// An update on its way.
struct Item {
  SubmissionInput input;
  SubmissionJournal* journal = nullptr;

  ReportedUpdate Reported() const {
    return {input.place, input.request.submission_id(),
            input.request.update().instrument().uri(), journal};
  }
};

// Returns `HN` for a certificate of `hn.gaceta.example`.
std::string StateOf(const SpiffeId& id) {
  const std::string& domain = id.trust_domain();
  return absl::AsciiStrToUpper(domain.substr(0, domain.find('.')));
}

// Whether `item` corrects or withdraws an update of `batch`, so that the node
// must have that one first.
bool BuildsOnOneOf(const std::vector<Item>& batch, const Item& item) {
  const v1::Update& update = item.input.request.update();
  return std::any_of(batch.begin(), batch.end(), [&](const Item& earlier) {
    const std::string& id = earlier.input.request.submission_id();
    return id == update.corrects() || id == update.withdraws();
  });
}

// One run of the verb.
class PublishRun {
 public:
  PublishRun(CliContext& context, const ResolvedProfile& profile,
             const PublishOptions& options)
      : context_(context),
        profile_(profile),
        options_(options),
        report_(context, CountSubmissions(options.files)) {}

  absl::StatusOr<int> Run();

 private:
  absl::Status Connect();
  absl::Status ParseDocumentFlags();
  absl::Status PublishFile(const std::string& path);
  absl::StatusOr<SubmissionJournal*> JournalOf(const std::string& path,
                                               bool one_a_line);
  absl::StatusOr<SubmissionJournal*> OpenJournal(const std::string& path);
  bool IsOurs(const SubmissionInput& input);
  absl::Status AttachDocuments(SubmissionReader& reader,
                               SubmissionInput* input);
  void Handle(std::vector<Item> batch);
  absl::Status UploadDocuments(const Item& item);
  void Submit(const std::vector<Item>& batch);
  void Validate(const Item& item);
  void ReportResult(const Item& item, absl::StatusOr<v1::Submission> result);
  int Summarize();

  CliContext& context_;
  const ResolvedProfile& profile_;
  const PublishOptions& options_;
  std::vector<DocumentFlag> document_flags_;
  std::string state_;
  std::int64_t other_states_ = 0;
  // Documents that the node has, as this run knows.
  std::set<std::string> uploaded_;

  // Each outlives those below it.
  PublishReport report_;
  // By path.
  std::map<std::string, std::unique_ptr<SubmissionJournal>> journals_;
  std::unique_ptr<client::Publisher> publisher_;
  std::unique_ptr<client::DocumentClient> documents_;
  // Null if nobody waits.
  std::unique_ptr<ReceiptWaiter> waiter_;
};

absl::StatusOr<int> PublishRun::Run() {
  if (absl::Status s = ParseDocumentFlags(); !s.ok()) return s;
  if (absl::Status s = Connect(); !s.ok()) return s;
  if (!options_.no_wait && !options_.validate_only) {
    waiter_ = std::make_unique<ReceiptWaiter>(*publisher_, report_,
                                              options_.timeout());
  }
  // Where an input has no end of its own, a signal ends it: what was read is
  // sent, and whoever waits for a receipt no longer does. Files need no end: a
  // second run goes on.
  std::optional<EndBySignal> end_by_signal;
  for (const std::string& path : options_.files) {
    if (EndBySignal::IsAsked()) break;
    if (path == "-") end_by_signal.emplace();
    absl::Status status = PublishFile(path);
    if (!status.ok()) {
      // What was taken before is still waited for.
      if (waiter_ != nullptr) waiter_->Finish();
      report_.Finish();
      return status;
    }
  }
  if (waiter_ != nullptr) waiter_->Finish();
  return Summarize();
}

absl::Status PublishRun::ParseDocumentFlags() {
  for (const std::string& text : options_.documents) {
    absl::StatusOr<DocumentFlag> document = ParseDocumentFlag(text);
    if (!document.ok()) return document.status();
    document_flags_.push_back(*std::move(document));
  }
  if (!document_flags_.empty() && options_.files.size() != 1) {
    return UsageError("--document goes with one file of one update");
  }
  return absl::OkStatus();
}

absl::Status PublishRun::Connect() {
  absl::StatusOr<SpiffeId> own =
      IdOfCertificate(profile_.connection.certificate_file);
  if (!own.ok()) return own.status();
  state_ = StateOf(*own);
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel =
      context_.connect(profile_.connection);
  if (!channel.ok()) return channel.status();
  publisher_ = client::Publisher::Create(*channel);
  documents_ = client::DocumentClient::Create(*channel);

  // A wrong address or certificate shows here, and not after a long patience
  // with every update.
  absl::Status status =
      publisher_->Get(kNobodysId, QuestionDeadline()).status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

// Returns the journal for an input file; null if none is kept.
absl::StatusOr<SubmissionJournal*> PublishRun::JournalOf(
    const std::string& path, bool one_a_line) {
  if (options_.no_journal || options_.validate_only) return nullptr;
  if (!options_.journal.empty()) return OpenJournal(options_.journal);
  // A single update is asked for again at no cost, and nobody can name what
  // came through a pipe a second time.
  if (!one_a_line || path == "-") return nullptr;
  absl::StatusOr<std::string> journal = DefaultJournalPath(
      LogNameOf(profile_), profile_.connection.server_id, path);
  if (journal.ok()) return OpenJournal(*journal);
  // To publish does not depend on it.
  report_.Say(absl::StrCat(cli::Say(context_.language, Phrase::kWarning), ": ",
                           OneLine(journal.status().message())));
  return nullptr;
}

absl::StatusOr<SubmissionJournal*> PublishRun::OpenJournal(
    const std::string& path) {
  std::unique_ptr<SubmissionJournal>& opened = journals_[path];
  if (opened != nullptr) return opened.get();
  absl::StatusOr<SubmissionJournal> journal =
      SubmissionJournal::Open(path, profile_.connection.server_id);
  if (!journal.ok()) return journal.status();
  // A node that was made anew knows nothing of what the old one published.
  if (const std::string id = journal->AnyId(); !id.empty()) {
    absl::Status known = publisher_->Get(id, QuestionDeadline()).status();
    if (!known.ok()) {
      report_.Say(absl::Substitute(
          cli::Say(context_.language, Phrase::kJournalStale), journal->path()));
      journal->Forget();
    }
  }
  opened = std::make_unique<SubmissionJournal>(*std::move(journal));
  return opened.get();
}

bool PublishRun::IsOurs(const SubmissionInput& input) {
  if (options_.all_states || input.state.empty() || input.state == state_) {
    return true;
  }
  ++other_states_;
  report_.LeftOut();
  return false;
}

absl::Status PublishRun::AttachDocuments(SubmissionReader& reader,
                                         SubmissionInput* input) {
  if (document_flags_.empty()) return absl::OkStatus();
  absl::StatusOr<std::optional<SubmissionInput>> second = reader.Next();
  if (!second.ok() || second->has_value()) {
    return UsageError("--document goes with a file of one update");
  }
  for (const DocumentFlag& document : document_flags_) {
    if (absl::Status s = AttachDocument(document, input); !s.ok()) return s;
  }
  return absl::OkStatus();
}

absl::Status PublishRun::PublishFile(const std::string& path) {
  absl::StatusOr<SubmissionReader> reader =
      SubmissionReader::Open(path, *context_.in);
  if (!reader.ok()) return reader.status();
  std::optional<SubmissionJournal*> journal;
  const std::size_t batch_size =
      kBatchFactor * static_cast<std::size_t>(options_.in_flight);
  std::vector<Item> batch;
  while (true) {
    // Nobody knows when the next one comes.
    if (!batch.empty() && reader->WouldWait()) Handle(std::exchange(batch, {}));
    absl::StatusOr<std::optional<SubmissionInput>> input = reader->Next();
    if (!input.ok()) {
      report_.Failed({path}, Phrase::kInvalid, input.status());
      continue;
    }
    if (!input->has_value()) break;
    if (!journal.has_value()) {
      auto opened = JournalOf(path, reader->one_a_line());
      if (!opened.ok()) return opened.status();
      journal = *opened;
    }
    Item item{**std::move(input), *journal};
    if (!IsOurs(item.input)) continue;
    if (absl::Status s = AttachDocuments(*reader, &item.input); !s.ok()) {
      return s;
    }
    if (item.journal != nullptr) {
      const auto position =
          item.journal->Find(item.input.request.submission_id());
      if (position.has_value()) {
        report_.DoneBefore(item.Reported(), *position);
        continue;
      }
    }
    if (batch.size() == batch_size || BuildsOnOneOf(batch, item)) {
      Handle(std::exchange(batch, {}));
    }
    batch.push_back(std::move(item));
  }
  Handle(std::move(batch));
  return absl::OkStatus();
}

void PublishRun::Handle(std::vector<Item> batch) {
  if (options_.validate_only) {
    for (const Item& item : batch) Validate(item);
    return;
  }
  std::vector<Item> ready;
  for (Item& item : batch) {
    absl::Status status = UploadDocuments(item);
    if (status.ok()) {
      ready.push_back(std::move(item));
    } else {
      report_.Failed(item.Reported(), Phrase::kError, status);
    }
  }
  Submit(ready);
}

absl::Status PublishRun::UploadDocuments(const Item& item) {
  for (const auto& [sha256, path] : item.input.document_files) {
    if (uploaded_.contains(sha256)) continue;
    absl::StatusOr<client::DocumentRef> document =
        documents_->Upload(path, absl::Now() + options_.timeout());
    if (!document.ok()) return Annotate(document.status(), path);
    if (document->sha256 != sha256) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, " has SHA-256 ", document->sha256, ", expected ", sha256));
    }
    uploaded_.insert(sha256);
  }
  return absl::OkStatus();
}

void PublishRun::Submit(const std::vector<Item>& batch) {
  std::vector<client::UpdateSubmission> submissions;
  for (const Item& item : batch) {
    submissions.push_back({item.input.request.submission_id(),
                           item.input.request.update(),
                           item.input.request.audience()});
  }
  publisher_->SubmitMany(
      submissions, options_.in_flight, absl::Now() + options_.timeout(),
      [&](std::size_t index, absl::StatusOr<v1::Submission> result) {
        ReportResult(batch[index], std::move(result));
      });
}

void PublishRun::ReportResult(const Item& item,
                              absl::StatusOr<v1::Submission> result) {
  if (!result.ok()) {
    const bool invalid = absl::IsInvalidArgument(result.status());
    report_.Failed(item.Reported(), invalid ? Phrase::kInvalid : Phrase::kError,
                   result.status());
    return;
  }
  switch (result->state()) {
    case v1::Submission::STATE_ACCEPTED:
      report_.Accepted(item.Reported(), *result);
      return;
    case v1::Submission::STATE_REFUSED:
      report_.Failed(item.Reported(), Phrase::kRefused,
                     client::SubmissionError(*result));
      return;
    default:
      break;
  }
  if (waiter_ == nullptr) {
    report_.Pending(item.Reported(), *result);
  } else {
    waiter_->Add(item.Reported(), *std::move(result));
  }
}

void PublishRun::Validate(const Item& item) {
  absl::StatusOr<std::vector<v1::Warning>> warnings =
      publisher_->Validate(item.input.request.update(),
                           item.input.request.audience(), QuestionDeadline());
  if (warnings.ok()) {
    report_.Valid(item.Reported(), *warnings);
  } else if (Reason(warnings.status()) == "DOCUMENT_MISSING" &&
             !item.input.document_files.empty()) {
    // Its documents are here, and would be uploaded first.
    report_.Valid(item.Reported(), {});
  } else {
    report_.Failed(item.Reported(), Phrase::kInvalid, warnings.status());
  }
}

int PublishRun::Summarize() {
  const PublishReport::Counts counts = report_.Finish();
  if (other_states_ > 0) {
    report_.Say(
        absl::Substitute(cli::Say(context_.language, Phrase::kOtherStates),
                         other_states_, state_));
  }
  if (!options_.validate_only) {
    report_.Say(absl::Substitute(
        cli::Say(context_.language, Phrase::kPublishSummary), counts.published,
        counts.pending, counts.failed, counts.done_before));
  }
  // To be pending is what --no-wait asks for, and otherwise the end of
  // patience.
  const bool all_there = options_.no_wait || counts.pending == 0;
  return counts.failed == 0 && all_there ? kExitDone : kExitFailed;
}

void AddOptions(CLI::App& publish, PublishOptions* options) {
  publish
      .add_option("files", options->files,
                  "Updates: JSON of one gaceta.v1.Update, or one JSON object a "
                  "line; - is the standard input")
      ->required()
      ->type_name("FILE");
  publish
      .add_option("--document", options->documents,
                  "Attach this document to the update, which is the only one: "
                  "ley.pdf:es:official. LEGAL_VALUE is unofficial (default), "
                  "official, authoritative or definitive")
      ->type_name("PATH[:LANGUAGE[:LEGAL_VALUE[:MEDIA_TYPE]]]")
      ->allow_extra_args(false);
  publish.add_flag("--validate-only", options->validate_only,
                   "Only check; nothing is kept or published");
  publish.add_flag("--no-wait", options->no_wait,
                   "Do not wait for the receipts: done when the node has all");
  publish.add_flag("--all-states", options->all_states,
                   "Also send lines whose `state` is not that of your "
                   "certificate");
  CLI::Option* journal =
      publish
          .add_option("--journal", options->journal,
                      "Remember in FILE what was published, so that a second "
                      "run goes on; also for a single update and for the "
                      "standard input. Default: a file in "
                      "~/.local/state/gaceta for each input with one update a "
                      "line")
          ->type_name("FILE");
  publish
      .add_flag("--no-journal", options->no_journal,
                "Remember nothing: a second run sends everything again")
      ->excludes(journal);
  publish
      .add_option("--in-flight", options->in_flight,
                  "How many are sent at the same time")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str()
      ->type_name("N");
  publish
      .add_option("--timeout", options->timeout_seconds,
                  "How long to go on trying while node or hub are away")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->type_name("SECONDS");
}

}  // namespace

void AddPublishCommand(CLI::App& updates, CliContext& context) {
  CLI::App* publish = AddVerb(
      updates, "publish",
      "Submits updates to your state's node, documents first, and waits for "
      "the hub's receipts. May be interrupted and run again: nothing is "
      "published twice. From a pipe each line is sent as it comes; a signal "
      "ends that input, and what was read is sent. Code 1 if any update was "
      "refused.",
      "  gaceta updates publish ley-126-12.json --document "
      "ley.pdf:es:official\n"
      "  gaceta updates publish updates.ndjson\n"
      "  gaceta updates publish --validate-only *.json\n"
      "  export-laws | gaceta updates publish - --no-wait --output=json\n"
      "\n"
      "A line of updates.ndjson; only `update` is required:\n"
      "  "
      "{\"state\":\"HN\",\"submissionId\":\"0b7c2c3e-...\",\"update\":{...},\n"
      "   \"audience\":{\"scope\":\"SCOPE_MEMBERS\"},\n"
      "   \"documentFiles\":{\"<sha256>\":\"documents/ley.pdf\"}}");
  auto options = std::make_shared<PublishOptions>();
  AddOptions(*publish, options.get());
  RunWithProfile(*publish, context,
                 [&context, options](const ResolvedProfile& profile) {
                   return PublishRun(context, profile, *options).Run();
                 });
}

}  // namespace gaceta::cli
