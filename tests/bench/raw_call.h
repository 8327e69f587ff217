// A bidirectional gRPC call of raw bytes, driven by a completion queue: the
// least that a client can cost.
#ifndef GACETA_TESTS_BENCH_RAW_CALL_H_
#define GACETA_TESTS_BENCH_RAW_CALL_H_

#include <memory>
#include <string>

#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/completion_queue.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/support/byte_buffer.h"

namespace gaceta::bench {

// What comes out of a completion queue: its address is the tag.
class Event {
 public:
  virtual ~Event() = default;
  virtual void Happened(bool ok) = 0;
};

// Waits for the next event of `queue` and handles it. False once the queue was
// shut down and is empty.
bool HandleNext(grpc::CompletionQueue* queue);

template <typename T>
class EventOf : public Event {
 public:
  EventOf(T* owner, void (T::*handler)(bool ok))
      : owner_(owner), handler_(handler) {}
  void Happened(bool ok) override { (owner_->*handler_)(ok); }

 private:
  T* const owner_;
  void (T::*const handler_)(bool ok);
};

// Thread safety: only the thread that handles events uses it, but for Start()
// (before) and Cancel() (whenever).
class RawCall {
 public:
  RawCall(std::shared_ptr<grpc::Channel> channel, const std::string& method,
          grpc::CompletionQueue* queue);
  virtual ~RawCall() = default;
  RawCall(const RawCall&) = delete;
  RawCall& operator=(const RawCall&) = delete;

  void Start() { call_->StartCall(&started_); }
  void Cancel() { context_.TryCancel(); }

 protected:
  // The call has begun.
  virtual void OnStarted() = 0;
  virtual void OnRead(const grpc::ByteBuffer& message) = 0;
  virtual void OnWritten() = 0;
  // Nothing comes after it.
  virtual void OnEnded(const grpc::Status& status) = 0;

  // One at a time of each kind.
  void Read();
  void Write(const grpc::ByteBuffer& message);
  void WritesDone();

  bool reading() const { return reading_; }
  bool writing() const { return writing_; }

 private:
  void Started(bool ok);
  void HaveRead(bool ok);
  void Written(bool ok);
  void HalfClosed(bool ok);
  void Finished(bool ok);
  // The call is over, once what is under way has come back.
  void Finish();

  const std::shared_ptr<grpc::Channel> channel_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
  EventOf<RawCall> started_{this, &RawCall::Started};
  EventOf<RawCall> read_{this, &RawCall::HaveRead};
  EventOf<RawCall> written_{this, &RawCall::Written};
  EventOf<RawCall> half_closed_{this, &RawCall::HalfClosed};
  EventOf<RawCall> finished_{this, &RawCall::Finished};
  grpc::ByteBuffer message_;
  bool reading_ = false;
  bool writing_ = false;
  bool finishing_ = false;
  grpc::Status status_;
};

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_RAW_CALL_H_
