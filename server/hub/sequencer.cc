#include "server/hub/sequencer.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gaceta/v1/registry.pb.h"
#include "spdlog/spdlog.h"
#include "verify/digest.h"
#include "verify/entry_verifier.h"
#include "verify/member_names.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

bool IsRegistryChange(const Candidate& candidate) {
  return EntryVerifier::IsRegistryChange(candidate.header);
}

std::size_t BytesOf(const Candidate& candidate) {
  return candidate.statement.header().size() +
         candidate.statement.payload().size();
}

v1::Leaf LeafOf(const v1::Statement& statement) {
  v1::Leaf leaf;
  leaf.set_header(statement.header());
  leaf.set_signature(statement.signature());
  leaf.set_key_id(statement.key_id());
  return leaf;
}

void SetTime(absl::Time time, v1::Leaf* leaf) {
  const std::int64_t nanos = absl::ToUnixNanos(time);
  leaf->mutable_recorded_time()->set_seconds(nanos / 1'000'000'000);
  leaf->mutable_recorded_time()->set_nanos(
      static_cast<std::int32_t>(nanos % 1'000'000'000));
}

absl::StatusOr<v1::Leaf> ReadLeaf(const LogStore& store, Position position) {
  auto entry = store.Read(position, 1, 1);
  if (!entry.ok()) return entry.status();
  v1::Leaf leaf;
  if (entry->empty() || !leaf.ParseFromString((*entry)[0].leaf)) {
    return absl::DataLossError(
        absl::StrCat("the leaf at position ", position, " does not parse"));
  }
  return leaf;
}

// When the last entry was recorded; the infinite past of an empty log.
absl::StatusOr<absl::Time> LastRecordedTime(const LogStore& store) {
  if (store.Size() == 0) return absl::InfinitePast();
  auto leaf = ReadLeaf(store, store.Size() - 1);
  if (!leaf.ok()) return leaf.status();
  return absl::FromUnixSeconds(leaf->recorded_time().seconds()) +
         absl::Nanoseconds(leaf->recorded_time().nanos());
}

}  // namespace

// What a statement cannot stand beside, and why.
struct Sequencer::Clash {
  absl::string_view reason;
  Position first;
  std::string text;
  Candidate refused;
};

struct Sequencer::Batch {
  // One for each statement that waits for the unit, in order.
  struct Answer {
    Done done;
    v1::Receipt receipt;
    // Set if it is refused. The first of the two may be in this very unit, so
    // that the evidence is kept when that is durable.
    std::unique_ptr<Clash> clash;
  };
  Position begin = 0;
  std::vector<StoredEntry> entries;
  std::vector<Answer> answers;
  // Chains as they will be once the unit is durable.
  absl::flat_hash_map<std::string, ChainHead> heads;
  // Entries of the unit, by id and by place in a chain.
  absl::flat_hash_map<std::string, Known> ids;
  absl::flat_hash_map<std::pair<std::string, std::uint64_t>, Position> places;
};

Sequencer::Sequencer(ProjectedLog* log, CheckpointPublisher* checkpoints,
                     EvidenceFolder* evidence, Options options)
    : log_(log),
      checkpoints_(checkpoints),
      evidence_(evidence),
      options_(std::move(options)) {
  if (auto last = LastRecordedTime(log_->store()); last.ok()) {
    last_recorded_ = *last;
  } else {
    Break(last.status());
  }
  thread_ = std::thread([this] { Loop(); });
}

Sequencer::~Sequencer() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void Sequencer::Submit(Candidate candidate, Done done) {
  absl::MutexLock lock(&mu_);
  queue_.push_back({std::move(candidate), std::move(done)});
}

absl::StatusOr<ChainHead> Sequencer::Head(const std::string& publisher) const {
  return log_->index().Head(publisher);
}

void Sequencer::Loop() {
  while (true) {
    std::vector<Waiting> waiting = TakeBatch();
    if (waiting.empty()) return;
    Sequence(std::move(waiting));
  }
}

std::vector<Sequencer::Waiting> Sequencer::TakeBatch() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(
      +[](Sequencer* self) {
        self->mu_.AssertHeld();
        return self->stopping_ || !self->queue_.empty();
      },
      this));
  std::vector<Waiting> taken;
  std::size_t bytes = 0;
  while (!queue_.empty() && taken.size() < options_.max_batch_entries &&
         bytes < options_.max_batch_bytes) {
    // A change of the registry is a unit of its own: what follows is judged by
    // the registry that it makes.
    const bool alone = IsRegistryChange(queue_.front().candidate);
    if (alone && !taken.empty()) break;
    bytes += BytesOf(queue_.front().candidate);
    taken.push_back(std::move(queue_.front()));
    queue_.pop_front();
    if (alone) break;
  }
  return taken;
}

void Sequencer::Sequence(std::vector<Waiting> waiting) {
  Batch batch;
  batch.begin = log_->store().Size();
  absl::Status usable = broken_;
  // An index that is behind would not show what was published before.
  if (usable.ok()) usable = log_->Repair();
  // What is in the log without a checkpoint gets it first.
  if (usable.ok()) usable = Publish();
  for (Waiting& one : waiting) {
    absl::Status status = usable;
    if (status.ok()) status = Admit(&one, &batch);
    if (!status.ok()) one.done(status);
  }
  if (batch.answers.empty()) return;

  absl::Status appended = Append(batch);
  if (appended.ok()) {
    for (auto& [publisher, head] : batch.heads) {
      heads_[publisher] = std::move(head);
    }
    appended = Publish();
  }
  for (Batch::Answer& answer : batch.answers) {
    if (!appended.ok()) {
      answer.done(appended);
    } else if (answer.clash != nullptr) {
      answer.done(Conflict(*answer.clash));
    } else if (absl::Status s = checkpoints_->Prove(&answer.receipt); !s.ok()) {
      answer.done(absl::UnavailableError(s.message()));
    } else {
      answer.done(std::move(answer.receipt));
    }
  }
}

absl::Status Sequencer::Publish() {
  const absl::Status status = checkpoints_->PublishAll();
  if (status.ok()) return status;
  spdlog::error("cannot publish a checkpoint error=\"{}\"",
                std::string(status.message()));
  return absl::UnavailableError(status.message());
}

absl::Status Sequencer::Append(const Batch& batch) {
  if (batch.entries.empty()) return absl::OkStatus();
  const absl::Status status = log_->Append(batch.begin, batch.entries);
  if (status.ok()) return status;
  spdlog::error("cannot append entries={} position={} error=\"{}\"",
                batch.entries.size(), batch.begin,
                std::string(status.message()));
  // Whether they landed is not known, or somebody else writes, or what is
  // stored is damaged: to go on would risk using a position twice.
  if (absl::IsUnknown(status) || absl::IsAborted(status) ||
      absl::IsDataLoss(status)) {
    Break(status);
    return broken_;
  }
  return absl::UnavailableError(status.message());
}

void Sequencer::Break(const absl::Status& why) {
  spdlog::critical("takes no statements until restarted error=\"{}\"",
                   std::string(why.message()));
  broken_ = absl::UnavailableError(
      absl::StrCat("the hub does not take statements until it is restarted: ",
                   why.message()));
}

absl::Status Sequencer::Admit(Waiting* waiting, Batch* batch) {
  const Candidate& candidate = waiting->candidate;
  auto known = Find(candidate, *batch);
  if (!known.ok()) return absl::UnavailableError(known.status().message());
  // Before the key: what is in the log has its receipt whatever became of its
  // key since.
  if (known->has_value() &&
      (*known)->header_digest == candidate.header_digest) {
    return AnswerAgain((*known)->position, waiting, batch);
  }
  // Then the key: what its publisher did not sign is evidence of nothing.
  if (absl::Status s = IsRegistryChange(candidate)
                           ? CheckRegistrySignature(candidate)
                           : CheckKey(candidate);
      !s.ok()) {
    return s;
  }
  if (!IsRegistryChange(candidate)) {
    if (absl::Status s = CheckLogPolicy(); !s.ok()) return s;
  }
  if (known->has_value()) {
    AddClash("STATEMENT_ID_TAKEN", (*known)->position,
             absl::StrCat("statement ", candidate.header.statement_id(), " of ",
                          candidate.header.publisher(),
                          " was published before with another content; make a "
                          "new statement_id"),
             waiting, batch);
    return absl::OkStatus();
  }
  if (IsRegistryChange(candidate)) {
    if (absl::Status s = CheckRegistryChange(candidate); !s.ok()) return s;
  }
  auto taken = CheckChain(candidate, batch);
  if (!taken.ok()) return taken.status();
  if (taken->has_value()) {
    AddClash("SEQUENCE_TAKEN", **taken,
             absl::StrCat("statement ", candidate.header.statement_id(), " of ",
                          candidate.header.publisher(), " has sequence ",
                          candidate.header.sequence(),
                          ", which another statement has"),
             waiting, batch);
    return absl::OkStatus();
  }
  return AddEntry(waiting, batch);
}

absl::Status Sequencer::AddEntry(Waiting* waiting, Batch* batch) {
  Candidate& candidate = waiting->candidate;
  v1::Leaf leaf = LeafOf(candidate.statement);
  SetTime(NextRecordedTime(), &leaf);
  StoredEntry entry;
  entry.leaf = leaf.SerializeAsString();
  if (entry.leaf.size() > kMaxLeafBytes) {
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat(
            "statement ", candidate.header.statement_id(), " makes a leaf of ",
            entry.leaf.size(), " bytes, at most ", kMaxLeafBytes)),
        "TOO_LARGE", {{"limit", absl::StrCat(kMaxLeafBytes)}});
  }
  entry.payload = candidate.statement.payload();

  Batch::Answer answer;
  answer.done = std::move(waiting->done);
  answer.receipt.set_position(batch->begin +
                              static_cast<Position>(batch->entries.size()));
  answer.receipt.set_leaf(entry.leaf);
  for (v1::Warning& warning : candidate.warnings) {
    *answer.receipt.add_warnings() = std::move(warning);
  }
  const v1::StatementHeader& header = candidate.header;
  batch->ids[header.statement_id()] = {answer.receipt.position(),
                                       candidate.header_digest};
  batch->places[{header.publisher(), header.sequence()}] =
      answer.receipt.position();
  batch->heads[header.publisher()] = {header.sequence(),
                                      candidate.header_digest};
  batch->entries.push_back(std::move(entry));
  batch->answers.push_back(std::move(answer));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Sequencer::Known>> Sequencer::Find(
    const Candidate& candidate, const Batch& batch) const {
  const std::string& id = candidate.header.statement_id();
  if (auto sent = batch.ids.find(id); sent != batch.ids.end()) {
    return sent->second;
  }
  auto found = log_->index().FindById(id);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return std::nullopt;
  return Known{(*found)->position, (*found)->header_digest};
}

absl::Status Sequencer::AnswerAgain(Position position, Waiting* waiting,
                                    Batch* batch) const {
  Batch::Answer answer;
  answer.receipt.set_position(position);
  if (position >= batch->begin) {
    answer.receipt.set_leaf(
        batch->entries[static_cast<std::size_t>(position - batch->begin)].leaf);
  } else {
    auto entry = log_->store().Read(position, 1, 1);
    if (!entry.ok()) return absl::UnavailableError(entry.status().message());
    answer.receipt.set_leaf((*entry)[0].leaf);
  }
  answer.done = std::move(waiting->done);
  batch->answers.push_back(std::move(answer));
  return absl::OkStatus();
}

void Sequencer::AddClash(absl::string_view reason, Position first,
                         std::string text, Waiting* waiting,
                         Batch* batch) const {
  Batch::Answer answer;
  answer.done = std::move(waiting->done);
  answer.clash = std::make_unique<Clash>(
      Clash{reason, first, std::move(text), std::move(waiting->candidate)});
  batch->answers.push_back(std::move(answer));
}

absl::Status Sequencer::CheckKey(const Candidate& candidate) const {
  // Its signature was not checked since it was in the log already.
  if (candidate.registry == nullptr) {
    return absl::UnavailableError("the statement was not found; send it again");
  }
  const std::shared_ptr<const Federation> now = log_->registry().Snapshot();
  // The registry has changed since the signature was checked: does the key
  // still count?
  if (candidate.registry == now) return absl::OkStatus();
  return now
      ->FindKey(candidate.header.publisher(), candidate.statement.key_id(),
                kLatest)
      .status();
}

absl::Status Sequencer::CheckLogPolicy() const {
  const auto registry = log_->registry().Snapshot();
  const LogPolicyInForce* in_force = registry->log_policy();
  const NoteKey& own = checkpoints_->key();
  if (in_force != nullptr) {
    for (const NoteKey& key : in_force->policy.logs()) {
      if (key.name() == own.name() && key.key_id() == own.key_id()) {
        return absl::OkStatus();
      }
    }
  }
  return WithReason(
      absl::FailedPreconditionError(
          absl::StrCat("the registry has no log policy with this hub's key ",
                       own.ToString(), "; the secretariat has to publish one")),
      "NO_LOG_POLICY");
}

absl::Status Sequencer::CheckRegistrySignature(
    const Candidate& candidate) const {
  const std::shared_ptr<const Federation> registry =
      log_->registry().Snapshot();
  auto key =
      registry->FindKey(kSecretariat, candidate.statement.key_id(), kLatest);
  v1::RegistryChange change;
  if (!key.ok() && registry->next_position() == 0 &&
      candidate.header.sequence() == 1 &&
      change.ParseFromString(candidate.statement.payload())) {
    // The first statement of all brings the key that signed it.
    key = registry->FindBootstrapKey(change, candidate.statement.key_id());
  }
  if (!key.ok()) return key.status();
  return VerifyHeaderSignature(candidate.statement.header(),
                               candidate.statement.signature(), *key);
}

absl::Status Sequencer::CheckRegistryChange(const Candidate& candidate) const {
  v1::RegistryChange change;
  if (!change.ParseFromString(candidate.statement.payload())) {
    return WithReason(absl::InvalidArgumentError(
                          "payload does not parse as gaceta.v1.RegistryChange"),
                      "MALFORMED_PAYLOAD");
  }
  const std::shared_ptr<const Federation> registry =
      log_->registry().Snapshot();
  if (absl::Status s = registry->Check(change); !s.ok()) return s;
  if (auto violations = CheckMemberNames(*registry, change);
      !violations.empty()) {
    return InvalidFields("RULE_VIOLATION", violations);
  }
  // Witnesses that cannot read a change stop before it, and cosign nothing
  // more.
  const int version = VersionOf(change);
  if (version > 1 && !candidate.accept_older_witnesses &&
      !options_.quorum_reads(version)) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the registry change needs version ", version,
            " of the registry's form, and no quorum of witnesses that are "
            "connected now reads it; upgrade the nodes first, or force it")),
        "WITNESSES_TOO_OLD", {{"registry_version", absl::StrCat(version)}});
  }
  return CheckErasures(change);
}

absl::Status Sequencer::CheckErasures(const v1::RegistryChange& change) const {
  std::vector<FieldViolation> violations;
  for (int i = 0; i < change.items_size(); ++i) {
    const v1::Erasure& erasure = change.items(i).erasure();
    if (erasure.target_case() != v1::Erasure::kPosition) continue;
    const std::string field = absl::StrCat("items[", i, "].erasure.position");
    if (erasure.position() >= log_->store().Size()) {
      violations.push_back({field, absl::StrCat("is ", erasure.position(),
                                                ", but the log ends at ",
                                                log_->store().Size())});
      continue;
    }
    auto entry = log_->store().Read(erasure.position(), 1, 1);
    if (!entry.ok()) return absl::UnavailableError(entry.status().message());
    const auto header = HeaderOfLeaf(entry->front().leaf);
    if (header.has_value() && EntryVerifier::IsRegistryChange(*header)) {
      violations.push_back(
          {field, absl::StrCat("is ", erasure.position(),
                               ", a change of the registry, which stays")});
    }
  }
  return violations.empty() ? absl::OkStatus()
                            : InvalidFields("RULE_VIOLATION", violations);
}

absl::StatusOr<std::optional<Position>> Sequencer::CheckChain(
    const Candidate& candidate, Batch* batch) {
  const std::string& publisher = candidate.header.publisher();
  ChainHead head;
  if (auto next = batch->heads.find(publisher); next != batch->heads.end()) {
    head = next->second;
  } else if (auto kept = heads_.find(publisher); kept != heads_.end()) {
    head = kept->second;
  } else {
    auto stored = log_->index().Head(publisher);
    if (!stored.ok()) return absl::UnavailableError(stored.status().message());
    head = heads_[publisher] = *std::move(stored);
  }
  const absl::Status follows = CheckFollows(head, candidate.header);
  if (follows.ok()) return std::nullopt;
  if (Reason(follows) != "SEQUENCE_TAKEN") return follows;

  const std::uint64_t sequence = candidate.header.sequence();
  auto place = batch->places.find(std::make_pair(publisher, sequence));
  if (place != batch->places.end()) return place->second;
  auto first = log_->index().FindBySequence(publisher, sequence);
  if (!first.ok()) return absl::UnavailableError(first.status().message());
  if (!first->has_value()) return follows;
  return (*first)->position;
}

absl::Status Sequencer::Conflict(const Clash& clash) const {
  auto leaf = ReadLeaf(log_->store(), clash.first);
  if (!leaf.ok()) return absl::UnavailableError(leaf.status().message());
  auto path = evidence_->KeepConflict(clash.reason, *leaf,
                                      LeafOf(clash.refused.statement));
  if (!path.ok()) return path.status();
  const v1::StatementHeader& header = clash.refused.header;
  spdlog::error("conflicting statements publisher={} reason={} evidence={}",
                header.publisher(), std::string(clash.reason), *path);
  return WithReason(absl::AlreadyExistsError(absl::StrCat(
                        clash.text, "; both are kept as evidence by the hub")),
                    clash.reason,
                    {{"position", absl::StrCat(clash.first)},
                     {"sequence", absl::StrCat(header.sequence())}});
}

absl::Time Sequencer::NextRecordedTime() {
  // A clock that is set back must not make times fall along the log.
  last_recorded_ = std::max(last_recorded_, options_.clock());
  return last_recorded_;
}

}  // namespace gaceta
