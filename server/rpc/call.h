// One call of a streaming rpc, driven by a loop.
#ifndef GACETA_SERVER_RPC_CALL_H_
#define GACETA_SERVER_RPC_CALL_H_

#include <cstddef>

#include "grpcpp/server_context.h"
#include "server/rpc/call_loop.h"

namespace gaceta {

class OpenCalls;

// What all such calls have in common: they wait for a client, are open, are
// over when gRPC says so, and are destroyed when all that is under way for them
// has come back.
//
// Thread safety: the loop's thread only.
class Call {
 public:
  virtual ~Call() = default;
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // The server ends: tells the client, and ends the call soon. While it is
  // open.
  virtual void Drain() = 0;

  // What comes back later as Returned(); until then the call lives.
  void Expect() { ++under_way_; }
  // Destroys the call if it is over and this was the last: say it last.
  void Returned();

 protected:
  // One operation of gRPC for the call; not under way twice at once.
  template <typename C>
  class Step : public Operation {
   public:
    // `done` is called when it is done.
    Step(C* call, void (C::*done)(bool ok)) : call_(call), done_(done) {}

    // The tag to start it with; it counts as under way from now on.
    void* Begin() {
      call_->Expect();
      return this;
    }
    void Done(bool ok) override {
      C* const call = call_;
      (call->*done_)(ok);
      call->Returned();
    }

   private:
    C* const call_;
    void (C::*const done_)(bool ok);
  };

  // The class that is derived asks for its rpc with context() and
  // WaitForCall().
  explicit Call(OpenCalls* calls);

  grpc::ServerContext* context() { return &context_; }
  void* WaitForCall() { return opening_.Begin(); }

  // A client has called, and the server does not drain.
  virtual void OnOpen() = 0;
  // The call has ended, or the client is gone: nothing may be started any more.
  virtual void OnOver() {}

  bool is_over() const { return over_; }
  CallLoop* loop() const;

 private:
  friend class OpenCalls;

  void OnCalled(bool ok);
  void OnDone(bool ok);

  OpenCalls* const calls_;
  grpc::ServerContext context_;
  Step<Call> opening_{this, &Call::OnCalled};
  Step<Call> done_{this, &Call::OnDone};
  int under_way_ = 0;
  bool over_ = false;
  // Its place among those that are open.
  std::size_t place_ = 0;
  bool is_open_ = false;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RPC_CALL_H_
