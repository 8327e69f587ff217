#include "server/hub/publishing_service.h"

#include <memory>
#include <utility>

#include "errors/grpc_status.h"
#include "server/hub/publish_stream.h"

namespace gaceta {

PublishingService::PublishingService(const StatementChecker* checker,
                                     Sequencer* sequencer,
                                     const Authorizer* authorizer,
                                     Options options)
    : checker_(checker),
      sequencer_(sequencer),
      authorizer_(authorizer),
      options_(options),
      limiter_(options.rate) {}

PublishingService::~PublishingService() = default;

void PublishingService::Drain(absl::Time deadline) { streams_.Drain(deadline); }

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
PublishingService::Publish(grpc::CallbackServerContext* context) {
  auto stream = std::make_shared<PublishStream>(
      this, authorizer_->Authorize(*context->auth_context(),
                                   "gaceta.v1.PublishingService/Publish"));
  if (streams_.Add(stream)) {
    stream->Start();
  } else {
    stream->Drain();
  }
  return stream.get();
}

grpc::ServerUnaryReactor* PublishingService::GetChainHead(
    grpc::CallbackServerContext* context,
    const v1::GetChainHeadRequest* request,
    v1::GetChainHeadResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto caller = authorizer_->Authorize(
      *context->auth_context(), "gaceta.v1.PublishingService/GetChainHead");
  absl::Status status = caller.status();
  if (status.ok()) {
    status = StatementChecker::CheckPublisher(*caller, request->publisher());
  }
  if (status.ok()) {
    auto head = sequencer_->Head(request->publisher());
    status = head.status();
    if (status.ok()) {
      response->set_sequence(head->sequence);
      response->set_header_digest(head->header_digest);
    }
  }
  reactor->Finish(ToGrpc(status));
  return reactor;
}

}  // namespace gaceta
