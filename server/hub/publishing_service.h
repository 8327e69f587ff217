// gaceta.v1.PublishingService: statements come in.
#ifndef GACETA_SERVER_HUB_PUBLISHING_SERVICE_H_
#define GACETA_SERVER_HUB_PUBLISHING_SERVICE_H_

#include <memory>

#include "absl/time/time.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "server/hub/open_streams.h"
#include "server/hub/rate_limiter.h"
#include "server/hub/sequencer.h"
#include "server/hub/statement_checker.h"
#include "server/identity/authorizer.h"

namespace gaceta {

class PublishStream;

// Threads: gRPC's own read and check statements, of different streams in
// parallel; the sequencer's thread answers them.
class PublishingService
    : public v1::PublishingService::WithRawCallbackMethod_Publish<
          v1::PublishingService::WithCallbackMethod_GetChainHead<
              v1::PublishingService::Service>> {
 public:
  struct Options {
    // Statements of one stream that may be unanswered; then it is read no
    // further.
    int window = 256;
    RateLimiter::Options rate;
  };

  // All must outlive this object.
  PublishingService(const StatementChecker* checker, Sequencer* sequencer,
                    const Authorizer* authorizer, Options options);
  ~PublishingService() override;

  // Ends every stream once it has been answered, and takes no more. Returns
  // when all have ended or `deadline` has come.
  void Drain(absl::Time deadline);

  // As bytes: at a message that does not parse gRPC would end the stream as if
  // the client had.
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Publish(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetChainHead(
      grpc::CallbackServerContext* context,
      const v1::GetChainHeadRequest* request,
      v1::GetChainHeadResponse* response) override;

 private:
  friend class PublishStream;

  const StatementChecker* const checker_;
  Sequencer* const sequencer_;
  const Authorizer* const authorizer_;
  const Options options_;
  RateLimiter limiter_;

  OpenStreams<PublishStream> streams_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_PUBLISHING_SERVICE_H_
