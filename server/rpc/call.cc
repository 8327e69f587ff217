#include "server/rpc/call.h"

#include "server/rpc/open_calls.h"

namespace gaceta {

Call::Call(OpenCalls* calls) : calls_(calls) {
  // It comes only if a call does: begun in OnCalled().
  context_.AsyncNotifyWhenDone(&done_);
}

CallLoop* Call::loop() const { return calls_->loop(); }

void Call::OnCalled(bool ok) {
  if (!ok) {
    // The server has shut down, and nobody called.
    over_ = true;
    return;
  }
  done_.Begin();
  calls_->Opened(this);
  if (calls_->draining()) {
    Drain();
  } else {
    OnOpen();
  }
}

void Call::OnDone(bool /*ok*/) {
  over_ = true;
  OnOver();
}

void Call::Returned() {
  if (--under_way_ == 0 && over_) calls_->Remove(this);
}

}  // namespace gaceta
