#include "server/node/hub_link.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/statement.pb.h"
#include "spdlog/spdlog.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

constexpr absl::Duration kHeadTimeout = absl::Seconds(15);
// Statements looked up in the log at a time.
constexpr int kPageStatements = 256;

std::string Text(const absl::Status& status) {
  return absl::StrCat(absl::StatusCodeToString(status.code()), ": ",
                      status.message());
}

std::string Describe(const ChainHead& head) {
  return absl::StrCat("sequence ", head.sequence, " (header ",
                      head.sequence == 0 ? "none" : ToHex(head.header_digest),
                      ")");
}

client::BackoffOptions HoldBackoff(absl::Duration longest) {
  client::BackoffOptions options;
  options.initial = std::min(absl::Seconds(1), longest);
  options.max = longest;
  return options;
}

}  // namespace

HubLink::HubLink(HubLinkOptions options, std::shared_ptr<grpc::Channel> channel,
                 Outbox* outbox, DocumentStore* documents, ProjectedLog* mirror,
                 const StatementSigner* signer)
    : options_(std::move(options)),
      stub_(v1::PublishingService::NewStub(channel)),
      outbox_(outbox),
      documents_(documents),
      mirror_(mirror),
      signer_(signer),
      transfer_(channel, documents, &calls_),
      backoff_(options_.backoff),
      hold_backoff_(HoldBackoff(options_.hold)) {}

HubLink::~HubLink() { Stop(); }

void HubLink::Start() {
  thread_ = std::thread([this] { Run(); });
}

void HubLink::Wake() {
  absl::MutexLock lock(&mu_);
  woken_ = true;
}

void HubLink::MirrorGrew() {
  // What is waited for is looked at again when the lock is free.
  const absl::MutexLock lock(&mu_);
}

void HubLink::Stop() {
  calls_.Stop();
  {
    absl::MutexLock lock(&mu_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void HubLink::SetState(State state, const std::string& why) {
  static constexpr const char* kNames[] = {"idle", "publishing", "waiting",
                                           "held"};
  if (state == state_ && why == last_why_) return;
  const bool alarm = state == State::kHeld;
  spdlog::log(alarm ? spdlog::level::err : spdlog::level::info,
              "hub link from={} to={} why=\"{}\"",
              kNames[static_cast<int>(state_)], kNames[static_cast<int>(state)],
              why);
  state_ = state;
  last_why_ = why;
}

void HubLink::Run() {
  while (!stopping()) {
    // What was settled at once needs no word; a wait was logged already.
    const Ending ending = RunSession();
    if (stopping()) break;
    switch (ending.action) {
      case RefusalAction::kRefuse:
        // The next session settles it, now.
        break;
      case RefusalAction::kHold:
      case RefusalAction::kCheckSignature:
        SetState(State::kHeld, Text(ending.why));
        calls_.Sleep(hold_backoff_.Next());
        break;
      case RefusalAction::kBringDocuments:
      case RefusalAction::kAskHead:
      case RefusalAction::kRetry:
        SetState(State::kWaiting, Text(ending.why));
        calls_.Sleep(backoff_.Next());
        break;
    }
  }
  SetState(State::kIdle, "the node stops");
}

HubLink::Ending HubLink::RunSession() {
  if (options_.trust) {
    if (absl::Status s = options_.trust(); !s.ok()) {
      return {s, RefusalAction::kHold};
    }
  }
  auto head = AskHead();
  if (!head.ok()) return {head.status(), ActionFor(head.status())};
  if (std::optional<Ending> ending = Reconcile(*head)) return *ending;
  return Publish();
}

absl::StatusOr<ChainHead> HubLink::AskHead() {
  v1::GetChainHeadRequest request;
  request.set_publisher(signer_->publisher());
  v1::GetChainHeadResponse response;
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + kHeadTimeout));
  const CallSlot::Scope scope(&calls_, &context);
  const grpc::Status status = stub_->GetChainHead(&context, request, &response);
  if (!status.ok()) {
    return Annotate(FromGrpc(status),
                    "cannot ask the hub for the chain's head");
  }
  return ChainHead{response.sequence(), response.header_digest()};
}

std::optional<HubLink::Ending> HubLink::Reconcile(const ChainHead& hub_head) {
  auto own = outbox_->AcceptedHead();
  if (!own.ok()) return Ending{own.status()};
  sent_ = own->sequence;
  if (hub_head == *own) return SettleRefusal(*own);
  if (hub_head.sequence <= own->sequence) {
    return Ending{
        absl::DataLossError(absl::StrCat(
            "the hub's chain of ", signer_->publisher(), " ends at ",
            Describe(hub_head), ", but its receipts reach ", Describe(*own),
            "; the hub has lost or changed statements: tell its operator")),
        RefusalAction::kHold};
  }

  // Statements whose answers never came: sent again, they get their receipts.
  auto there = outbox_->ListPending(hub_head.sequence - 1, 1);
  if (!there.ok()) return Ending{there.status()};
  if (!there->empty() && there->front().place == hub_head) {
    refusal_.reset();
    return std::nullopt;
  }
  return Adopt(hub_head);
}

std::optional<HubLink::Ending> HubLink::SettleRefusal(const ChainHead& head) {
  // Nothing is under way, and the hub's chain ends where the outbox knows it
  // to end: so what is pending may be signed anew.
  absl::Status status;
  if (refusal_.has_value() &&
      refusal_->pending.place.sequence == head.sequence + 1) {
    spdlog::warn("submission refused submission_id={} sequence={} error=\"{}\"",
                 refusal_->pending.submission_id,
                 refusal_->pending.place.sequence, Text(refusal_->error));
    status = outbox_->Refuse(refusal_->pending.submission_id, refusal_->error);
  } else if (sign_anew_) {
    spdlog::warn("pending statements signed anew after={}", head.sequence);
    status = outbox_->Rebase(head, {});
  }
  if (!status.ok()) return Ending{status};
  refusal_.reset();
  sign_anew_ = false;
  return std::nullopt;
}

std::optional<HubLink::Ending> HubLink::Adopt(const ChainHead& hub_head) {
  refusal_.reset();
  auto last =
      mirror_->index().FindBySequence(signer_->publisher(), hub_head.sequence);
  if (!last.ok()) return Ending{last.status()};
  if (!last->has_value()) {
    return Ending{absl::UnavailableError(absl::StrCat(
        "the log's chain of ", signer_->publisher(), " ends at ",
        Describe(hub_head),
        ", which this outbox does not have (was its disk lost?); waiting for "
        "the mirror to verify it, which is at position ",
        mirror_->Size()))};
  }
  if ((*last)->header_digest != hub_head.header_digest) {
    return Ending{absl::DataLossError(absl::StrCat(
                      "the hub says that the chain ends at ",
                      Describe(hub_head), ", the mirrored log has header ",
                      ToHex((*last)->header_digest), " there")),
                  RefusalAction::kHold};
  }
  auto entry = mirror_->store().Read((*last)->position, 1, 1);
  if (!entry.ok()) return Ending{entry.status()};
  v1::Leaf leaf;
  if (entry->empty() || !leaf.ParseFromString(entry->front().leaf)) {
    return Ending{absl::DataLossError(absl::StrCat(
                      "mirrored entry ", (*last)->position, " does not parse")),
                  RefusalAction::kHold};
  }
  if (leaf.key_id() != signer_->public_key().key_id()) {
    return Ending{
        absl::FailedPreconditionError(absl::StrCat(
            "the log's chain of ", signer_->publisher(), " ends at ",
            Describe(hub_head), ", signed with key ", ToHex(leaf.key_id()),
            "; this node's key is ", ToHex(signer_->public_key().key_id()),
            "; does another node publish for this state? If the key was "
            "replaced and the outbox lost, start once with the old key")),
        RefusalAction::kHold};
  }

  std::vector<Outbox::Accepted> accepted;
  const auto look_up = [&](const std::string& id, const std::string& payload) {
    auto found = FindInLog(id, payload);
    if (found.ok() && found->has_value()) {
      accepted.push_back(std::move(**found));
    }
    return found.status();
  };
  // The last statement may be one that was taken for refused.
  auto payload = outbox_->FindPayload((*last)->statement_id);
  if (!payload.ok()) return Ending{payload.status()};
  if (payload->has_value()) {
    absl::Status status = look_up((*last)->statement_id, **payload);
    if (!status.ok()) return Ending{status};
  }
  std::uint64_t after = 0;
  while (true) {
    auto page = outbox_->ListPending(after, kPageStatements);
    if (!page.ok()) return Ending{page.status()};
    if (page->empty()) break;
    for (const Outbox::Pending& pending : *page) {
      absl::Status status =
          look_up(pending.submission_id, pending.statement.payload());
      if (!status.ok()) return Ending{status};
      after = pending.place.sequence;
    }
  }
  if (absl::Status s = outbox_->Rebase(hub_head, accepted); !s.ok()) {
    return Ending{s};
  }
  spdlog::warn(
      "chain adopted from the log publisher={} sequence={} found_in_log={}",
      signer_->publisher(), hub_head.sequence, accepted.size());
  sent_ = hub_head.sequence;
  sign_anew_ = false;
  return std::nullopt;
}

absl::StatusOr<std::optional<Outbox::Accepted>> HubLink::FindInLog(
    const std::string& submission_id, const std::string& payload) {
  auto found = mirror_->index().FindById(submission_id);
  if (!found.ok()) return found.status();
  if (!found->has_value() || (*found)->publisher != signer_->publisher()) {
    return std::nullopt;
  }
  auto entry = mirror_->store().Read((*found)->position, 1, 1);
  if (!entry.ok()) return entry.status();
  const auto header = HeaderOfLeaf(entry->front().leaf);
  if (!header.has_value()) {
    return absl::DataLossError(
        absl::StrCat("mirrored entry ", (*found)->position, " does not parse"));
  }
  // The same id for something else is the hub's to refuse.
  if (header->payload_digest() != Sha256(payload)) return std::nullopt;
  Outbox::Accepted accepted;
  accepted.submission_id = submission_id;
  accepted.place = {(*found)->sequence, (*found)->header_digest};
  accepted.receipt.set_position((*found)->position);
  accepted.receipt.set_leaf(entry->front().leaf);
  return accepted;
}

HubLink::Ending HubLink::Publish() {
  SetState(State::kPublishing,
           absl::StrCat("the chain goes on after sequence ", sent_));
  under_way_.clear();
  {
    absl::MutexLock lock(&mu_);
    answers_.clear();
    answers_ended_ = false;
    woken_ = true;
  }
  grpc::ClientContext context;
  const CallSlot::Scope scope(&calls_, &context);
  const std::unique_ptr<Stream> stream = stub_->Publish(&context);
  std::thread reader([this, &stream] { ReadAnswers(stream.get()); });

  std::optional<Ending> ending;
  bool answers_over = false;
  while (!ending.has_value() && !answers_over) {
    if (absl::Status s = AwaitWork(); !s.ok()) {
      ending = Ending{s};
      break;
    }
    {
      absl::MutexLock lock(&mu_);
      answers_over = answers_ended_ || stop_;
    }
    ending = RecordAnswers();
    if (!ending.has_value() && !answers_over)
      ending = SendPending(stream.get());
  }
  // A stream that the hub has ended still has its reason to tell.
  if (ending.has_value()) context.TryCancel();
  reader.join();
  const absl::Status status = FromGrpc(stream->Finish());
  if (ending.has_value()) return *ending;
  // Receipts that came before the stream broke count, if they do by now; the
  // others come again.
  if ((ending = RecordAnswers())) return *ending;
  return {
      status.ok() ? absl::UnavailableError("the hub ended the stream") : status,
      ActionFor(status)};
}

void HubLink::ReadAnswers(Stream* stream) {
  v1::PublishResponse response;
  while (stream->Read(&response)) {
    const auto checkpoint = CheckpointOf(response.receipt().checkpoint());
    absl::MutexLock lock(&mu_);
    answers_.push_back({std::move(response),
                        checkpoint.ok() ? checkpoint->size : Position{0}});
    response.Clear();
  }
  absl::MutexLock lock(&mu_);
  answers_ended_ = true;
}

bool HubLink::HasAnswer() const {
  return !answers_.empty() && answers_.front().needs <= mirror_->Size();
}

absl::Status HubLink::AwaitWork() {
  const bool has_room =
      under_way_.size() < static_cast<std::size_t>(options_.window);
  const auto has_work = [this, has_room]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return stop_ || answers_ended_ || HasAnswer() || (woken_ && has_room);
  };
  const absl::Duration timeout =
      under_way_.empty() ? absl::InfiniteDuration() : options_.answer_timeout;
  absl::MutexLock lock(&mu_);
  if (mu_.AwaitWithTimeout(absl::Condition(&has_work), timeout)) {
    return absl::OkStatus();
  }
  if (answers_.empty()) {
    return absl::DeadlineExceededError(absl::StrCat(
        "the hub answered nothing for ", absl::FormatDuration(timeout)));
  }
  return absl::DeadlineExceededError(
      absl::StrCat("a receipt counts when entry ", answers_.front().needs - 1,
                   " is mirrored, but for ", absl::FormatDuration(timeout),
                   " the mirror ends at ", mirror_->Size()));
}

std::optional<HubLink::Ending> HubLink::RecordAnswers() {
  std::vector<v1::PublishResponse> answers;
  {
    absl::MutexLock lock(&mu_);
    while (HasAnswer()) {
      answers.push_back(std::move(answers_.front().response));
      answers_.pop_front();
    }
  }
  std::vector<Outbox::Accepted> accepted;
  std::optional<Ending> ending;
  for (v1::PublishResponse& answer : answers) {
    if (under_way_.empty() ||
        answer.statement_id() != under_way_.front().submission_id) {
      ending = Ending{absl::InternalError(absl::StrCat(
          "the hub answered statement ", answer.statement_id(),
          ", expected an answer to ",
          under_way_.empty() ? "none" : under_way_.front().submission_id))};
      break;
    }
    Outbox::Pending pending = std::move(under_way_.front());
    under_way_.pop_front();
    if (!answer.has_receipt()) {
      ending = OnRefusal(pending, FromRpcStatus(answer.error()));
      break;
    }
    if (absl::Status s = CheckReceipt(pending, answer.receipt()); !s.ok()) {
      ending = Ending{s, ActionFor(s)};
      break;
    }
    accepted.push_back({std::move(pending.submission_id),
                        std::move(pending.place),
                        std::move(*answer.mutable_receipt())});
  }
  if (!accepted.empty()) {
    if (absl::Status s = outbox_->Accept(accepted); !s.ok()) {
      // Without them nothing after them can be recorded either.
      refusal_.reset();
      return Ending{s};
    }
    backoff_.Reset();
    hold_backoff_.Reset();
  }
  return ending;
}

absl::Status HubLink::CheckReceipt(const Outbox::Pending& pending,
                                   const v1::Receipt& receipt) const {
  v1::Leaf leaf;
  if (!leaf.ParseFromString(receipt.leaf()) ||
      leaf.header() != pending.statement.header() ||
      leaf.signature() != pending.statement.signature() ||
      leaf.key_id() != pending.statement.key_id() || receipt.position() < 0) {
    return absl::DataLossError(absl::StrCat(
        "the hub's receipt for statement ", pending.submission_id,
        " is not for the bytes that were sent; tell its operator"));
  }
  if (!options_.check_receipt) return absl::OkStatus();
  return Annotate(
      options_.check_receipt(receipt),
      absl::StrCat("the hub's receipt for statement ", pending.submission_id));
}

HubLink::Ending HubLink::OnRefusal(const Outbox::Pending& pending,
                                   const absl::Status& error) {
  const absl::Status why = Annotate(
      error, absl::StrCat("the hub refused statement ", pending.submission_id,
                          " with sequence ", pending.place.sequence));
  RefusalAction action = ActionFor(error);
  if (action == RefusalAction::kBringDocuments) {
    // What is not here cannot be brought.
    bool all_here = !pending.documents.empty();
    for (const std::string& sha256 : pending.documents) {
      delivered_.erase(sha256);
      const auto presence = documents_->Find(sha256);
      all_here = all_here && presence.ok() && presence->stored;
    }
    if (!all_here) action = RefusalAction::kRefuse;
  }
  if (action == RefusalAction::kCheckSignature) {
    const auto header = ParseHeader(pending.statement.header());
    sign_anew_ = pending.statement.key_id() != signer_->public_key().key_id() ||
                 (header.ok() && header->log_origin() != options_.log_origin);
    if (sign_anew_) action = RefusalAction::kRetry;
  }
  if (action == RefusalAction::kRefuse) refusal_ = Refusal{pending, error};
  return {why, action};
}

std::optional<HubLink::Ending> HubLink::SendPending(Stream* stream) {
  {
    absl::MutexLock lock(&mu_);
    woken_ = false;
  }
  const int room = options_.window - static_cast<int>(under_way_.size());
  if (room <= 0) return std::nullopt;
  auto page = outbox_->ListPending(sent_, room);
  if (!page.ok()) return Ending{page.status()};
  v1::PublishRequest request;
  for (Outbox::Pending& pending : *page) {
    if (std::optional<Ending> ending = BringDocuments(pending)) return ending;
    *request.mutable_statement() = pending.statement;
    sent_ = pending.place.sequence;
    under_way_.push_back(std::move(pending));
    // The stream's end says why it takes no more.
    if (!stream->Write(request)) break;
  }
  // There may be more, once there is room.
  if (static_cast<int>(page->size()) == room) Wake();
  return std::nullopt;
}

std::optional<HubLink::Ending> HubLink::BringDocuments(
    const Outbox::Pending& pending) {
  bool brought = false;
  for (const std::string& sha256 : pending.documents) {
    if (delivered_.contains(sha256)) continue;
    absl::Status status = transfer_.Upload(sha256);
    // The hub may have it from elsewhere; if not, it refuses the statement.
    if (absl::IsNotFound(status)) continue;
    if (!status.ok()) {
      return Ending{
          Annotate(status,
                   absl::StrCat("cannot bring document ", sha256,
                                " of statement ", pending.submission_id)),
          MayPass(status) ? RefusalAction::kRetry : RefusalAction::kHold};
    }
    delivered_.insert(sha256);
    brought = true;
  }
  // That took a while: answers may have come.
  return brought ? RecordAnswers() : std::nullopt;
}

}  // namespace gaceta
