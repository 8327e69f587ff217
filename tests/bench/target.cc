#include "tests/bench/target.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "tests/bench/statements.h"

namespace gaceta::bench {
namespace {

constexpr absl::Duration kPatience = absl::Minutes(10);

absl::StatusOr<ChainHead> HeadOf(const std::shared_ptr<grpc::Channel>& channel,
                                 const std::string& publisher) {
  grpc::ClientContext context;
  context.set_wait_for_ready(true);
  context.set_deadline(absl::ToChronoTime(Deadline()));
  v1::GetChainHeadRequest request;
  request.set_publisher(publisher);
  v1::GetChainHeadResponse response;
  const grpc::Status status =
      v1::PublishingService::NewStub(channel)->GetChainHead(&context, request,
                                                            &response);
  if (!status.ok()) return FromGrpc(status);
  return ChainHead{response.sequence(), response.header_digest()};
}

}  // namespace

absl::Time Deadline() { return absl::Now() + kPatience; }

absl::StatusOr<PublisherWork> PrepareNode(const Target& target,
                                          const std::string& state, int count) {
  auto credentials = target.federation->CredentialsOf(MemberOf(state), "node");
  if (!credentials.ok()) return credentials.status();
  auto key = target.federation->SignerOf(state);
  if (!key.ok()) return key.status();
  PublisherWork work;
  work.channel = NewChannel(target.server, *credentials);
  auto head = HeadOf(work.channel, state);
  if (!head.ok()) return head.status();
  auto requests = SignRequests(state, *key, *head, count);
  if (!requests.ok()) return requests.status();
  work.requests = *std::move(requests);
  return work;
}

absl::StatusOr<std::unique_ptr<SubscriberLoad>> PrepareSubscribers(
    const Target& target, SubscriberLoad::Options options) {
  auto credentials =
      target.federation->CredentialsOf(kSubscriberOf, kSubscriberPath);
  if (!credentials.ok()) return credentials.status();
  options.server = target.server;
  options.credentials = *std::move(credentials);
  auto load = std::make_unique<SubscriberLoad>(std::move(options));
  if (absl::Status s = load->Connect(Deadline()); !s.ok()) return s;
  return load;
}

v1::Open FromStart() {
  v1::Open open;
  open.set_start_position(0);
  return open;
}

v1::Open FromNow() {
  v1::Open open;
  open.mutable_start_now();
  return open;
}

absl::StatusOr<std::int64_t> LogSize(const Target& target) {
  SubscriberLoad::Options options;
  options.open = FromNow();
  auto load = PrepareSubscribers(target, std::move(options));
  if (!load.ok()) return load.status();
  (*load)->Start();
  if (absl::Status s = (*load)->WaitOpened(Deadline()); !s.ok()) return s;
  return (*load)->log_size();
}

}  // namespace gaceta::bench
