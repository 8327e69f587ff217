// One Subscribe call. Of what the client library checks, it checks the proofs.
#ifndef GACETA_TESTS_SERVER_RELAY_TEST_SUBSCRIPTION_H_
#define GACETA_TESTS_SERVER_RELAY_TEST_SUBSCRIPTION_H_

#include <memory>
#include <string>
#include <vector>

#include "errors/grpc_status.h"
#include "gaceta/v1/relay.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "gtest/gtest.h"
#include "server/log/log_store.h"
#include "tests/server/relay/proof_reader.h"
#include "tests/support/test_hub.h"

namespace gaceta::testing {

inline v1::Open OpenAt(Position position) {
  v1::Open open;
  open.set_start_position(position);
  return open;
}

class TestSubscription {
 public:
  // Sends nothing yet.
  explicit TestSubscription(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(v1::RelayService::NewStub(channel)) {
    SetDeadline(&context_);
    stream_ = stub_->Subscribe(&context_);
  }
  TestSubscription(const std::shared_ptr<grpc::Channel>& channel,
                   const v1::Open& open)
      : TestSubscription(channel) {
    Open(open);
  }
  // Opens with the checkpoint that another has verified.
  TestSubscription(const std::shared_ptr<grpc::Channel>& channel, v1::Open open,
                   const TestSubscription& before)
      : TestSubscription(channel) {
    proofs_ = ProofReader(before.proofs_.known());
    open.set_known_size(before.proofs_.known()->size);
    Open(open);
  }
  ~TestSubscription() {
    if (ended_) return;
    context_.TryCancel();
    stream_->Finish();
  }
  TestSubscription(const TestSubscription&) = delete;
  TestSubscription& operator=(const TestSubscription&) = delete;

  bool Open(const v1::Open& open) {
    v1::SubscribeRequest request;
    *request.mutable_open() = open;
    return stream_->Write(request);
  }
  bool Acknowledge(Position position) {
    v1::SubscribeRequest request;
    request.mutable_acknowledgement()->set_next_position(position);
    return stream_->Write(request);
  }
  void DoneSending() { stream_->WritesDone(); }
  void Cancel() { context_.TryCancel(); }

  // Takes one message in; false if the stream has ended.
  bool Read() {
    if (!stream_->Read(&last_)) return false;
    ++messages_;
    if (last_.has_opened() || last_.has_progress()) {
      const absl::Status proved = proofs_.Read(last_);
      EXPECT_TRUE(proved.ok()) << proved;
    }
    if (last_.has_opened()) opened_ = last_.opened();
    for (const v1::Entry& entry : last_.entries()) entries_.push_back(entry);
    if (last_.has_progress()) progress_ = last_.progress();
    if (last_.has_closing()) closing_ = last_.closing().reason();
    return true;
  }
  // Reads until the progress is there; false if the stream ends before.
  bool ReadTo(Position position) {
    while (progress_.next_position() < position) {
      if (!Read()) return false;
    }
    return true;
  }
  bool ReadUntilLive() {
    while (!progress_.live()) {
      if (!Read()) return false;
    }
    return true;
  }
  // Reads to the end, and returns how it ends.
  absl::Status End() {
    while (Read()) {
    }
    ended_ = true;
    return FromGrpc(stream_->Finish());
  }

  const v1::SubscribeResponse& last() const { return last_; }
  const v1::Opened& opened() const { return opened_; }
  const v1::Progress& progress() const { return progress_; }
  const std::string& closing() const { return closing_; }
  const std::vector<v1::Entry>& entries() const { return entries_; }
  std::vector<Position> positions() const {
    std::vector<Position> positions;
    for (const v1::Entry& entry : entries_) {
      positions.push_back(entry.position());
    }
    return positions;
  }
  int messages() const { return messages_; }
  void Forget() { entries_.clear(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<v1::RelayService::Stub> stub_;
  std::unique_ptr<
      grpc::ClientReaderWriter<v1::SubscribeRequest, v1::SubscribeResponse>>
      stream_;
  bool ended_ = false;
  ProofReader proofs_;
  int messages_ = 0;
  v1::SubscribeResponse last_;
  v1::Opened opened_;
  v1::Progress progress_;
  std::string closing_;
  std::vector<v1::Entry> entries_;
};

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SERVER_RELAY_TEST_SUBSCRIPTION_H_
