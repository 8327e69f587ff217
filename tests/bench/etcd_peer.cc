// etcd's API version 3 over gRPC. Its messages are few and small, so that they
// are written by hand.
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/generic/generic_stub.h"
#include "tests/bench/peer.h"
#include "tests/bench/raw_call.h"

namespace gaceta::bench {
namespace {

void AppendVarint(std::uint64_t value, std::string* out) {
  for (; value > 127; value >>= 7) {
    out->push_back(static_cast<char>(value | 128));
  }
  out->push_back(static_cast<char>(value));
}

void AppendField(int number, absl::string_view bytes, std::string* out) {
  AppendVarint(static_cast<std::uint64_t>(number) << 3 | 2, out);
  AppendVarint(bytes.size(), out);
  absl::StrAppend(out, bytes);
}

bool TakeVarint(absl::string_view* in, std::uint64_t* value) {
  *value = 0;
  for (int shift = 0; !in->empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *value |= static_cast<std::uint64_t>(byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

// The next field: its number, and its bytes if it has any.
bool TakeField(absl::string_view* in, int* number, absl::string_view* bytes) {
  std::uint64_t tag = 0;
  std::uint64_t value = 0;
  if (!TakeVarint(in, &tag) || !TakeVarint(in, &value)) return false;
  *number = static_cast<int>(tag >> 3);
  *bytes = {};
  if ((tag & 7) != 2) return true;
  *bytes = in->substr(0, value);
  in->remove_prefix(bytes->size());
  return true;
}

absl::string_view FieldOf(absl::string_view message, int wanted) {
  int number = 0;
  absl::string_view bytes;
  while (TakeField(&message, &number, &bytes)) {
    if (number == wanted) return bytes;
  }
  return {};
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes;
}

grpc::ByteBuffer BufferOf(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

class WatchCall : public RawCall {
 public:
  WatchCall(std::shared_ptr<grpc::Channel> channel,
            grpc::CompletionQueue* queue, bool from_start, PeerEvents* events,
            absl::Status* status)
      : RawCall(std::move(channel), "/etcdserverpb.Watch/Watch", queue),
        from_start_(from_start),
        events_(events),
        status_(status) {}

  bool ended() const { return ended_; }

 private:
  void OnStarted() override {
    std::string create;
    AppendField(1, "law/", &create);
    AppendField(2, "law0", &create);
    // start_revision 1.
    if (from_start_) create += std::string("\x18\x01", 2);
    std::string request;
    AppendField(1, create, &request);
    Write(BufferOf(request));
    Read();
  }
  void OnWritten() override {}
  void OnRead(const grpc::ByteBuffer& message) override {
    constexpr int kCreated = 3;
    constexpr int kEvents = 11;
    const std::string bytes = BytesOf(message);
    absl::string_view rest = bytes;
    int number = 0;
    absl::string_view field;
    while (TakeField(&rest, &number, &field)) {
      if (number == kCreated) events_->OnSubscribed();
      // The value in the event's pair.
      if (number == kEvents) events_->OnMessage(FieldOf(FieldOf(field, 2), 5));
    }
    Read();
  }
  void OnEnded(const grpc::Status& status) override {
    ended_ = true;
    status_->Update(absl::UnavailableError(
        absl::StrCat("the server ended a watch: ", status.error_message())));
  }

  const bool from_start_;
  PeerEvents* const events_;
  absl::Status* const status_;
  bool ended_ = false;
};

// One put; destroys itself when it is answered.
class PutCall : public Event {
 public:
  PutCall(PeerEvents* events, absl::Status* status)
      : events_(events), status_(status) {}

  void Start(grpc::GenericStub* stub, const std::string& request,
             grpc::CompletionQueue* queue) {
    reader_ = stub->PrepareUnaryCall(&context_, "/etcdserverpb.KV/Put",
                                     BufferOf(request), queue);
    reader_->StartCall();
    reader_->Finish(&response_, &result_, this);
  }

  void Happened(bool /*ok*/) override {
    const std::unique_ptr<PutCall> self(this);
    if (result_.ok()) {
      events_->OnAcknowledged();
    } else {
      status_->Update(absl::InternalError(result_.error_message()));
    }
  }

 private:
  PeerEvents* const events_;
  absl::Status* const status_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader_;
  grpc::ByteBuffer response_;
  grpc::Status result_;
};

class EtcdConnection : public PeerConnection {
 public:
  EtcdConnection(std::shared_ptr<grpc::Channel> channel,
                 grpc::CompletionQueue* queue, int number, PeerEvents* events,
                 absl::Status* status)
      : channel_(std::move(channel)),
        stub_(channel_),
        queue_(queue),
        number_(number),
        events_(events),
        status_(status) {}

  absl::Status Subscribe(bool from_start) override {
    watch_ = std::make_unique<WatchCall>(channel_, queue_, from_start, events_,
                                         status_);
    watch_->Start();
    return absl::OkStatus();
  }

  void Publish(absl::string_view payload) override {
    std::string request;
    // A key of its own, so that nothing is written over.
    AppendField(1, absl::StrCat("law/", number_, "/", ++published_), &request);
    AppendField(2, payload, &request);
    // Destroys itself.
    (new PutCall(events_, status_))->Start(&stub_, request, queue_);
  }

  void Cancel() {
    if (watch_ != nullptr) watch_->Cancel();
  }
  bool ended() const { return watch_ == nullptr || watch_->ended(); }

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue* const queue_;
  const int number_;
  PeerEvents* const events_;
  absl::Status* const status_;
  int published_ = 0;
  std::unique_ptr<WatchCall> watch_;
};

// Its connections are part of it: a call must end before its queue does.
class EtcdPeer : public Peer {
 public:
  EtcdPeer(std::shared_ptr<grpc::ChannelCredentials> credentials,
           std::string server)
      : credentials_(std::move(credentials)), server_(std::move(server)) {}
  ~EtcdPeer() override {
    for (auto& connection : connections_) connection->Cancel();
    // A call that has not ended still asks the queue for its status.
    for (auto& connection : connections_) {
      while (!connection->ended()) HandleNext(&queue_);
    }
    queue_.Shutdown();
    while (HandleNext(&queue_)) {
    }
  }
  EtcdPeer(const EtcdPeer&) = delete;
  EtcdPeer& operator=(const EtcdPeer&) = delete;

  absl::StatusOr<std::unique_ptr<PeerConnection>> Connect(
      PeerEvents* events) override {
    auto channel = NewChannel(server_, credentials_);
    if (!channel->WaitForConnected(std::chrono::system_clock::now() +
                                   std::chrono::seconds(30))) {
      return absl::UnavailableError(
          absl::StrCat("cannot connect to ", server_));
    }
    connections_.push_back(std::make_unique<EtcdConnection>(
        std::move(channel), &queue_, static_cast<int>(connections_.size()),
        events, &status_));
    return std::make_unique<Handle>(connections_.back().get());
  }

  absl::Status Poll(absl::Time time) override {
    void* tag = nullptr;
    bool ok = false;
    if (queue_.AsyncNext(&tag, &ok, absl::ToChronoTime(time)) ==
        grpc::CompletionQueue::GOT_EVENT) {
      static_cast<Event*>(tag)->Happened(ok);
    }
    return status_;
  }

 private:
  // What callers have of a connection.
  class Handle : public PeerConnection {
   public:
    explicit Handle(EtcdConnection* connection) : connection_(connection) {}
    absl::Status Subscribe(bool from_start) override {
      return connection_->Subscribe(from_start);
    }
    void Publish(absl::string_view payload) override {
      connection_->Publish(payload);
    }

   private:
    EtcdConnection* const connection_;
  };

  const std::shared_ptr<grpc::ChannelCredentials> credentials_;
  const std::string server_;
  grpc::CompletionQueue queue_;
  absl::Status status_;
  std::vector<std::unique_ptr<EtcdConnection>> connections_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Peer>> NewEtcdPeer(
    const BenchFederation& federation, const std::string& server) {
  auto credentials = federation.CredentialsOf(MemberOf(States().at(0)), "node");
  if (!credentials.ok()) return credentials.status();
  return std::make_unique<EtcdPeer>(*std::move(credentials), server);
}

}  // namespace gaceta::bench
