#include "testing/fake_relay.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/log.grpc.pb.h"
#include "gaceta/v1/registry.grpc.pb.h"
#include "gaceta/v1/updates.grpc.pb.h"
#include "grpcpp/server_builder.h"
#include "testing/fake_stream.h"
#include "verify/checkpoint.h"
#include "verify/entry_verifier.h"

namespace gaceta::client {
namespace {

constexpr int kDefaultPage = 50;

v1::StatementHeader HeaderOf(const v1::Entry& entry) {
  v1::Leaf leaf;
  v1::StatementHeader header;
  leaf.ParseFromString(entry.leaf());
  header.ParseFromString(leaf.header());
  return header;
}

template <typename Values, typename Value>
bool Has(const Values& values, const Value& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool OnCorridor(const v1::CorridorFilter& filter, const std::string& state,
                const Federation& registry) {
  const v1::Corridor* corridor = registry.FindCorridor(filter.corridor());
  if (corridor == nullptr) return false;
  for (const v1::Corridor::Stop& stop : corridor->stops()) {
    if (stop.state() != state) continue;
    if (filter.counterpart_roles().empty()) return true;
    return std::any_of(stop.roles().begin(), stop.roles().end(), [&](int role) {
      return Has(filter.counterpart_roles(), role);
    });
  }
  return false;
}

bool PassesUpdate(const v1::Filter& filter, const v1::Update& update) {
  const auto& topics = update.instrument().topics();
  return (filter.kinds().empty() || Has(filter.kinds(), update.kind())) &&
         (filter.events().empty() || Has(filter.events(), update.event())) &&
         (filter.topics().empty() ||
          std::any_of(topics.begin(), topics.end(), [&](const auto& topic) {
            return Has(filter.topics(), topic);
          }));
}

absl::Status BeyondEnd(absl::string_view field, std::int64_t position,
                       std::int64_t end) {
  return WithReason(absl::OutOfRangeError(absl::StrCat(
                        field, ": is ", position, ", the log ends at ", end)),
                    "POSITION_BEYOND_END");
}

// Page tokens are positions.
std::int64_t FromToken(const std::string& token) {
  std::int64_t position = 0;
  return absl::SimpleAtoi(token, &position) ? position : 0;
}

}  // namespace

class FakeRelay::Service : public v1::RelayService::CallbackService {
 public:
  explicit Service(FakeRelay* relay) : relay_(relay) {}

  grpc::ServerBidiReactor<v1::SubscribeRequest, v1::SubscribeResponse>*
  Subscribe(grpc::CallbackServerContext* /*context*/) override {
    // Held meanwhile, so that the stream misses nothing that is appended.
    absl::MutexLock lock(&relay_->mu_);
    relay_->streams_.push_back(std::make_unique<FakeStream>(relay_));
    return relay_->streams_.back().get();
  }

  grpc::ServerUnaryReactor* GetSubscription(
      grpc::CallbackServerContext* context,
      const v1::GetSubscriptionRequest* request,
      v1::GetSubscriptionResponse* response) override {
    const std::int64_t position = relay_->acknowledged(request->name());
    response->mutable_subscription()->set_name(request->name());
    response->mutable_subscription()->set_next_position(position);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(position >= 0
                        ? grpc::Status::OK
                        : grpc::Status(grpc::StatusCode::NOT_FOUND,
                                       "there is no such subscription"));
    return reactor;
  }

 private:
  FakeRelay* const relay_;
};

class FakeRelay::RegistryServiceImpl : public v1::RegistryService::Service {
 public:
  explicit RegistryServiceImpl(FakeRelay* relay) : relay_(relay) {}

  grpc::Status ListRegistryEntries(
      grpc::ServerContext* /*context*/,
      const v1::ListRegistryEntriesRequest* request,
      v1::ListRegistryEntriesResponse* response) override {
    absl::MutexLock lock(&relay_->mu_);
    if (!relay_->registry_failure_.ok()) {
      return ToGrpc(relay_->registry_failure_);
    }
    const int page_size =
        request->page_size() > 0 ? request->page_size() : kDefaultPage;
    std::int64_t position =
        std::max(request->start_position(), FromToken(request->page_token()));
    for (; position < relay_->Size(); ++position) {
      const v1::Entry& entry =
          relay_->entries_[static_cast<std::size_t>(position)];
      if (position == relay_->hidden_ ||
          !EntryVerifier::IsRegistryChange(HeaderOf(entry))) {
        continue;
      }
      if (response->entries_size() == page_size) {
        response->set_next_page_token(absl::StrCat(position));
        relay_->ProveEntries(response);
        return grpc::Status::OK;
      }
      *response->add_entries() = entry;
    }
    response->set_next_position(relay_->Size());
    relay_->ProveEntries(response);
    return grpc::Status::OK;
  }

 private:
  FakeRelay* const relay_;
};

class FakeRelay::UpdatesServiceImpl : public v1::UpdatesService::Service {
 public:
  explicit UpdatesServiceImpl(FakeRelay* relay) : relay_(relay) {}

  grpc::Status ListUpdates(grpc::ServerContext* /*context*/,
                           const v1::ListUpdatesRequest* request,
                           v1::ListUpdatesResponse* response) override {
    absl::MutexLock lock(&relay_->mu_);
    const std::int64_t size = relay_->Size();
    const int page_size =
        request->page_size() > 0 ? request->page_size() : kDefaultPage;
    // Counts entries in the order asked for.
    for (std::int64_t i = FromToken(request->page_token()); i < size; ++i) {
      const std::int64_t position = request->ascending() ? i : size - 1 - i;
      const v1::Entry& entry =
          relay_->entries_[static_cast<std::size_t>(position)];
      if (EntryVerifier::IsRegistryChange(HeaderOf(entry)) ||
          !relay_->Passes(request->filter(), entry)) {
        continue;
      }
      if (response->entries_size() == page_size) {
        response->set_next_page_token(absl::StrCat(i));
        break;
      }
      *response->add_entries() = entry;
    }
    relay_->ProveEntries(response);
    return grpc::Status::OK;
  }

  grpc::Status GetUpdate(grpc::ServerContext* /*context*/,
                         const v1::GetUpdateRequest* request,
                         v1::GetUpdateResponse* response) override {
    absl::MutexLock lock(&relay_->mu_);
    if (request->has_position()) {
      if (request->position() < 0 || request->position() >= relay_->Size()) {
        return ToGrpc(absl::OutOfRangeError("position is beyond the end"));
      }
      return Answer(request->position(), response);
    }
    for (const v1::Entry& entry : relay_->entries_) {
      if (HeaderOf(entry).statement_id() == request->statement_id()) {
        return Answer(entry.position(), response);
      }
    }
    return ToGrpc(absl::NotFoundError("there is no such statement"));
  }

 private:
  grpc::Status Answer(std::int64_t position, v1::GetUpdateResponse* response)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(relay_->mu_) {
    v1::Entry* entry = response->mutable_entry();
    *entry = relay_->entries_[static_cast<std::size_t>(position)];
    relay_->ProveEntry(relay_->Head().size, entry);
    response->set_checkpoint(relay_->Head().note);
    return grpc::Status::OK;
  }

  FakeRelay* const relay_;
};

class FakeRelay::LogServiceImpl : public v1::LogService::Service {
 public:
  explicit LogServiceImpl(FakeRelay* relay) : relay_(relay) {}

  grpc::Status GetCheckpoint(grpc::ServerContext* /*context*/,
                             const v1::GetCheckpointRequest* request,
                             v1::GetCheckpointResponse* response) override {
    absl::MutexLock lock(&relay_->mu_);
    ++relay_->log_questions_;
    const FakeHead& head = relay_->Head();
    const bool cosigned = request->cosigned();
    if ((cosigned ? head.cosigned_size : head.size) == 0) {
      return ToGrpc(WithReason(absl::NotFoundError("there is no checkpoint"),
                               "NO_CHECKPOINT"));
    }
    if (request->known_size() > head.size) {
      return ToGrpc(BeyondEnd("known_size", request->known_size(), head.size));
    }
    response->set_checkpoint(cosigned ? head.cosigned_note : head.note);
    response->set_consistency(relay_->tree_.Consistency(
        request->known_size(), cosigned ? head.cosigned_size : head.size));
    return grpc::Status::OK;
  }

  grpc::Status GetProof(grpc::ServerContext* /*context*/,
                        const v1::GetProofRequest* request,
                        v1::GetProofResponse* response) override {
    absl::MutexLock lock(&relay_->mu_);
    ++relay_->log_questions_;
    const FakeHead& head = relay_->Head();
    const std::int64_t position = request->position();
    if (position < 0 || position >= head.size) {
      return ToGrpc(BeyondEnd("position", position, head.size));
    }
    const bool cosigned = position < head.cosigned_size;
    v1::Entry* entry = response->mutable_entry();
    *entry = relay_->entries_[static_cast<std::size_t>(position)];
    entry->clear_payload();
    entry->set_omission(v1::Entry::OMISSION_NOT_REQUESTED);
    relay_->ProveEntry(cosigned ? head.cosigned_size : head.size, entry);
    response->set_checkpoint(cosigned ? head.cosigned_note : head.note);
    return grpc::Status::OK;
  }

 private:
  FakeRelay* const relay_;
};

absl::StatusOr<std::unique_ptr<FakeRelay>> FakeRelay::Start(
    std::vector<std::string> states) {
  auto relay = StartEmpty(std::move(states));
  if (relay.ok()) (*relay)->Append((*relay)->federation_->First());
  return relay;
}

absl::StatusOr<std::unique_ptr<FakeRelay>> FakeRelay::StartEmpty(
    std::vector<std::string> states) {
  auto federation = FakeFederation::Create(std::move(states));
  if (!federation.ok()) return federation.status();
  auto registry = Federation::Create((*federation)->root_pem(),
                                     std::string(FakeFederation::kName));
  if (!registry.ok()) return registry.status();
  return std::unique_ptr<FakeRelay>(
      new FakeRelay(*std::move(federation), *std::move(registry)));
}

FakeRelay::FakeRelay(std::unique_ptr<FakeFederation> federation,
                     Federation registry)
    : federation_(std::move(federation)),
      registry_(std::move(registry)),
      log_signer_(federation_->log_signer()),
      log_origin_(FakeFederation::kLogOrigin),
      relay_service_(std::make_unique<Service>(this)),
      registry_service_(std::make_unique<RegistryServiceImpl>(this)),
      updates_service_(std::make_unique<UpdatesServiceImpl>(this)),
      log_service_(std::make_unique<LogServiceImpl>(this)) {
  grpc::ServerBuilder builder;
  builder.RegisterService(relay_service_.get());
  builder.RegisterService(registry_service_.get());
  builder.RegisterService(updates_service_.get());
  builder.RegisterService(log_service_.get());
  server_ = builder.BuildAndStart();
}

FakeRelay::~FakeRelay() {
  // Cancels what is open.
  server_->Shutdown(std::chrono::system_clock::now());
  std::vector<std::unique_ptr<FakeStream>> streams;
  {
    absl::MutexLock lock(&mu_);
    streams.swap(streams_);
  }
  streams.clear();
}

LogSource FakeRelay::source() const {
  LogSource source;
  grpc::ChannelArguments arguments;
  source.channel = server_->InProcessChannel(arguments);
  source.federation = std::string(FakeFederation::kName);
  source.root_pem = federation_->root_pem();
  return source;
}

std::int64_t FakeRelay::Append(v1::Entry entry) {
  absl::MutexLock lock(&mu_);
  const auto position = static_cast<std::int64_t>(entries_.size());
  entry.set_position(position);
  v1::RegistryChange change;
  if (EntryVerifier::IsRegistryChange(HeaderOf(entry)) &&
      change.ParseFromString(entry.payload())) {
    // Readers find it out themselves.
    registry_.Apply(change, position).IgnoreError();
  }
  tree_.Append(entry.leaf());
  entries_.push_back(std::move(entry));
  WakeStreams();
  return position;
}

void FakeRelay::WakeStreams() {
  for (const auto& stream : streams_) stream->Wake();
}

std::int64_t FakeRelay::Publish(const std::string& state,
                                const v1::Update& update) {
  absl::MutexLock lock(&federation_mu_);
  return Append(federation_->Publish(state, update));
}

void FakeRelay::PublishMany(int count) {
  const std::vector<std::string>& states = federation_->states();
  for (int i = 0; i < count; ++i) {
    const std::string& state =
        states[static_cast<std::size_t>(i) % states.size()];
    Publish(state, FakeUpdate(state, i + 1));
  }
}

std::int64_t FakeRelay::ChangeRegistry(const v1::RegistryChange& change) {
  absl::MutexLock lock(&federation_mu_);
  return Append(federation_->ChangeRegistry(change));
}

std::int64_t FakeRelay::RequireQuorum(int quorum, absl::Duration grace) {
  v1::RegistryChange change;
  *change.add_items() = federation_->LogPolicyItem(quorum, grace);
  return ChangeRegistry(change);
}

void FakeRelay::Cosign(const std::vector<std::string>& states,
                       absl::Time time) {
  absl::MutexLock lock(&mu_);
  std::string note = Head().note;
  auto parsed = ParseNote(note);
  if (!parsed.ok()) return;
  for (const std::string& state : states) {
    auto line = gaceta::Cosign(parsed->text, federation_->witness(state), time);
    if (line.ok()) absl::StrAppend(&note, *line);
  }
  head_.cosigned_size = head_.size;
  head_.cosigned_note = std::move(note);
  ++head_.cosigned_number;
  WakeStreams();
}

std::vector<v1::Entry> FakeRelay::entries() const {
  absl::MutexLock lock(&mu_);
  return entries_;
}

std::int64_t FakeRelay::size() const {
  absl::MutexLock lock(&mu_);
  return Size();
}

std::int64_t FakeRelay::Size() const {
  const auto size = static_cast<std::int64_t>(entries_.size());
  return shortened_ < 0 ? size : std::min(size, shortened_);
}

const FakeHead& FakeRelay::Head() {
  const std::int64_t size = frozen_ < 0 ? Size() : std::min(frozen_, Size());
  if (size == 0) {
    head_.size = 0;
    head_.note.clear();
  } else if (size != head_.size || head_.note.empty()) {
    auto note = SignCheckpoint(
        {log_signer_.public_key().name(), size, tree_.Root(size)}, log_signer_);
    head_.size = size;
    head_.note = note.ok() ? *std::move(note) : "";
  }
  return head_;
}

void FakeRelay::Prove(FakeProver* prover, std::int64_t known_size,
                      v1::SubscribeResponse* message) {
  prover->Prove(tree_, Head(), known_size, message);
  if (rewrite_proof_) rewrite_proof_(message);
}

template <typename Response>
void FakeRelay::ProveEntries(Response* response) {
  for (v1::Entry& entry : *response->mutable_entries()) {
    ProveEntry(Head().size, &entry);
  }
  response->set_checkpoint(Head().note);
}

void FakeRelay::ProveEntry(std::int64_t size, v1::Entry* entry) {
  entry->set_inclusion_proof(tree_.Inclusion(entry->position(), size));
  if (rewrite_answer_) rewrite_answer_(entry);
}

void FakeRelay::OnAnswer(std::function<void(v1::Entry*)> rewrite) {
  absl::MutexLock lock(&mu_);
  rewrite_answer_ = std::move(rewrite);
}

void FakeRelay::OnProof(std::function<void(v1::SubscribeResponse*)> rewrite) {
  absl::MutexLock lock(&mu_);
  rewrite_proof_ = std::move(rewrite);
}

void FakeRelay::Replace(std::int64_t position, v1::Entry entry) {
  absl::MutexLock lock(&mu_);
  entry.set_position(position);
  tree_.Replace(position, entry.leaf());
  entries_[static_cast<std::size_t>(position)] = std::move(entry);
  head_.note.clear();
}

void FakeRelay::Fork(std::int64_t position) {
  v1::Entry entry = entries()[static_cast<std::size_t>(position)];
  v1::Leaf leaf;
  leaf.ParseFromString(entry.leaf());
  leaf.mutable_recorded_time()->set_nanos(
      leaf.recorded_time().nanos() == 1 ? 2 : 1);
  entry.set_leaf(leaf.SerializeAsString());
  Replace(position, std::move(entry));
}

void FakeRelay::FreezeCheckpoint(std::int64_t size) {
  absl::MutexLock lock(&mu_);
  frozen_ = size;
}

void FakeRelay::SignLogWith(const NoteSigner& signer) {
  absl::MutexLock lock(&mu_);
  log_signer_ = signer;
  head_.note.clear();
}

void FakeRelay::OnSend(std::function<void(v1::SubscribeResponse*)> rewrite) {
  absl::MutexLock lock(&mu_);
  rewrite_ = std::move(rewrite);
}

void FakeRelay::CutBefore(std::int64_t position) {
  absl::MutexLock lock(&mu_);
  cut_before_ = position;
  WakeStreams();
}

void FakeRelay::StallBefore(std::int64_t position) {
  absl::MutexLock lock(&mu_);
  stall_before_ = position;
  WakeStreams();
}

void FakeRelay::RefuseNext(int count, const absl::Status& status) {
  absl::MutexLock lock(&mu_);
  refusals_ = count;
  refusal_ = status;
}

void FakeRelay::SetLogOrigin(const std::string& origin) {
  absl::MutexLock lock(&mu_);
  log_origin_ = origin;
}

void FakeRelay::Shorten(std::int64_t size) {
  absl::MutexLock lock(&mu_);
  shortened_ = size;
}

void FakeRelay::FailRegistry(const absl::Status& status) {
  absl::MutexLock lock(&mu_);
  registry_failure_ = status;
}

void FakeRelay::HideFromRegistry(std::int64_t position) {
  absl::MutexLock lock(&mu_);
  hidden_ = position;
}

void FakeRelay::SetMessageEntries(int count) {
  absl::MutexLock lock(&mu_);
  message_entries_ = count;
}

std::vector<v1::Open> FakeRelay::opens() const {
  absl::MutexLock lock(&mu_);
  return opens_;
}

void FakeRelay::AwaitLogQuestions(int count) const {
  absl::MutexLock lock(&mu_);
  const int end = log_questions_ + count;
  const auto enough = [this, end]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return log_questions_ >= end;
  };
  mu_.Await(absl::Condition(&enough));
}

void FakeRelay::AwaitOpens(int count) const {
  absl::MutexLock lock(&mu_);
  const auto enough = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return static_cast<int>(opens_.size()) >= count;
  };
  mu_.Await(absl::Condition(&enough));
}

std::int64_t FakeRelay::acknowledged(const std::string& subscription) const {
  absl::MutexLock lock(&mu_);
  const auto found = acknowledged_.find(subscription);
  return found == acknowledged_.end() ? -1 : found->second;
}

void FakeRelay::AwaitAcknowledged(const std::string& subscription,
                                  std::int64_t position) const {
  absl::MutexLock lock(&mu_);
  const auto there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    const auto found = acknowledged_.find(subscription);
    return found != acknowledged_.end() && found->second >= position;
  };
  mu_.Await(absl::Condition(&there));
}

absl::StatusOr<v1::SubscribeResponse> FakeRelay::Open(const v1::Open& open,
                                                      FakeProver* prover) {
  absl::MutexLock lock(&mu_);
  opens_.push_back(open);
  if (refusals_ > 0) {
    --refusals_;
    return refusal_;
  }
  auto start = StartOf(open);
  if (!start.ok()) return start.status();
  if (*start < 0 || *start > Size()) {
    return BeyondEnd("open.start_position", *start, Size());
  }
  if (open.known_size() > Size()) {
    return BeyondEnd("open.known_size", open.known_size(), Size());
  }
  if (!open.subscription().empty()) acknowledged_[open.subscription()] = *start;
  v1::SubscribeResponse message;
  message.mutable_opened()->set_start_position(*start);
  message.mutable_opened()->set_log_size(Size());
  message.mutable_opened()->set_log_origin(log_origin_);
  Prove(prover, open.known_size(), &message);
  return message;
}

absl::StatusOr<std::int64_t> FakeRelay::StartOf(const v1::Open& open) const {
  if (open.has_start_position()) return open.start_position();
  if (open.has_start_now()) return Size();
  if (open.has_start_time()) {
    std::int64_t start = 0;
    while (start < Size()) {
      v1::Leaf leaf;
      leaf.ParseFromString(entries_[static_cast<std::size_t>(start)].leaf());
      if (leaf.recorded_time().seconds() >= open.start_time().seconds()) break;
      ++start;
    }
    return start;
  }
  const auto found = acknowledged_.find(open.subscription());
  if (found != acknowledged_.end()) return found->second;
  return WithReason(
      absl::NotFoundError(absl::StrCat("open.subscription: there is no \"",
                                       open.subscription(), "\" yet")),
      "UNKNOWN_SUBSCRIPTION");
}

FakeRelay::Step FakeRelay::Next(const v1::Open& open, FakeProver* prover,
                                std::int64_t* position,
                                v1::SubscribeResponse* message) {
  absl::MutexLock lock(&mu_);
  message->Clear();
  const std::int64_t begin = *position;
  Step fault = Step::kWait;
  for (; *position < Size() && message->entries_size() < message_entries_;
       ++*position) {
    if (*position == cut_before_) fault = Step::kCut;
    if (*position == stall_before_) fault = Step::kStall;
    if (fault != Step::kWait) break;
    const v1::Entry& entry = entries_[static_cast<std::size_t>(*position)];
    const bool registry = EntryVerifier::IsRegistryChange(HeaderOf(entry));
    const bool passes = registry || Passes(open.filter(), entry);
    if (!passes && !open.include_unmatched_headers()) continue;
    v1::Entry* sent = message->add_entries();
    *sent = entry;
    if (!passes || (open.headers_only() && !registry)) {
      sent->clear_payload();
      sent->set_omission(v1::Entry::OMISSION_NOT_REQUESTED);
    }
  }
  if (*position == begin) {
    // At the end a fault may wait for a position that is still to come.
    if (fault == Step::kWait && *position == cut_before_) fault = Step::kCut;
    if (fault == Step::kCut) cut_before_ = -1;
    if (fault == Step::kStall) stall_before_ = -1;
    if (fault != Step::kWait || !prover->HasNews(Head())) return fault;
  }
  message->mutable_progress()->set_next_position(*position);
  message->mutable_progress()->set_live(*position == Size());
  if (rewrite_ && *position != begin) rewrite_(message);
  Prove(prover, 0, message);
  return Step::kMessage;
}

v1::SubscribeResponse FakeRelay::Heartbeat(FakeProver* prover,
                                           std::int64_t position) {
  absl::MutexLock lock(&mu_);
  v1::SubscribeResponse message;
  message.mutable_progress()->set_next_position(position);
  message.mutable_progress()->set_live(true);
  Prove(prover, 0, &message);
  return message;
}

bool FakeRelay::Passes(const v1::Filter& filter, const v1::Entry& entry) const {
  if (filter.ByteSizeLong() == 0) return true;
  const v1::StatementHeader header = HeaderOf(entry);
  if (!filter.states().empty() && !Has(filter.states(), header.publisher())) {
    return false;
  }
  if (!filter.corridors().empty() &&
      std::none_of(filter.corridors().begin(), filter.corridors().end(),
                   [&](const v1::CorridorFilter& corridor)
                       ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
                         return OnCorridor(corridor, header.publisher(),
                                           registry_);
                       })) {
    return false;
  }
  v1::Update update;
  return header.payload_type() == kUpdatePayloadType &&
         update.ParseFromString(entry.payload()) &&
         PassesUpdate(filter, update);
}

void FakeRelay::Acknowledge(const std::string& subscription,
                            std::int64_t position) {
  absl::MutexLock lock(&mu_);
  if (!subscription.empty()) acknowledged_[subscription] = position;
}

}  // namespace gaceta::client
