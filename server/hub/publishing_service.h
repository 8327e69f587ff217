// gaceta.v1.PublishingService: statements come in.
#ifndef GACETA_SERVER_HUB_PUBLISHING_SERVICE_H_
#define GACETA_SERVER_HUB_PUBLISHING_SERVICE_H_

#include <atomic>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "server/hub/check_line.h"
#include "server/hub/rate_limiter.h"
#include "server/hub/sequencer.h"
#include "server/hub/statement_checker.h"
#include "server/identity/authorizer.h"
#include "server/rpc/call_loop.h"
#include "server/rpc/open_calls.h"

namespace gaceta {

class PublishStream;

// As bytes: at a message that does not parse gRPC would end the stream as if
// the client had.
using RawPublishingService = v1::PublishingService::WithRawMethod_Publish<
    v1::PublishingService::Service>;

// Threads: the loop's reads statements and writes answers; a few of its own
// check them; the sequencer's decides. Unary rpcs run on gRPC's own threads.
class PublishingService : public RawPublishingService {
 public:
  struct Options {
    // Statements of one stream that may be unanswered; then it is read no
    // further.
    int window = 256;
    RateLimiter::Options rate;
  };

  // All must outlive this object.
  PublishingService(const StatementChecker* checker, Sequencer* sequencer,
                    const Authorizer* authorizer, CallLoop* loop,
                    Options options);
  ~PublishingService() override;

  // After the server is built, before the loop runs.
  void Start() { streams_.Start(); }
  // Ends every stream once it has been answered, and takes no more. Returns
  // when all have ended or `deadline` has come.
  void Drain(absl::Time deadline);
  // After the server has shut down, before the sequencer ends: nothing is
  // submitted to it any more.
  void Stop();

  grpc::Status GetChainHead(grpc::ServerContext* context,
                            const v1::GetChainHeadRequest* request,
                            v1::GetChainHeadResponse* response) override;

 private:
  friend class PublishStream;
  struct Slot;
  struct Decision;

  // The following are called by checking threads or the sequencer's.
  //
  // Checks a statement and hands it to the sequencer, or refuses it.
  void Check(PublishStream* stream, Slot* slot);
  void Decide(PublishStream* stream, Slot* slot,
              absl::StatusOr<v1::Receipt> outcome);

  // On the loop's thread: tells streams what was decided.
  void Deliver();

  const StatementChecker* const checker_;
  Sequencer* const sequencer_;
  const Authorizer* const authorizer_;
  CallLoop* const loop_;
  const Options options_;
  // Touched only by the loop's thread.
  RateLimiter limiter_;

  // What is not delivered yet: many that are decided at once are one wake-up.
  absl::Mutex mu_;
  std::vector<Decision> decided_ ABSL_GUARDED_BY(mu_);

  std::atomic<bool> stopping_{false};
  CheckLine checks_;
  OpenCalls streams_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_PUBLISHING_SERVICE_H_
