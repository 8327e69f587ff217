#include "server/node/mirror.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "spdlog/spdlog.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

constexpr absl::Duration kHeartbeat = absl::Seconds(10);

// Why this server has no payload, in the words that its own readers get.
v1::Entry::Omission KeptOmission(v1::Entry::Omission seen) {
  // What this node did not ask for, it does not keep. What is erased is so here
  // when the registry's statement that says it is mirrored as well.
  const bool is_not_kept = seen == v1::Entry::OMISSION_NOT_REQUESTED ||
                           seen == v1::Entry::OMISSION_ERASED;
  return is_not_kept ? v1::Entry::OMISSION_NOT_KEPT : seen;
}

std::string Milliseconds(absl::Duration wait) {
  return absl::FormatDuration(absl::Trunc(wait, absl::Milliseconds(1)));
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", time, absl::UTCTimeZone());
}

// Whether asking again cannot help: the hub's log is not the one mirrored.
bool IsFinal(const absl::Status& status) {
  return absl::IsDataLoss(status) || absl::IsOutOfRange(status) ||
         absl::IsAborted(status);
}

}  // namespace

Mirror::Mirror(MirrorOptions options, ProjectedLog* log, const Outbox* outbox,
               LogTrust* trust)
    : options_(std::move(options)),
      log_(log),
      outbox_(outbox),
      trust_(trust),
      freshness_(options_.evidence_folder) {}

Mirror::~Mirror() { Stop(); }

absl::Status Mirror::Start() {
  if (absl::Status s = trust_->status(); !s.ok()) {
    // The node serves what it has, until a person has looked at it.
    absl::MutexLock lock(&mu_);
    status_ = s;
    return absl::OkStatus();
  }
  if (absl::Status s = Subscribe(); !s.ok()) return s;
  spdlog::info("mirror follows hub position={}", log_->store().Size());
  thread_ = std::thread([this] { Run(); });
  return absl::OkStatus();
}

absl::Status Mirror::Subscribe() {
  auto end = EndOfLog();
  if (!end.ok()) return Annotate(end.status(), "cannot resume the mirror");
  client::SubscriberOptions options;
  options.source = options_.source;
  options.filter = options_.filter;
  options.resume = *std::move(end);
  options.include_unmatched_headers = true;
  options.heartbeat = kHeartbeat;
  options.evidence_folder = options_.evidence_folder;
  options.backoff = options_.backoff;
  options.on_disconnect = [this, last = std::string()](
                              const absl::Status& why,
                              absl::Duration wait) mutable {
    LogDisconnect(why, wait, &last);
  };
  auto subscriber = client::Subscriber::Create(std::move(options));
  if (!subscriber.ok()) return subscriber.status();
  // The old one ends outside the lock, since it waits for its thread.
  std::unique_ptr<client::Subscriber> old = *std::move(subscriber);
  absl::MutexLock lock(&mu_);
  subscriber_.swap(old);
  if (stopping_) subscriber_->Stop();
  return absl::OkStatus();
}

void Mirror::LogDisconnect(const absl::Status& why, absl::Duration wait,
                           std::string* last) {
  // Each trouble is told once, not at every attempt.
  std::string text(why.message());
  const bool is_new = connected_.exchange(false) || text != *last;
  spdlog::log(is_new ? spdlog::level::warn : spdlog::level::debug,
              "mirror disconnected why=\"{}\" next_attempt_in={}", text,
              Milliseconds(wait));
  *last = std::move(text);
}

void Mirror::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    if (subscriber_ != nullptr) subscriber_->Stop();
  }
  if (thread_.joinable()) thread_.join();
}

absl::Status Mirror::status() const {
  absl::MutexLock lock(&mu_);
  return status_;
}

absl::StatusOr<EntryVerifier::State> Mirror::EndOfLog() const {
  EntryVerifier::State state;
  if (const LogHeadPtr head = log_->head()) state.checkpoint = head->note;
  state.next_position = log_->store().Size();
  std::vector<std::string> publishers = {std::string(kSecretariat)};
  for (const auto& [id, member] : log_->registry().Snapshot()->members()) {
    publishers.push_back(id);
  }
  for (const std::string& publisher : publishers) {
    auto head = log_->index().Head(publisher);
    if (!head.ok()) return head.status();
    if (head->sequence > 0) state.heads[publisher] = *std::move(head);
  }
  return state;
}

void Mirror::Run() {
  client::BackoffOptions waits;
  waits.initial = std::min(absl::Seconds(1), options_.hold);
  waits.max = options_.hold;
  client::Backoff backoff(waits);
  while (true) {
    client::Subscriber* subscriber = nullptr;
    {
      absl::MutexLock lock(&mu_);
      subscriber = subscriber_.get();
    }
    const Position begin = log_->store().Size();
    absl::Status status = Follow(subscriber);
    if (log_->store().Size() != begin) backoff.Reset();
    const absl::Duration wait = backoff.Next();
    {
      absl::MutexLock lock(&mu_);
      if (stopping_) return;
      if (IsFinal(status)) {
        status_ = status;
        if (absl::IsDataLoss(status)) trust_->Lose(status);
        spdlog::error(
            "mirror ended position={} reason={} error=\"{}\" next_step=\"tell "
            "the hub's operator; this node serves what it has\"",
            log_->store().Size(), Reason(status),
            std::string(status.message()));
        return;
      }
      spdlog::error(
          "mirror refused position={} reason={} error=\"{}\" "
          "next_attempt_in={}",
          log_->store().Size(), Reason(status), std::string(status.message()),
          absl::FormatDuration(wait));
      if (mu_.AwaitWithTimeout(absl::Condition(&stopping_), wait)) return;
    }
    if (absl::Status s = Subscribe(); !s.ok()) {
      spdlog::error("mirror cannot subscribe error=\"{}\"",
                    std::string(s.message()));
    }
  }
}

absl::Status Mirror::Follow(client::Subscriber* subscriber) {
  while (true) {
    if (absl::Status s = trust_->status(); !s.ok()) return s;
    auto delivery = subscriber->Next(absl::Now() + kHeartbeat);
    SayFreshness(*subscriber);
    if (absl::IsDeadlineExceeded(delivery.status())) continue;
    if (!delivery.ok()) return delivery.status();
    freshness_.Saw(*delivery);
    if (!connected_.exchange(true)) {
      spdlog::info("mirror connected position={}", log_->store().Size());
    }
    const bool live = delivery->live;
    if (absl::Status s = Keep(std::move(delivery->entries)); !s.ok()) return s;
    if (absl::Status s = Publish(*delivery); !s.ok()) return s;
    if (live == live_) continue;
    live_ = live;
    spdlog::info("mirror {} position={}", live ? "live" : "catching up",
                 log_->store().Size());
  }
}

absl::Status Mirror::Keep(std::vector<VerifiedEntry> entries) {
  if (entries.empty()) return absl::OkStatus();
  const Position begin = log_->store().Size();
  std::vector<StoredEntry> stored;
  stored.reserve(entries.size());
  for (VerifiedEntry& entry : entries) {
    const Position expected = begin + static_cast<Position>(stored.size());
    if (entry.position != expected) {
      return WithReason(
          absl::DataLossError(absl::StrCat(
              "the hub sent entry ", entry.position, ", expected entry ",
              expected, ": a mirror must have every one")),
          "POSITION_ORDER");
    }
    stored.push_back(ToStored(std::move(entry)));
  }
  // A disk that is full or busy may be well again soon.
  client::Backoff backoff(options_.backoff);
  while (true) {
    absl::Status status = log_->Append(begin, stored);
    if (status.ok()) break;
    const bool retry =
        absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
    if (!retry) return status;
    spdlog::error("mirror cannot write position={} error=\"{}\"", begin,
                  std::string(status.message()));
    absl::MutexLock lock(&mu_);
    if (mu_.AwaitWithTimeout(absl::Condition(&stopping_), backoff.Next())) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Mirror::Publish(const client::Delivery& delivery) {
  if (delivery.checkpoint.empty()) return absl::OkStatus();
  auto newest = CheckpointOf(delivery.checkpoint);
  if (!newest.ok()) return newest.status();
  const Position kept = log_->store().Size();
  // What the hub's newest checkpoint has may still be on its way, while the log
  // grows: then an earlier one is waited for.
  if (newest->size <= kept) {
    target_ = {*newest, delivery.checkpoint};
  }
  if (target_.checkpoint.size > log_->Size() &&
      target_.checkpoint.size <= kept) {
    if (absl::Status s = PublishTarget(); !s.ok()) return s;
    trust_->Check();
    if (listener_ != nullptr) listener_();
  }
  if (newest->size > kept && target_.checkpoint.size <= log_->Size()) {
    target_ = {*newest, delivery.checkpoint};
  }
  return PublishCosigned(delivery.cosigned_checkpoint);
}

absl::Status Mirror::PublishTarget() {
  const Checkpoint& checkpoint = target_.checkpoint;
  auto root = log_->tree().Root(checkpoint.size);
  if (!root.ok()) return root.status();
  if (*root != checkpoint.root) {
    return WithReason(
        absl::DataLossError(absl::StrCat(
            "the mirrored log of ", checkpoint.size,
            " entries is not the one of the hub's checkpoint: this node's copy "
            "is damaged")),
        "MIRROR_DAMAGED");
  }
  return log_->Publish(checkpoint, target_.note);
}

absl::Status Mirror::PublishCosigned(const std::string& note) {
  if (note.empty() || note == published_cosigned_) return absl::OkStatus();
  auto checkpoint = CheckpointOf(note);
  if (!checkpoint.ok()) return checkpoint.status();
  if (checkpoint->size > log_->Size()) return absl::OkStatus();
  published_cosigned_ = note;
  return log_->PublishCosigned(*checkpoint, note);
}

void Mirror::SayFreshness(const client::Subscriber& subscriber) {
  using Kind = client::FreshnessWatch::Finding::Kind;
  const auto found =
      freshness_.Check(subscriber.registry().get(), subscriber.last_heard(),
                       cosigned_ == nullptr ? "" : cosigned_());
  if (!found.has_value()) return;
  switch (found->kind) {
    case Kind::kStale:
      spdlog::error(
          "no quorum of witnesses vouches for the end of the log since={} "
          "evidence={} next_step=\"ask the hub's operator: witnesses are away, "
          "or the hub keeps something back\"",
          TimeText(found->since), found->evidence_file);
      break;
    case Kind::kClocksDiffer:
      spdlog::error(
          "this computer's clock is not that of the witnesses own_clock={} "
          "witnesses_clock={} next_step=\"set this computer's clock; if it is "
          "right, ask the hub's operator whether witnesses are away\"",
          TimeText(found->own_clock), TimeText(found->since));
      break;
    case Kind::kOver:
      spdlog::info(
          "a quorum of witnesses vouches for the end of the log again at={}",
          TimeText(found->since));
      break;
  }
}

StoredEntry Mirror::ToStored(VerifiedEntry entry) const {
  StoredEntry stored;
  stored.leaf = std::move(*entry.entry.mutable_leaf());
  stored.payload = std::move(*entry.entry.mutable_payload());
  stored.omission = KeptOmission(entry.entry.omission());
  if (entry.entry.omission() == v1::Entry::OMISSION_UNSPECIFIED ||
      entry.entry.omission() == v1::Entry::OMISSION_ERASED ||
      entry.header.publisher() != options_.publisher) {
    return stored;
  }
  // The state's own, which the filter does not pass: the outbox has it.
  auto payload = outbox_->FindPayload(entry.header.statement_id());
  if (payload.ok() && payload->has_value() &&
      VerifyPayload(entry.header, **payload).ok()) {
    stored.payload = std::move(**payload);
    stored.omission = v1::Entry::OMISSION_UNSPECIFIED;
  }
  return stored;
}

}  // namespace gaceta
