// gaceta.v1.WitnessService: nodes cosign the hub's checkpoints.
#ifndef GACETA_SERVER_HUB_WITNESS_SERVICE_H_
#define GACETA_SERVER_HUB_WITNESS_SERVICE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/v1/witness.grpc.pb.h"
#include "server/hub/cosigning.h"
#include "server/identity/authorizer.h"
#include "server/rpc/call_loop.h"
#include "server/rpc/open_calls.h"

namespace gaceta {

class WitnessLine;

using AsyncWitnessService =
    v1::WitnessService::WithAsyncMethod_Witness<v1::WitnessService::Service>;

// Threads: the loop's carries the lines; one of its own begins rounds and takes
// answers, since it checks signatures and keeps what was cosigned.
class WitnessService : public AsyncWitnessService {
 public:
  // All must outlive this object.
  WitnessService(ProjectedLog* log, const Authorizer* authorizer,
                 CallLoop* loop, Cosigning::Options options = {});
  ~WitnessService() override;

  // After the server is built, before the loop runs.
  void Start() { lines_.Start(); }
  // As Cosigning::QuorumReads().
  bool QuorumReads(int registry_version) {
    return cosigning_.QuorumReads(registry_version);
  }
  // The log has grown. Returns at once.
  void Wake();
  // Ends every line and takes no more. Returns when all have ended or
  // `deadline` has come.
  void Drain(absl::Time deadline);

 private:
  friend class WitnessLine;

  // On the loop's thread: what happened to a line, told to the rounds later, in
  // this order. `handled` runs on the loop's thread after that.
  void Open(WitnessLine* line, int registry_version);
  void Answer(WitnessLine* line, v1::WitnessRequest answer,
              std::function<void()> handled);
  void Close(WitnessLine* line);

  void AddTask(std::function<void()> task);
  void Run();

  const Authorizer* const authorizer_;
  CallLoop* const loop_;
  Cosigning cosigning_;

  // Touched only by the loop's thread.
  std::uint64_t next_line_ = 1;
  absl::flat_hash_map<std::uint64_t, WitnessLine*> open_lines_;

  absl::Mutex mu_;
  std::vector<std::function<void()>> tasks_ ABSL_GUARDED_BY(mu_);
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  OpenCalls lines_;
  std::thread thread_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_WITNESS_SERVICE_H_
