#include "server/node/outbox.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

absl::Status IdTaken(absl::string_view submission_id) {
  return WithReason(absl::AlreadyExistsError(absl::StrCat(
                        "submission ", submission_id,
                        " was made before with another update; use a new id")),
                    "SUBMISSION_ID_TAKEN",
                    {{"submission_id", std::string(submission_id)}});
}

absl::Status OutboxFull(std::uint64_t limit) {
  return WithReason(
      absl::ResourceExhaustedError(absl::StrCat(
          "outbox holds ", limit,
          " submissions that the hub does not have yet, the most it may; send "
          "again when the hub has taken some")),
      "OUTBOX_FULL", {{"limit", absl::StrCat(limit)}});
}

// The end of a chain of pending statements that begins after `accepted`.
std::uint64_t CountPending(const ChainHead& accepted, const ChainHead& tail) {
  return tail.sequence - accepted.sequence;
}

Outbox::Pending ToPending(OutboxRow row) {
  return {std::move(row.submission_id), std::move(row.place),
          std::move(row.statement), std::move(row.documents)};
}

void SetAccepted(const Outbox::Accepted& accepted, OutboxRow* row) {
  row->state = v1::Submission::STATE_ACCEPTED;
  row->place = accepted.place;
  row->position = accepted.receipt.position();
  row->outcome.clear_error();
  *row->outcome.mutable_receipt() = accepted.receipt;
}

}  // namespace

absl::StatusOr<bool> OutboxHistory::Has(absl::string_view submission_id) const {
  auto row = file_->Find(submission_id);
  if (!row.ok()) return row.status();
  return row->has_value() && (*row)->state != v1::Submission::STATE_REFUSED;
}

absl::StatusOr<bool> OutboxHistory::IsKnownInstrument(
    absl::string_view uri) const {
  return file_->IsKnownInstrument(uri);
}

absl::StatusOr<std::optional<v1::VersionStatus>> OutboxHistory::LastStatus(
    absl::string_view uri, Position mirrored) const {
  return file_->LastStatus(uri, mirrored);
}

Outbox::Outbox(Options options, const StatementSigner* signer,
               std::unique_ptr<OutboxFile> writer,
               std::unique_ptr<OutboxFile> reader)
    : options_(std::move(options)),
      signer_(signer),
      writer_(std::move(writer)),
      reader_(std::move(reader)) {}

Outbox::~Outbox() = default;

absl::StatusOr<std::unique_ptr<Outbox>> Outbox::Open(
    Options options, const StatementSigner* signer) {
  auto writer = OutboxFile::Open(options.path);
  if (!writer.ok()) return writer.status();
  auto reader = OutboxFile::OpenReader(options.path);
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<Outbox>(new Outbox(
      std::move(options), signer, *std::move(writer), *std::move(reader)));
}

absl::StatusOr<v1::Submission> Outbox::Add(absl::string_view submission_id,
                                           absl::string_view content_digest,
                                           const Check& check) {
  Waiting self{submission_id, content_digest, &check};
  std::vector<Waiting*> batch;
  {
    absl::MutexLock lock(&queue_mu_);
    queue_.push_back(&self);
    // Whoever finds nobody at work commits for all who wait by then.
    const auto my_turn = [this, &self]() ABSL_SHARED_LOCKS_REQUIRED(queue_mu_) {
      return self.done || !committing_;
    };
    queue_mu_.Await(absl::Condition(&my_turn));
    if (self.done) return std::move(self.result);
    committing_ = true;
    batch.swap(queue_);
  }
  CommitBatch(batch);
  absl::MutexLock lock(&queue_mu_);
  committing_ = false;
  for (Waiting* waiting : batch) waiting->done = true;
  return std::move(self.result);
}

void Outbox::CommitBatch(absl::Span<Waiting* const> batch) {
  std::vector<std::string> added;
  absl::Status status;
  {
    absl::MutexLock lock(&write_mu_);
    status =
        writer_->Transact("cannot keep submissions", [&]() -> absl::Status {
          write_mu_.AssertHeld();
          auto tail = Tail();
          if (!tail.ok()) return tail.status();
          for (Waiting* waiting : batch) {
            if (absl::Status s = AddOne(waiting, &*tail); !s.ok()) return s;
          }
          return absl::OkStatus();
        });
  }
  for (Waiting* waiting : batch) {
    if (!status.ok()) {
      waiting->result = status;
    } else if (waiting->added) {
      added.emplace_back(waiting->submission_id);
    }
  }
  Notify(added);
}

absl::Status Outbox::AddOne(Waiting* waiting, ChainHead* tail) {
  auto existing = writer_->Find(waiting->submission_id);
  if (!existing.ok()) return existing.status();
  if (existing->has_value()) {
    if ((*existing)->content_digest == waiting->content_digest) {
      waiting->result = (*existing)->ToProto();
    } else {
      waiting->result = IdTaken(waiting->submission_id);
    }
    return absl::OkStatus();
  }

  auto checked = (*waiting->check)(OutboxHistory(writer_.get()));
  if (!checked.ok()) {
    waiting->result = checked.status();
    return absl::OkStatus();
  }
  auto accepted = writer_->AcceptedHead();
  if (!accepted.ok()) return accepted.status();
  if (CountPending(*accepted, *tail) >= options_.max_pending) {
    waiting->result = OutboxFull(options_.max_pending);
    return absl::OkStatus();
  }

  OutboxRow row;
  row.create_time = options_.now();
  auto statement =
      signer_->Sign(*tail,
                    {std::string(waiting->submission_id), checked->agency,
                     std::string(kUpdatePayloadType),
                     std::move(checked->payload), std::move(checked->audience)},
                    row.create_time);
  if (!statement.ok()) return statement.status();
  row.submission_id = std::string(waiting->submission_id);
  row.agency = std::move(checked->agency);
  row.place = {tail->sequence + 1, Sha256(statement->header())};
  row.statement = *std::move(statement);
  row.content_digest = std::string(waiting->content_digest);
  row.documents = std::move(checked->documents);
  row.instrument = std::move(checked->instrument);
  row.status = checked->status;
  for (v1::Warning& warning : checked->warnings) {
    *row.outcome.add_warnings() = std::move(warning);
  }
  if (absl::Status s = writer_->Insert(row); !s.ok()) return s;
  *tail = row.place;
  waiting->result = row.ToProto();
  waiting->added = true;
  return absl::OkStatus();
}

absl::StatusOr<CheckedSubmission> Outbox::CheckOnly(const Check& check) {
  absl::MutexLock lock(&write_mu_);
  return check(OutboxHistory(writer_.get()));
}

absl::StatusOr<ChainHead> Outbox::Tail() const {
  auto last = writer_->LastPending();
  if (!last.ok()) return last.status();
  if (last->has_value()) return **last;
  return writer_->AcceptedHead();
}

absl::StatusOr<std::optional<v1::Submission>> Outbox::Find(
    absl::string_view submission_id) const {
  absl::MutexLock lock(&read_mu_);
  auto row = reader_->Find(submission_id);
  if (!row.ok()) return row.status();
  if (!row->has_value()) return std::nullopt;
  return (*row)->ToProto();
}

absl::StatusOr<std::optional<std::string>> Outbox::FindPayload(
    absl::string_view submission_id) const {
  absl::MutexLock lock(&read_mu_);
  auto row = reader_->Find(submission_id);
  if (!row.ok()) return row.status();
  if (!row->has_value()) return std::nullopt;
  return std::move(*(*row)->statement.mutable_payload());
}

absl::StatusOr<Outbox::Page> Outbox::List(
    const std::optional<std::string>& agency, std::int64_t begin,
    int max_count) const {
  absl::MutexLock lock(&read_mu_);
  const std::int64_t before =
      begin == 0 ? std::numeric_limits<std::int64_t>::max() : begin;
  // One more than wanted says whether there is another page.
  auto rows = reader_->ListNewest(agency, before, max_count + 1);
  if (!rows.ok()) return rows.status();
  Page page;
  for (const OutboxRow& row : *rows) {
    if (static_cast<int>(page.submissions.size()) == max_count) {
      page.next = row.number + 1;
      break;
    }
    page.submissions.push_back(row.ToProto());
  }
  return page;
}

absl::StatusOr<std::vector<Outbox::Pending>> Outbox::ListPending(
    std::uint64_t sequence, int max_count) const {
  absl::MutexLock lock(&read_mu_);
  auto rows = reader_->ListPending(sequence, max_count);
  if (!rows.ok()) return rows.status();
  std::vector<Pending> pending;
  pending.reserve(rows->size());
  for (OutboxRow& row : *rows) pending.push_back(ToPending(std::move(row)));
  return pending;
}

absl::StatusOr<std::uint64_t> Outbox::PendingCount() const {
  absl::MutexLock lock(&write_mu_);
  auto accepted = writer_->AcceptedHead();
  if (!accepted.ok()) return accepted.status();
  auto tail = Tail();
  if (!tail.ok()) return tail.status();
  return CountPending(*accepted, *tail);
}

absl::StatusOr<ChainHead> Outbox::AcceptedHead() const {
  absl::MutexLock lock(&read_mu_);
  return reader_->AcceptedHead();
}

absl::Status Outbox::Accept(absl::Span<const Accepted> accepted) {
  std::vector<std::string> changed;
  absl::Status status;
  {
    absl::MutexLock lock(&write_mu_);
    status = writer_->Transact("cannot record receipts", [&]() -> absl::Status {
      write_mu_.AssertHeld();
      auto head = writer_->AcceptedHead();
      if (!head.ok()) return head.status();
      for (const Accepted& one : accepted) {
        auto row = writer_->Find(one.submission_id);
        if (!row.ok()) return row.status();
        if (!row->has_value() ||
            (*row)->state != v1::Submission::STATE_PENDING ||
            (*row)->place != one.place ||
            one.place.sequence != head->sequence + 1) {
          return absl::InternalError(absl::StrCat(
              "receipt of submission ", one.submission_id, " at sequence ",
              one.place.sequence, " does not follow the accepted sequence ",
              head->sequence));
        }
        SetAccepted(one, &**row);
        if (absl::Status s = writer_->Update(**row); !s.ok()) return s;
        *head = one.place;
        changed.push_back(one.submission_id);
      }
      return writer_->SetAcceptedHead(*head);
    });
  }
  if (status.ok()) Notify(changed);
  return status;
}

absl::Status Outbox::Erase(absl::string_view submission_id) {
  absl::MutexLock lock(&write_mu_);
  bool erased = false;
  absl::Status status =
      writer_->Transact("cannot erase a submission", [&]() -> absl::Status {
        write_mu_.AssertHeld();
        auto row = writer_->Find(submission_id);
        if (!row.ok()) return row.status();
        if (!row->has_value() ||
            (*row)->state != v1::Submission::STATE_ACCEPTED ||
            (*row)->statement.payload().empty()) {
          return absl::OkStatus();
        }
        erased = true;
        (*row)->statement.clear_payload();
        (*row)->outcome.clear_warnings();
        if (absl::Status s = writer_->Update(**row); !s.ok()) return s;
        return writer_->ClearSubject((*row)->number);
      });
  return status.ok() && erased ? writer_->EmptyWal() : status;
}

absl::Status Outbox::Refuse(absl::string_view submission_id,
                            const absl::Status& error) {
  std::vector<std::string> changed;
  absl::Status status;
  {
    absl::MutexLock lock(&write_mu_);
    status =
        writer_->Transact("cannot record a refusal", [&]() -> absl::Status {
          write_mu_.AssertHeld();
          auto row = writer_->Find(submission_id);
          if (!row.ok()) return row.status();
          auto head = writer_->AcceptedHead();
          if (!head.ok()) return head.status();
          if (!row->has_value() ||
              (*row)->state != v1::Submission::STATE_PENDING ||
              (*row)->place.sequence != head->sequence + 1) {
            return absl::InternalError(
                absl::StrCat("refused submission ", submission_id,
                             " is not the first that is pending"));
          }
          (*row)->state = v1::Submission::STATE_REFUSED;
          *(*row)->outcome.mutable_error() = ToRpcStatus(error);
          if (absl::Status s = writer_->Update(**row); !s.ok()) return s;
          changed.emplace_back(submission_id);
          return SignAnew(*head, &changed);
        });
  }
  if (status.ok()) Notify(changed);
  return status;
}

absl::Status Outbox::Rebase(const ChainHead& head,
                            absl::Span<const Accepted> accepted) {
  std::vector<std::string> changed;
  absl::Status status;
  {
    absl::MutexLock lock(&write_mu_);
    status =
        writer_->Transact("cannot rebase the chain", [&]() -> absl::Status {
          write_mu_.AssertHeld();
          for (const Accepted& one : accepted) {
            auto row = writer_->Find(one.submission_id);
            if (!row.ok()) return row.status();
            if (!row->has_value()) continue;
            SetAccepted(one, &**row);
            if (absl::Status s = writer_->Update(**row); !s.ok()) return s;
            changed.push_back(one.submission_id);
          }
          if (absl::Status s = writer_->SetAcceptedHead(head); !s.ok())
            return s;
          return SignAnew(head, &changed);
        });
  }
  if (status.ok()) Notify(changed);
  return status;
}

absl::Status Outbox::SignAnew(const ChainHead& head,
                              std::vector<std::string>* changed) {
  auto numbers = writer_->PendingNumbers();
  if (!numbers.ok()) return numbers.status();
  ChainHead tail = head;
  for (const std::int64_t number : *numbers) {
    auto found = writer_->FindNumber(number);
    if (!found.ok()) return found.status();
    if (!found->has_value()) {
      return absl::InternalError(
          absl::StrCat("pending submission number ", number, " is gone"));
    }
    OutboxRow& row = **found;
    auto header = ParseHeader(row.statement.header());
    if (!header.ok()) return header.status();
    auto statement =
        signer_->Sign(tail,
                      {row.submission_id, row.agency, header->payload_type(),
                       row.statement.payload(), header->audience()},
                      options_.now());
    if (!statement.ok()) return statement.status();
    row.place = {tail.sequence + 1, Sha256(statement->header())};
    row.statement = *std::move(statement);
    if (absl::Status s = writer_->Update(row); !s.ok()) return s;
    tail = row.place;
    changed->push_back(row.submission_id);
  }
  return absl::OkStatus();
}

void Outbox::Notify(const std::vector<std::string>& ids) const {
  if (listener_ != nullptr && !ids.empty()) listener_(ids);
}

}  // namespace gaceta
