// NATS JetStream and MQTT 3.1.1 over TLS.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/bench/peer.h"

namespace gaceta::bench {
namespace {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using ContextPtr = std::unique_ptr<SSL_CTX, SslFree>;

absl::StatusOr<ContextPtr> MakeContext(const BenchFederation& federation) {
  ContextPtr context(SSL_CTX_new(TLS_client_method()));
  const auto files = federation.FilesOf(MemberOf(States().at(0)), "node");
  const bool made =
      SSL_CTX_use_certificate_chain_file(context.get(),
                                         files.certificate_file.c_str()) == 1 &&
      SSL_CTX_use_PrivateKey_file(context.get(), files.key_file.c_str(),
                                  SSL_FILETYPE_PEM) == 1 &&
      SSL_CTX_load_verify_locations(
          context.get(), federation.root_file().c_str(), nullptr) == 1;
  if (!made) return absl::InternalError("cannot use the node's certificate");
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  // What waits may have moved until the socket takes it.
  SSL_CTX_set_mode(context.get(), SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_ENABLE_PARTIAL_WRITE);
  return context;
}

absl::StatusOr<int> ConnectTo(const std::string& server) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(server, absl::MaxSplits(':', 1));
  int port = 0;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (!absl::SimpleAtoi(parts.second, &port) ||
      inet_pton(AF_INET, parts.first.c_str(), &address.sin_addr) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("no address: ", server));
  }
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const int file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(file, reinterpret_cast<sockaddr*>(&address), sizeof address) !=
      0) {
    close(file);
    return absl::UnavailableError(absl::StrCat("cannot connect to ", server));
  }
  return file;
}

// Bytes to and from one socket; what they mean is the protocol's.
class TlsConnection : public PeerConnection {
 public:
  TlsConnection(int file, int epoll, PeerEvents* events)
      : events_(events), file_(file), epoll_(epoll) {}
  ~TlsConnection() override { close(file_); }
  TlsConnection(const TlsConnection&) = delete;
  TlsConnection& operator=(const TlsConnection&) = delete;

  // Blocks until the handshake is done.
  absl::Status Start(SSL_CTX* context) {
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), file_);
    if (SSL_connect(ssl_.get()) != 1) {
      return absl::UnavailableError("the handshake failed");
    }
    fcntl(file_, F_SETFL, O_NONBLOCK);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = this;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, file_, &event);
    return absl::OkStatus();
  }

  // The socket can be read or written.
  absl::Status Advance() {
    if (absl::Status s = Receive(); !s.ok()) return s;
    Flush();
    return absl::OkStatus();
  }

 protected:
  void Send(absl::string_view bytes) {
    absl::StrAppend(&out_, bytes);
    Flush();
  }
  // Takes whole messages from the front of `*in`.
  virtual absl::Status Take(absl::string_view* in) = 0;

  PeerEvents* const events_;

 private:
  absl::Status Receive() {
    std::array<char, 16384> buffer;
    while (true) {
      const int got =
          SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
      if (got <= 0) {
        const int error = SSL_get_error(ssl_.get(), got);
        if (error == SSL_ERROR_WANT_READ) return absl::OkStatus();
        return absl::UnavailableError("the server ended a connection");
      }
      in_.append(buffer.data(), static_cast<std::size_t>(got));
      absl::string_view rest = in_;
      if (absl::Status s = Take(&rest); !s.ok()) return s;
      in_.erase(0, in_.size() - rest.size());
    }
  }

  void Flush() {
    std::size_t done = 0;
    while (done < out_.size()) {
      const int put = SSL_write(ssl_.get(), out_.data() + done,
                                static_cast<int>(out_.size() - done));
      if (put <= 0) break;
      done += static_cast<std::size_t>(put);
    }
    out_.erase(0, done);
    const bool waits = !out_.empty();
    if (waits == waits_) return;
    waits_ = waits;
    epoll_event event{};
    event.events = EPOLLIN | (waits ? EPOLLOUT : 0U);
    event.data.ptr = this;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, file_, &event);
  }

  const int file_;
  const int epoll_;
  SslPtr ssl_;
  std::string in_;
  std::string out_;
  bool waits_ = false;
};

// https://docs.nats.io/reference/reference-protocols/nats-protocol, and the
// API of JetStream in JSON.
class NatsConnection : public TlsConnection {
 public:
  NatsConnection(int file, int epoll, int number, PeerEvents* events)
      : TlsConnection(file, epoll, events), number_(number) {}

  // The server speaks first, in the clear, and expects TLS then.
  static absl::Status ReadGreeting(int file) {
    for (char c = 0; c != '\n';) {
      if (read(file, &c, 1) != 1) {
        return absl::UnavailableError("the server does not greet");
      }
    }
    return absl::OkStatus();
  }

  void Greet() {
    Send(absl::StrCat(
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"tls_required\":true,"
        "\"name\":\"bench\",\"lang\":\"c\",\"version\":\"1\"}\r\n",
        "SUB ", Inbox("delivery"), " 1\r\nSUB ", Inbox("answer"), " 2\r\nSUB ",
        Inbox("receipt"), " 3\r\nSUB ", Inbox("made"), " 4\r\n"));
    // It is there already for all but the first.
    Ask("$JS.API.STREAM.CREATE.LAW", Inbox("made"),
        "{\"name\":\"LAW\",\"subjects\":[\"law\"],\"storage\":\"file\","
        "\"retention\":\"limits\",\"discard\":\"old\",\"num_replicas\":1,"
        "\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1,\"max_age\":0}");
  }

  absl::Status Subscribe(bool from_start) override {
    Ask("$JS.API.CONSUMER.CREATE.LAW", Inbox("answer"),
        absl::StrCat("{\"stream_name\":\"LAW\",\"config\":{\"deliver_subject\":"
                     "\"",
                     Inbox("delivery"),
                     "\",\"ack_policy\":\"none\",\"replay_policy\":\"instant\","
                     "\"deliver_policy\":\"",
                     from_start ? "all" : "new", "\"}}"));
    return absl::OkStatus();
  }

  void Publish(absl::string_view payload) override {
    Ask("law", Inbox("receipt"), payload);
  }

 private:
  std::string Inbox(absl::string_view what) const {
    return absl::StrCat("inbox.", number_, ".", what);
  }

  void Ask(absl::string_view subject, const std::string& answer_to,
           absl::string_view body) {
    Send(absl::StrCat("PUB ", subject, " ", answer_to, " ", body.size(), "\r\n",
                      body, "\r\n"));
  }

  absl::Status Take(absl::string_view* in) override {
    while (true) {
      const std::size_t end = in->find("\r\n");
      if (end == absl::string_view::npos) return absl::OkStatus();
      const absl::string_view line = in->substr(0, end);
      if (!absl::StartsWith(line, "MSG ")) {
        if (line == "PING") Send("PONG\r\n");
        if (absl::StartsWith(line, "-ERR")) {
          return absl::InternalError(std::string(line));
        }
        in->remove_prefix(end + 2);
        continue;
      }
      const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
      std::size_t size = 0;
      if (words.size() < 4 || !absl::SimpleAtoi(words.back(), &size)) {
        return absl::InternalError(absl::StrCat("not understood: ", line));
      }
      if (in->size() < end + 2 + size + 2) return absl::OkStatus();
      if (absl::Status s = OnMessage(words[2], in->substr(end + 2, size));
          !s.ok()) {
        return s;
      }
      in->remove_prefix(end + 2 + size + 2);
    }
  }

  absl::Status OnMessage(absl::string_view subscription,
                         absl::string_view payload) {
    if (subscription == "1") {
      events_->OnMessage(payload);
    } else if (subscription == "4") {
      // Whether there is a stream shows when it is used.
    } else if (absl::StrContains(payload, "\"error\"")) {
      return absl::InternalError(std::string(payload));
    } else if (subscription == "2") {
      events_->OnSubscribed();
    } else {
      events_->OnAcknowledged();
    }
    return absl::OkStatus();
  }

  const int number_;
};

// MQTT 3.1.1, quality of service 1 (at least once) in both directions.
class MqttConnection : public TlsConnection {
 public:
  MqttConnection(int file, int epoll, int number, PeerEvents* events)
      : TlsConnection(file, epoll, events), number_(number) {}

  void Greet() {
    // Level 4, clean session, keep-alive of an hour.
    SendPacket(0x10, absl::StrCat(Text("MQTT"), std::string("\x04\x02\x0e\x10"),
                                  Text(absl::StrCat("bench-", number_))));
  }

  absl::Status Subscribe(bool from_start) override {
    if (from_start) {
      return absl::UnimplementedError("MQTT keeps nothing for who is new");
    }
    SendPacket(0x82, absl::StrCat(Number(1), Text("law"), "\x01"));
    return absl::OkStatus();
  }

  void Publish(absl::string_view payload) override {
    packet_ = packet_ % 65535 + 1;
    SendPacket(0x32, absl::StrCat(Text("law"), Number(packet_), payload));
  }

 private:
  static std::string Number(int number) {
    return {static_cast<char>(number >> 8), static_cast<char>(number & 255)};
  }
  static std::string Text(absl::string_view text) {
    return absl::StrCat(Number(static_cast<int>(text.size())), text);
  }

  void SendPacket(int kind, absl::string_view body) {
    std::string packet(1, static_cast<char>(kind));
    std::size_t size = body.size();
    do {
      packet.push_back(
          static_cast<char>((size % 128) | (size > 127 ? 128 : 0)));
      size /= 128;
    } while (size > 0);
    absl::StrAppend(&packet, body);
    Send(packet);
  }

  absl::Status Take(absl::string_view* in) override {
    while (in->size() >= 2) {
      std::size_t size = 0;
      std::size_t at = 1;
      for (int shift = 0;; shift += 7) {
        if (at == in->size()) return absl::OkStatus();
        const auto byte = static_cast<unsigned char>((*in)[at++]);
        size |= static_cast<std::size_t>(byte & 127) << shift;
        if (byte < 128) break;
      }
      if (in->size() < at + size) return absl::OkStatus();
      OnPacket(static_cast<unsigned char>(in->front()) >> 4,
               in->substr(at, size));
      in->remove_prefix(at + size);
    }
    return absl::OkStatus();
  }

  void OnPacket(int kind, absl::string_view body) {
    constexpr int kPublish = 3;
    constexpr int kPublished = 4;
    constexpr int kSubscribed = 9;
    if (kind == kPublish) {
      const std::size_t topic = 2 + static_cast<std::size_t>(body[1]);
      SendPacket(0x40, body.substr(topic, 2));
      events_->OnMessage(body.substr(topic + 2));
    } else if (kind == kPublished) {
      events_->OnAcknowledged();
    } else if (kind == kSubscribed) {
      events_->OnSubscribed();
    }
  }

  const int number_;
  int packet_ = 0;
};

class TlsPeer : public Peer {
 public:
  TlsPeer(bool nats, ContextPtr context, std::string server)
      : nats_(nats),
        context_(std::move(context)),
        server_(std::move(server)),
        epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
  ~TlsPeer() override { close(epoll_); }
  TlsPeer(const TlsPeer&) = delete;
  TlsPeer& operator=(const TlsPeer&) = delete;

  absl::StatusOr<std::unique_ptr<PeerConnection>> Connect(
      PeerEvents* events) override {
    auto file = ConnectTo(server_);
    if (!file.ok()) return file.status();
    if (nats_) return Begin<NatsConnection>(*file, events);
    return Begin<MqttConnection>(*file, events);
  }

  absl::Status Poll(absl::Time time) override {
    std::array<epoll_event, 256> ready;
    const auto wait = static_cast<int>(std::clamp<std::int64_t>(
        absl::ToInt64Milliseconds(time - absl::Now()), 0, 1000));
    const int count =
        epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), wait);
    for (int i = 0; i < count; ++i) {
      absl::Status status = static_cast<TlsConnection*>(
                                ready[static_cast<std::size_t>(i)].data.ptr)
                                ->Advance();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  template <typename Connection>
  absl::StatusOr<std::unique_ptr<PeerConnection>> Begin(int file,
                                                        PeerEvents* events) {
    auto connection =
        std::make_unique<Connection>(file, epoll_, ++connections_, events);
    if (nats_) {
      if (absl::Status s = NatsConnection::ReadGreeting(file); !s.ok()) {
        return s;
      }
    }
    if (absl::Status s = connection->Start(context_.get()); !s.ok()) return s;
    connection->Greet();
    return connection;
  }

  const bool nats_;
  const ContextPtr context_;
  const std::string server_;
  const int epoll_;
  int connections_ = 0;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Peer>> NewTlsPeer(
    const std::string& kind, const BenchFederation& federation,
    const std::string& server) {
  auto context = MakeContext(federation);
  if (!context.ok()) return context.status();
  return std::make_unique<TlsPeer>(kind == "nats", *std::move(context), server);
}

}  // namespace gaceta::bench
