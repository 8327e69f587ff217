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

}  // namespace

struct Sequencer::Batch {
  // One for each statement of the unit, in order.
  struct Answer {
    Done done;
    v1::Receipt receipt;
  };
  Position begin = 0;
  std::vector<StoredEntry> entries;
  std::vector<Answer> answers;
  // Chains as they will be once the unit is durable.
  absl::flat_hash_map<std::string, ChainHead> heads;
  // Ids of the unit: where, and with which header.
  struct Known {
    std::size_t entry;
    std::string header_digest;
  };
  absl::flat_hash_map<std::string, Known> ids;
};

Sequencer::Sequencer(ProjectedLog* log, EvidenceFolder* evidence,
                     Options options)
    : log_(log), evidence_(evidence), options_(std::move(options)) {
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
  for (Waiting& one : waiting) {
    absl::Status status = broken_;
    if (status.ok()) status = Admit(&one, &batch);
    if (!status.ok() && one.done) one.done(status);
  }
  if (batch.answers.empty()) return;

  const absl::Status appended = Append(batch);
  if (appended.ok()) {
    for (auto& [publisher, head] : batch.heads) {
      heads_[publisher] = std::move(head);
    }
  }
  for (Batch::Answer& answer : batch.answers) {
    if (appended.ok()) {
      answer.done(std::move(answer.receipt));
    } else {
      answer.done(appended);
    }
  }
}

absl::Status Sequencer::Append(const Batch& batch) {
  if (batch.entries.empty()) return absl::OkStatus();
  const absl::Status status = log_->Append(batch.begin, batch.entries);
  if (status.ok()) return status;
  spdlog::error("cannot append entries={} position={} error=\"{}\"",
                batch.entries.size(), batch.begin,
                std::string(status.message()));
  if (absl::IsUnknown(status) || absl::IsAborted(status)) {
    // Whether they landed is not known, or somebody else writes: to go on
    // would risk using a position twice.
    broken_ = absl::UnavailableError(absl::StrCat(
        "the hub does not take statements until it is restarted: ",
        status.message()));
    return broken_;
  }
  return absl::UnavailableError(status.message());
}

absl::Status Sequencer::Admit(Waiting* waiting, Batch* batch) {
  Candidate& candidate = waiting->candidate;
  // The key first: what its publisher did not sign is evidence of nothing.
  if (absl::Status s = IsRegistryChange(candidate)
                           ? CheckRegistrySignature(candidate)
                           : CheckKey(candidate);
      !s.ok()) {
    return s;
  }
  auto known = AnswerKnown(waiting, batch);
  if (!known.ok()) return known.status();
  if (*known) return absl::OkStatus();
  if (IsRegistryChange(candidate)) {
    if (absl::Status s = CheckRegistryChange(candidate); !s.ok()) return s;
  }
  if (absl::Status s = CheckChain(candidate, batch); !s.ok()) return s;

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
  batch->ids[candidate.header.statement_id()] = {batch->entries.size(),
                                                 candidate.header_digest};
  batch->heads[candidate.header.publisher()] = {candidate.header.sequence(),
                                                candidate.header_digest};
  batch->entries.push_back(std::move(entry));
  batch->answers.push_back(std::move(answer));
  return absl::OkStatus();
}

absl::StatusOr<bool> Sequencer::AnswerKnown(Waiting* waiting, Batch* batch) {
  const Candidate& candidate = waiting->candidate;
  const std::string& id = candidate.header.statement_id();
  const std::string again = absl::StrCat(
      "statement ", id, " of ", candidate.header.publisher(),
      " was published before with another content; make a new statement_id");

  if (auto sent = batch->ids.find(id); sent != batch->ids.end()) {
    if (sent->second.header_digest != candidate.header_digest) {
      return WithReason(absl::AlreadyExistsError(again), "STATEMENT_ID_TAKEN");
    }
    Batch::Answer answer;
    answer.done = std::move(waiting->done);
    answer.receipt.set_position(batch->begin +
                                static_cast<Position>(sent->second.entry));
    answer.receipt.set_leaf(batch->entries[sent->second.entry].leaf);
    batch->answers.push_back(std::move(answer));
    return true;
  }

  auto found = log_->index().FindById(id);
  if (!found.ok()) return absl::UnavailableError(found.status().message());
  if (!found->has_value()) return false;
  if ((*found)->header_digest != candidate.header_digest) {
    return Conflict("STATEMENT_ID_TAKEN", candidate, (*found)->position, again);
  }
  auto entry = log_->store().Read((*found)->position, 1, 1);
  if (!entry.ok()) return absl::UnavailableError(entry.status().message());
  v1::Receipt receipt;
  receipt.set_position((*found)->position);
  receipt.set_leaf((*entry)[0].leaf);
  // Answered with the batch, so that answers keep the order of statements.
  batch->answers.push_back({std::move(waiting->done), std::move(receipt)});
  return true;
}

absl::Status Sequencer::CheckKey(const Candidate& candidate) const {
  const std::shared_ptr<const Federation> now = log_->registry().Snapshot();
  // The registry has changed since the signature was checked: does the key
  // still count?
  if (candidate.registry == now) return absl::OkStatus();
  return now
      ->FindKey(candidate.header.publisher(), candidate.statement.key_id())
      .status();
}

absl::Status Sequencer::CheckRegistrySignature(
    const Candidate& candidate) const {
  const std::shared_ptr<const Federation> registry =
      log_->registry().Snapshot();
  auto key = registry->FindKey(kSecretariat, candidate.statement.key_id());
  v1::RegistryChange change;
  if (!key.ok() && candidate.header.sequence() == 1 &&
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
  return log_->registry().Snapshot()->Check(change);
}

absl::Status Sequencer::CheckChain(const Candidate& candidate, Batch* batch) {
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
  if (Reason(follows) != "SEQUENCE_TAKEN") return follows;

  auto first = log_->index().FindBySequence(publisher,
                                            candidate.header.sequence());
  if (!first.ok()) return absl::UnavailableError(first.status().message());
  // Not there yet: it is in this very unit, and refused without evidence; the
  // publisher meets the evidence if it insists.
  if (!first->has_value()) return follows;
  return Conflict("SEQUENCE_TAKEN", candidate, (*first)->position,
                  std::string(follows.message()));
}

absl::Status Sequencer::Conflict(absl::string_view reason,
                                 const Candidate& candidate, Position first,
                                 const std::string& text) const {
  auto entry = log_->store().Read(first, 1, 1);
  if (!entry.ok()) return absl::UnavailableError(entry.status().message());
  v1::Leaf leaf;
  leaf.ParseFromString((*entry)[0].leaf);
  auto path = evidence_->KeepConflict(reason, leaf,
                                      LeafOf(candidate.statement));
  if (!path.ok()) return path.status();
  spdlog::error("conflicting statements publisher={} reason={} evidence={}",
                candidate.header.publisher(), std::string(reason), *path);
  return WithReason(
      absl::AlreadyExistsError(absl::StrCat(
          text, "; both are kept as evidence by the hub")),
      reason,
      {{"position", absl::StrCat(first)},
       {"sequence", absl::StrCat(candidate.header.sequence())}});
}

absl::Time Sequencer::NextRecordedTime() {
  // A clock that is set back must not make times fall along the log.
  last_recorded_ = std::max(last_recorded_, options_.clock());
  return last_recorded_;
}

}  // namespace gaceta
