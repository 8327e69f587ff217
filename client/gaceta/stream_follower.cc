#include "gaceta/stream_follower.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/steady_time.h"
#include "errors/errors.h"
#include "gaceta/evidence_folder.h"
#include "gaceta/log_proofs.h"
#include "gaceta/retry.h"
#include "verify/omission.h"

namespace gaceta::client {
namespace {

// So many heartbeats without a word, and a connection counts as dead.
constexpr int kMissedHeartbeats = 3;
// The shortest that servers take.
constexpr absl::Duration kMinHeartbeat = absl::Seconds(1);

// Whether the server will give the same answer again.
bool IsFinal(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

absl::Status Loss(absl::string_view reason, absl::string_view text) {
  return WithReason(absl::DataLossError(text), reason);
}

// A failure is told without it, if the server does not answer.
constexpr absl::Duration kCheckpointPatience = absl::Seconds(5);

absl::Status Shortened(std::int64_t seen, absl::string_view what) {
  return Loss("LOG_SHORTENED",
              absl::StrCat("log is shorter than what this subscriber has seen, "
                           "up to position ",
                           seen, ": ", what));
}

// Whether the stream holds every statement of the publishers that it shows; the
// header of Subscriber says why.
bool HasCompleteChains(const SubscriberOptions& options) {
  if (options.include_unmatched_headers) return true;
  v1::Filter rest = options.filter;
  rest.clear_states();
  return rest.ByteSizeLong() == 0;
}

// Whether the stream shows every entry of the log.
bool ShowsEveryEntry(const SubscriberOptions& options) {
  return options.include_unmatched_headers ||
         options.filter.ByteSizeLong() == 0;
}

absl::Status Withheld(std::int64_t position) {
  return Loss("ENTRY_WITHHELD",
              absl::StrCat("entry ", position,
                           " was left out of a stream that shows all"));
}

void SetTime(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const std::int64_t seconds = absl::ToUnixSeconds(time);
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(static_cast<std::int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

void SetDuration(absl::Duration duration, google::protobuf::Duration* message) {
  const std::int64_t seconds = absl::ToInt64Seconds(duration);
  message->set_seconds(seconds);
  message->set_nanos(static_cast<std::int32_t>(
      absl::ToInt64Nanoseconds(duration - absl::Seconds(seconds))));
}

}  // namespace

StreamFollower::StreamFollower(const SubscriberOptions& options,
                               OpenedSource source, std::optional<Known> known,
                               DeliveryQueue* queue)
    : options_(options),
      shows_every_entry_(ShowsEveryEntry(options)),
      relay_(v1::RelayService::NewStub(source.channel)),
      registry_service_(v1::RegistryService::NewStub(source.channel)),
      log_service_(v1::LogService::NewStub(source.channel)),
      queue_(queue),
      verifier_({source.log_origin, HasCompleteChains(options)}, source.empty),
      newest_registry_({source.log_origin, false}, source.empty),
      proofs_(source.log_origin,
              known.has_value() ? known->state.checkpoint : "",
              [this] { return ReadNewestRegistry(); }),
      backoff_(options.backoff),
      positioned_(known.has_value()),
      ask_acknowledged_(!known.has_value() && !options.subscription.empty()) {
  if (known.has_value()) {
    begin_ = known->begin;
    acknowledged_ = known->state.next_position;
    checkpoint_ = known->state.checkpoint;
    verifier_.set_state(std::move(known->state));
  }
}

void StreamFollower::Run() {
  while (true) {
    const absl::Status end = RunOnce();
    if (queue_->WaitStopped(absl::ZeroDuration())) return;
    if (ask_acknowledged_ && Reason(end) == "UNKNOWN_SUBSCRIPTION") {
      // The first time of this name.
      ask_acknowledged_ = false;
      continue;
    }
    if (IsFinal(end)) {
      const bool shows = absl::IsDataLoss(end) || Reason(end) == kQuorumMissing;
      queue_->Fail(shows ? KeepEvidence(end) : end);
      return;
    }
    const absl::Duration wait = backoff_.Next();
    if (options_.on_disconnect) options_.on_disconnect(end, wait);
    if (queue_->WaitStopped(wait)) return;
  }
}

absl::Status StreamFollower::KeepEvidence(const absl::Status& why) {
  if (options_.evidence_folder.empty()) return why;
  v1::Evidence evidence;
  evidence.set_reason(Reason(why));
  evidence.set_description(std::string(why.message()));
  const bool no_quorum = evidence.reason() == kQuorumMissing;
  // A stream that does not open shows none.
  const bool ask = evidence.reason() == "LOG_SHORTENED";
  for (const std::string& note :
       {no_quorum ? proofs_.cosigned_checkpoint() : proofs_.earlier(),
        ask ? AskForCheckpoint() : proofs_.offered()}) {
    const bool is_new =
        evidence.checkpoints().empty() || evidence.checkpoints(0) != note;
    if (!note.empty() && is_new) evidence.add_checkpoints(note);
  }
  if (const auto& fork = proofs_.fork()) {
    evidence.set_prefix_size(fork->size);
    evidence.set_prefix_root(std::string(View(fork->root)));
    evidence.set_prefix_consistency(JoinHashes(fork->consistency));
  }
  std::int64_t position = -1;
  if (absl::SimpleAtoi(ReasonMetadata(why, "position"), &position)) {
    AddLeaf(position, &evidence);
  }
  auto folder = EvidenceFolder::Open(options_.evidence_folder);
  if (!folder.ok()) {
    return Annotate(why, absl::StrCat("evidence cannot be kept (",
                                      folder.status().message(), ")"));
  }
  return FailWithEvidence(evidence, folder->get(), why.code());
}

std::string StreamFollower::AskForCheckpoint() {
  grpc::ClientContext context;
  SetDeadline(absl::Now() + kCheckpointPatience, &context);
  const Cancellation::Scope scope(&cancellation_, &context);
  v1::GetCheckpointResponse answer;
  const grpc::Status status = log_service_->GetCheckpoint(
      &context, v1::GetCheckpointRequest(), &answer);
  return status.ok() ? answer.checkpoint() : "";
}

void StreamFollower::AddLeaf(std::int64_t position,
                             v1::Evidence* evidence) const {
  const auto shown = shown_.find(position);
  if (shown == shown_.end()) return;
  evidence->set_position(position);
  evidence->set_leaf(shown->second);
  // Who signed the checkpoint has put the leaf there, and nobody else.
  const auto proof = proofs_.Prove(position);
  if (!proof.ok()) return;
  evidence->set_inclusion_proof(JoinHashes(proof->inclusion));
  evidence->set_prefix_size(proof->size);
  evidence->set_prefix_root(std::string(View(proof->root)));
  evidence->set_prefix_consistency(JoinHashes(proof->consistency));
}

void StreamFollower::Cancel() {
  cancellation_.Cancel();
  absl::MutexLock lock(&mu_);
  cancelled_ = true;
  if (call_ != nullptr) call_->Cancel();
}

absl::Status StreamFollower::RunOnce() {
  asked_ = MakeOpen();
  RelayCall call(relay_.get(), asked_);
  SetCall(&call);
  const absl::Status status = ReadStream(&call);
  SetCall(nullptr);
  // A position that was right once is beyond the end only of another log.
  if (positioned_ && Reason(status) == "POSITION_BEYOND_END") {
    return Shortened(verifier_.state().next_position, status.message());
  }
  return status;
}

void StreamFollower::SetCall(RelayCall* call) {
  absl::MutexLock lock(&mu_);
  call_ = call;
  stream_position_ = -1;
  if (call != nullptr && cancelled_) call->Cancel();
}

v1::Open StreamFollower::MakeOpen() const {
  v1::Open open;
  *open.mutable_filter() = options_.filter;
  open.set_subscription(options_.subscription);
  SetDuration(Heartbeat(), open.mutable_heartbeat());
  open.set_known_size(proofs_.known_size());
  open.set_include_unmatched_headers(options_.include_unmatched_headers);
  open.set_headers_only(options_.headers_only);
  if (positioned_) {
    // Where a server opens a named subscription it also takes as acknowledged.
    absl::MutexLock lock(&mu_);
    open.set_start_position(options_.subscription.empty()
                                ? verifier_.state().next_position
                                : acknowledged_);
  } else if (!ask_acknowledged_) {
    switch (options_.start.at) {
      case Start::At::kPosition:
        open.set_start_position(options_.start.position);
        break;
      case Start::At::kTime:
        SetTime(options_.start.time, open.mutable_start_time());
        break;
      case Start::At::kNow:
        open.mutable_start_now();
        break;
    }
  }
  return open;
}

absl::Status StreamFollower::ReadStream(RelayCall* call) {
  const absl::Duration patience = kMissedHeartbeats * Heartbeat();
  std::string closing = "without a word";
  bool opened = false;
  while (queue_->WaitForRoom()) {
    v1::SubscribeResponse message;
    switch (call->Read(absl::Now() + patience, &message)) {
      case RelayCall::Event::kTimeout:
        return absl::UnavailableError(absl::StrCat(
            "the server was silent for ", absl::FormatDuration(patience)));
      case RelayCall::Event::kEnded: {
        const absl::Status status = call->status();
        return status.ok() ? absl::UnavailableError(absl::StrCat(
                                 "the server ended the stream ", closing))
                           : status;
      }
      case RelayCall::Event::kMessage:
        break;
    }
    if (message.has_closing()) {
      closing = absl::StrCat("and said ", message.closing().reason());
    }
    if (absl::Status s = opened ? OnMessage(&message) : OnOpened(message);
        !s.ok()) {
      return s;
    }
    // A server that opens streams only to drop them is not back yet.
    if (opened) backoff_.Reset();
    opened = true;
  }
  return absl::CancelledError("the subscriber was stopped");
}

absl::Status StreamFollower::OnOpened(const v1::SubscribeResponse& message) {
  // The call's status, which follows, says more.
  if (message.has_closing()) return absl::OkStatus();
  if (!message.has_opened()) {
    return Loss("MALFORMED_STREAM",
                "the server's first message does not confirm the subscription");
  }
  const v1::Opened& opened = message.opened();
  if (absl::Status s = CheckOpened(opened); !s.ok()) return s;
  if (absl::Status s = proofs_.OnOpened(message); !s.ok()) return s;
  if (!positioned_) {
    positioned_ = true;
    begin_ = opened.start_position();
    verifier_.set_state({{}, opened.start_position()});
    absl::MutexLock lock(&mu_);
    acknowledged_ = opened.start_position();
  }
  if (absl::Status s = ReadRegistryOnce(); !s.ok()) return s;
  absl::MutexLock lock(&mu_);
  stream_position_ = opened.start_position();
  told_ = opened.start_position();
  checkpoint_ = proofs_.checkpoint();
  MaybeAcknowledge();
  // Where it begins is news only if the server has chosen: then a caller can
  // acknowledge it before anything comes.
  if (!asked_.has_start_position()) {
    Delivery delivery;
    delivery.next_position = opened.start_position();
    delivery.live = opened.start_position() == opened.log_size();
    delivery.checkpoint = proofs_.checkpoint();
    queue_->Push(std::move(delivery));
  }
  return absl::OkStatus();
}

absl::Status StreamFollower::CheckOpened(const v1::Opened& opened) const {
  if (absl::Status s =
          CheckLogOrigin(opened.log_origin(), verifier_.options().log_origin);
      !s.ok()) {
    return s;
  }
  const std::int64_t next = verifier_.state().next_position;
  if (positioned_ && opened.log_size() < next) {
    return Shortened(next, absl::StrCat("it ends at ", opened.log_size()));
  }
  if (opened.start_position() < 0 ||
      opened.start_position() > opened.log_size() ||
      (asked_.has_start_position() &&
       opened.start_position() != asked_.start_position())) {
    return Loss(
        "MALFORMED_STREAM",
        absl::StrCat("the server starts at ", opened.start_position(), " of ",
                     opened.log_size(), ", not where it was asked to"));
  }
  return absl::OkStatus();
}

absl::Status StreamFollower::ReadRegistryOnce() {
  if (registry_read_) return absl::OkStatus();
  const RegistryRange range{
      registry_progress_.next_position, verifier_.state().next_position,
      registry_progress_.head, newest_registry_.registry()};
  auto read = ReadRegistry(
      registry_service_.get(), range, kMissedHeartbeats * options_.heartbeat,
      &verifier_, &cancellation_,
      [this](const RegistryRead& so_far) { registry_progress_ = so_far; });
  if (!read.ok()) return read.status();
  registry_progress_ = *read;
  if (absl::Status s = CheckSecretariatHead(); !s.ok()) return s;

  EntryVerifier::State state = verifier_.state();
  if (read->head.sequence > 0) {
    state.heads[std::string(kSecretariat)] = read->head;
  }
  verifier_.set_state(state);
  batch_verifier_ = std::make_unique<BatchVerifier>(
      &verifier_, options_.verify_threads, begin_ == 0);
  registry_read_ = true;
  absl::MutexLock lock(&mu_);
  origin_ = {begin_, state.next_position, std::move(state.heads)};
  registry_ = verifier_.registry();
  return absl::OkStatus();
}

absl::Status StreamFollower::CheckSecretariatHead() const {
  const auto& heads = verifier_.state().heads;
  const auto found = heads.find(std::string(kSecretariat));
  const ChainHead& head = registry_progress_.head;
  if (found == heads.end() || found->second == head) return absl::OkStatus();
  const bool gap = head.sequence != found->second.sequence;
  return Loss(
      gap ? "CHAIN_GAP" : "CHAIN_BROKEN",
      absl::StrCat("the registry ends with statement ", head.sequence, " of ",
                   kSecretariat, ", which is not the one, number ",
                   found->second.sequence,
                   ", that this subscriber has seen last"));
}

absl::Status StreamFollower::OnMessage(v1::SubscribeResponse* message) {
  if (message->entries().empty() && !message->has_progress()) {
    return absl::OkStatus();
  }
  if (batch_verifier_ == nullptr) {
    return Loss("MALFORMED_STREAM", "entries come before the confirmation");
  }
  if (!message->has_progress()) {
    return Loss("MALFORMED_STREAM", "entries come without progress");
  }
  // Of all that the message shows, what came before too. Taken now: what is
  // verified is used up.
  std::vector<ShownLeaf> leaves;
  leaves.reserve(static_cast<std::size_t>(message->entries_size()));
  shown_.clear();
  for (const v1::Entry& entry : message->entries()) {
    shown_[entry.position()] = entry.leaf();
    leaves.emplace_back(entry.position(), HashLeaf(entry.leaf()));
  }
  EntryVerifier::State before = verifier_.state();
  std::vector<v1::Entry*> entries;
  Delivery delivery;
  const absl::Status picked = PickNew(message, &entries);
  absl::Status status =
      batch_verifier_->Verify(absl::MakeConstSpan(entries), &delivery.entries);
  if (status.ok()) status = picked;
  const absl::Status omitted = CheckOmissions(delivery.entries);
  // Also if an entry does not hold: those before it are delivered, and must be
  // in the log.
  if (absl::Status s = CheckProof(leaves, *message); !s.ok()) {
    // Nothing of it is delivered, so it has to come again, if the stream does.
    verifier_.set_state(std::move(before));
    return status.ok() ? s : status;
  }
  if (!omitted.ok()) {
    verifier_.set_state(std::move(before));
    return status.ok() ? omitted : status;
  }
  if (status.ok()) {
    status = OnProgress(message->progress().next_position());
    delivery.live = status.ok() && message->progress().live();
  }
  delivery.next_position = verifier_.state().next_position;
  delivery.checkpoint = proofs_.checkpoint();
  delivery.cosigned_checkpoint = proofs_.cosigned_checkpoint();
  delivery.quorum_time = proofs_.quorum_time();
  Publish();
  // What holds is delivered, also if something after it does not.
  if (status.ok() || !delivery.entries.empty()) {
    queue_->Push(std::move(delivery));
  }
  return status;
}

absl::Status StreamFollower::CheckOmissions(
    const std::vector<VerifiedEntry>& entries) {
  for (const VerifiedEntry& entry : entries) {
    const auto omission = entry.entry.omission();
    // What erased it may be far from where this stream is.
    if (omission == v1::Entry::OMISSION_ERASED &&
        !newest_registry_.registry()->erasures().contains(entry.position)) {
      if (auto read = ReadNewestRegistry(); !read.ok()) return read.status();
    }
    if (absl::Status s = CheckOmission(entry.position, omission, entry.header,
                                       *newest_registry_.registry());
        !s.ok()) {
      return s;
    }
  }
  return absl::OkStatus();
}

absl::Status StreamFollower::CheckProof(absl::Span<const ShownLeaf> leaves,
                                        const v1::SubscribeResponse& message) {
  return proofs_.OnProgress(leaves, message, verifier_.registry(), SteadyNow());
}

absl::StatusOr<std::shared_ptr<const Federation>>
StreamFollower::ReadNewestRegistry() {
  auto read = ReadRegistry(
      registry_service_.get(),
      {newest_progress_.next_position, kEndOfLog, newest_progress_.head},
      kMissedHeartbeats * options_.heartbeat, &newest_registry_, &cancellation_,
      [this](const RegistryRead& so_far) { newest_progress_ = so_far; });
  if (!read.ok()) return read.status();
  // A list without a policy may have been cut at its beginning: it is read
  // anew.
  newest_progress_ = newest_registry_.registry()->log_policy() == nullptr
                         ? RegistryRead()
                         : *read;
  return newest_registry_.registry();
}

absl::Duration StreamFollower::Heartbeat() const {
  // Cosignatures come with heartbeats.
  const auto registry = newest_registry_.registry();
  if (registry->log_policy() == nullptr) return options_.heartbeat;
  return std::min(
      options_.heartbeat,
      std::max(kMinHeartbeat, registry->log_policy()->quorum_grace / 3));
}

absl::Status StreamFollower::PickNew(v1::SubscribeResponse* message,
                                     std::vector<v1::Entry*>* entries) {
  absl::MutexLock lock(&mu_);
  for (v1::Entry& entry : *message->mutable_entries()) {
    if (entry.position() < stream_position_) {
      return Loss("POSITION_ORDER",
                  absl::StrCat("entry ", entry.position(),
                               " came again, or late: expected position ",
                               stream_position_, " or more"));
    }
    if (shows_every_entry_ && entry.position() > stream_position_) {
      return Withheld(stream_position_);
    }
    stream_position_ = entry.position() + 1;
    // Below is what a named subscription sends again after a lost connection.
    if (entry.position() >= verifier_.state().next_position) {
      entries->push_back(&entry);
    }
  }
  return absl::OkStatus();
}

absl::Status StreamFollower::OnProgress(std::int64_t next_position) {
  absl::MutexLock lock(&mu_);
  if (next_position < stream_position_) {
    return Loss("POSITION_ORDER",
                absl::StrCat("progress went back to ", next_position, " from ",
                             stream_position_));
  }
  if (shows_every_entry_ && next_position > stream_position_) {
    return Withheld(stream_position_);
  }
  stream_position_ = next_position;
  if (next_position > verifier_.state().next_position) {
    EntryVerifier::State state = verifier_.state();
    state.next_position = next_position;
    verifier_.set_state(std::move(state));
  }
  return absl::OkStatus();
}

void StreamFollower::Publish() {
  absl::MutexLock lock(&mu_);
  registry_ = verifier_.registry();
  checkpoint_ = proofs_.checkpoint();
  last_heard_ = absl::Now();
  last_heard_steady_ = SteadyNow();
  MaybeAcknowledge();
}

Heard StreamFollower::last_heard() const {
  absl::MutexLock lock(&mu_);
  return {last_heard_, SteadyNow() - last_heard_steady_};
}

void StreamFollower::Acknowledge(std::int64_t next_position) {
  absl::MutexLock lock(&mu_);
  acknowledged_ = next_position;
  MaybeAcknowledge();
}

void StreamFollower::MaybeAcknowledge() {
  // A server refuses what its stream has not come to.
  if (call_ == nullptr || acknowledged_ <= told_ ||
      acknowledged_ > stream_position_) {
    return;
  }
  told_ = acknowledged_;
  call_->Acknowledge(acknowledged_);
}

StreamFollower::Origin StreamFollower::origin() const {
  absl::MutexLock lock(&mu_);
  return origin_;
}

std::string StreamFollower::checkpoint() const {
  absl::MutexLock lock(&mu_);
  return checkpoint_;
}

std::shared_ptr<const Federation> StreamFollower::registry() const {
  absl::MutexLock lock(&mu_);
  return registry_;
}

}  // namespace gaceta::client
