#include "server/hub/publishing_service.h"

#include <algorithm>
#include <memory>
#include <thread>
#include <utility>

#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "grpcpp/impl/codegen/proto_utils.h"
#include "server/hub/publish_stream.h"

namespace gaceta {
namespace {

// Signatures take all the processors that there are; documents are looked for
// on disk.
int CheckingThreads() {
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 2,
                    16);
}

// Takes the statement out of `message`.
absl::StatusOr<v1::PublishRequest> Parse(grpc::ByteBuffer* message) {
  v1::PublishRequest request;
  if (grpc::SerializationTraits<v1::PublishRequest>::Deserialize(message,
                                                                 &request)
          .ok()) {
    return request;
  }
  return WithReason(absl::InvalidArgumentError(
                        "message does not parse as gaceta.v1.PublishRequest"),
                    "MALFORMED_STATEMENT");
}

}  // namespace

struct PublishingService::Decision {
  PublishStream* stream;
  Slot* slot;
  absl::StatusOr<v1::Receipt> outcome;
};

PublishingService::PublishingService(const StatementChecker* checker,
                                     Sequencer* sequencer,
                                     const Authorizer* authorizer,
                                     CallLoop* loop, Options options)
    : checker_(checker),
      sequencer_(sequencer),
      authorizer_(authorizer),
      loop_(loop),
      options_(options),
      limiter_(options.rate),
      checks_(CheckingThreads()),
      streams_(loop, [this] {
        return std::make_unique<PublishStream>(this, &streams_);
      }) {}

PublishingService::~PublishingService() = default;

void PublishingService::Drain(absl::Time deadline) {
  streams_.Drain();
  streams_.AwaitEnd(deadline);
}

void PublishingService::Stop() {
  stopping_.store(true);
  checks_.Stop();
}

void PublishingService::Check(PublishStream* stream, Slot* slot) {
  if (stopping_.load()) {
    // Nobody waits for the answer.
    Decide(stream, slot, absl::UnavailableError("the hub shuts down"));
    return;
  }
  auto request = Parse(&slot->message);
  if (!request.ok()) {
    Decide(stream, slot, request.status());
    return;
  }
  // Where it can be read, so that the publisher knows what is answered.
  v1::StatementHeader header;
  if (header.ParseFromString(request->statement().header())) {
    slot->statement_id = header.statement_id();
  }
  auto checked = checker_->Check(stream->caller(),
                                 std::move(*request->mutable_statement()));
  if (!checked.ok()) {
    Decide(stream, slot, checked.status());
    return;
  }
  checked->candidate.accept_older_witnesses = request->accept_older_witnesses();
  // The callback keeps what is under way until it is in the log and in the
  // index.
  sequencer_->Submit(
      std::move(checked->candidate),
      [this, stream, slot,
       under_way = std::shared_ptr<HubHistory::UnderWay>(std::move(
           checked->under_way))](absl::StatusOr<v1::Receipt> outcome) {
        Decide(stream, slot, std::move(outcome));
      });
}

void PublishingService::Decide(PublishStream* stream, Slot* slot,
                               absl::StatusOr<v1::Receipt> outcome) {
  bool is_first = false;
  {
    absl::MutexLock lock(&mu_);
    is_first = decided_.empty();
    decided_.push_back({stream, slot, std::move(outcome)});
  }
  if (is_first) loop_->Post([this] { Deliver(); });
}

void PublishingService::Deliver() {
  std::vector<Decision> decided;
  {
    absl::MutexLock lock(&mu_);
    decided.swap(decided_);
  }
  for (Decision& decision : decided) {
    decision.slot->outcome = std::move(decision.outcome);
  }
  // Only now, so that answers which can go out together do.
  for (const Decision& decision : decided) {
    decision.stream->Advance();
    decision.stream->Returned();
  }
}

grpc::Status PublishingService::GetChainHead(
    grpc::ServerContext* context, const v1::GetChainHeadRequest* request,
    v1::GetChainHeadResponse* response) {
  auto caller = authorizer_->Authorize(
      *context->auth_context(), "gaceta.v1.PublishingService/GetChainHead");
  if (!caller.ok()) return ToGrpc(caller.status());
  if (absl::Status s =
          StatementChecker::CheckPublisher(*caller, request->publisher());
      !s.ok()) {
    return ToGrpc(s);
  }
  auto head = sequencer_->Head(request->publisher());
  if (!head.ok()) return ToGrpc(head.status());
  response->set_sequence(head->sequence);
  response->set_header_digest(head->header_digest);
  return grpc::Status::OK;
}

}  // namespace gaceta
