// One thread and one completion queue for all calls that hold no thread.
#ifndef GACETA_SERVER_RPC_CALL_LOOP_H_
#define GACETA_SERVER_RPC_CALL_LOOP_H_

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/server_builder.h"

namespace gaceta {

// What gRPC was asked to do; its address is the tag.
class Operation {
 public:
  // It is done; `ok` as CompletionQueue::Next() explains it.
  virtual void Done(bool ok) = 0;

 protected:
  ~Operation() = default;
};

// Who has much to do, and does it bit by bit.
class TurnTaker {
 public:
  virtual void TakeTurn() = 0;

 protected:
  ~TurnTaker() = default;
};

// Drives calls: waits for what gRPC has done, and handles one thing after the
// other. So calls share no locks, and a busy moment wakes one thread, not many.
//
// What runs here must not wait, as for the disk, nor take long, as a check of a
// signature: all calls wait with it. Other threads do such things, and Post()
// what has come of it.
//
// Threads: the loop's own runs Done(), what was posted, ticks and turns. One
// lock, for what is posted; nothing runs under it.
class CallLoop {
 public:
  CallLoop() = default;
  // Stops it.
  ~CallLoop() { Stop(); }
  CallLoop(const CallLoop&) = delete;
  CallLoop& operator=(const CallLoop&) = delete;

  // Before the server is built.
  void Register(grpc::ServerBuilder& builder);
  // Calls `tick` now and then: four times a second. Before Start().
  void EveryTick(std::function<void(absl::Time now)> tick);
  // After the server is built, and after its rpcs wait for calls.
  void Start();
  // After the server has shut down. Runs what was posted by now, waits until
  // every operation has come back, and ends the thread. What is posted later is
  // dropped.
  void Stop();

  // From any thread, also before Start(): runs `work` soon, and after what was
  // posted before. Much that is posted at once wakes the thread once.
  void Post(std::function<void()> work);

  // The following: on the loop's thread, or before it runs.
  //
  // Where operations are started. None may be once no other is under way and
  // the server has shut down.
  grpc::ServerCompletionQueue* queue() { return queue_.get(); }
  // Calls TakeTurn() once: after what has happened by then, and after those
  // that wait already.
  void AwaitTurn(TurnTaker* taker) { line_.push_back(taker); }
  // It waits no more.
  void LeaveLine(TurnTaker* taker);

 private:
  // One of the loop's own.
  class Own : public Operation {
   public:
    Own(CallLoop* loop, void (CallLoop::*done)()) : loop_(loop), done_(done) {}
    void Done(bool /*ok*/) override { (loop_->*done_)(); }

   private:
    CallLoop* const loop_;
    void (CallLoop::*const done_)();
  };

  void Run();
  // Waits for an event if nobody waits for a turn. False once the queue is
  // down.
  bool HandleEvents();
  void TakeTurns();
  void RunPosted();
  void SetWakeAlarm();
  void SetTick();
  void Tick();
  void ShutDownQueue();

  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::function<void(absl::Time)> tick_function_;
  Own wake_{this, &CallLoop::RunPosted};
  Own tick_{this, &CallLoop::Tick};

  // Touched only by the loop's thread (and before it runs).
  //
  // Those that wait for a turn, each once.
  std::deque<TurnTaker*> line_;
  bool tick_set_ = false;
  bool queue_down_ = false;
  grpc::Alarm tick_alarm_;

  // Set by who posts the first of what is posted: then it is not set already.
  grpc::Alarm wake_alarm_;

  absl::Mutex mu_;
  std::vector<std::function<void()>> posted_ ABSL_GUARDED_BY(mu_);
  bool started_ ABSL_GUARDED_BY(mu_) = false;
  // Nothing is posted any more.
  bool closed_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RPC_CALL_LOOP_H_
