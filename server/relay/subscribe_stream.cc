#include "server/relay/subscribe_stream.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "google/protobuf/util/message_differencer.h"
#include "server/relay/beyond_log.h"
#include "server/relay/known_fields.h"
#include "server/relay/subscription_names.h"

namespace gaceta {
namespace {

constexpr absl::string_view kMethod = "gaceta.v1.RelayService/Subscribe";
constexpr absl::Duration kMinHeartbeat = absl::Seconds(1);
constexpr absl::Duration kMaxHeartbeat = absl::Seconds(300);
// How soon a client hears of entries that its filter did not pass, and of new
// cosignatures.
constexpr absl::Duration kQuietProgress = absl::Seconds(1);

grpc::ByteBuffer ToBuffer(const v1::SubscribeResponse& response) {
  grpc::Slice slice(response.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

bool Parse(const grpc::ByteBuffer& buffer, v1::SubscribeRequest* request) {
  grpc::Slice slice;
  return buffer.DumpToSingleSlice(&slice).ok() &&
         request->ParseFromArray(slice.begin(), static_cast<int>(slice.size()));
}

// Whatever the order of values.
bool IsSameFilter(const v1::Filter& one, const v1::Filter& other) {
  google::protobuf::util::MessageDifferencer differencer;
  differencer.set_repeated_field_comparison(
      google::protobuf::util::MessageDifferencer::AS_SET);
  return differencer.Compare(one, other);
}

std::string FilterText(const v1::Filter& filter) {
  const std::string text = filter.ShortDebugString();
  return text.empty() ? "everything" : text;
}

absl::Status CheckSameFilter(const NamedSubscription& known,
                             const v1::Open& open) {
  if (IsSameFilter(known.filter, open.filter())) return absl::OkStatus();
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "subscription ", known.name, " passes ", FilterText(known.filter),
          ", and is opened with ", FilterText(open.filter()),
          "; what it has not passed would count as acknowledged: take another "
          "name, or delete it (gaceta subscriptions delete ",
          open.subscription(), ")")),
      "ANOTHER_FILTER", {{"name", known.name}});
}

}  // namespace

SubscribeStream::SubscribeStream(SubscribeHost* host, RawRelayService* service,
                                 OpenCalls* calls)
    : Call(calls), host_(host), stream_(context()) {
  service->RequestSubscribe(context(), &stream_, loop()->queue(),
                            loop()->queue(), WaitForCall());
}

SubscribeStream::~SubscribeStream() {
  if (awaits_turn_) loop()->LeaveLine(this);
  if (admitted_) host_->Release(identity_);
  if (connected_) host_->Connected(subscription_, false);
}

void SubscribeStream::SetState(State state, absl::string_view /*why*/) {
  state_ = state;
}

void SubscribeStream::OnOpen() {
  SetState(State::kOpening, "call came in");
  last_sent_ = absl::Now();
  auto caller = host_->dependencies().authorizer->Authorize(
      *context()->auth_context(), kMethod);
  if (!caller.ok()) {
    End(caller.status(), "");
    return;
  }
  caller_ = *std::move(caller);
  identity_ = caller_->peer.id.ToString();
  if (!host_->Admit(identity_)) {
    End(WithReason(
            absl::ResourceExhaustedError(absl::StrCat(
                identity_, " has ", host_->options().max_streams_per_identity,
                " streams open, as many as it may")),
            "TOO_MANY_STREAMS",
            {{"limit",
              absl::StrCat(host_->options().max_streams_per_identity)}}),
        "");
    return;
  }
  admitted_ = true;
  StartRead();
}

void SubscribeStream::StartRead() { stream_.Read(&incoming_, read_.Begin()); }

void SubscribeStream::OnRead(bool ok) {
  if (state_ == State::kEnding || is_over()) return;
  if (!ok) {
    // The client has nothing more to say. It may go on listening; if it went
    // away, the call will be over.
    if (state_ == State::kOpening) {
      End(InvalidField("open", "is missing: the stream ended before it"), "");
    }
    return;
  }
  v1::SubscribeRequest request;
  absl::Status status;
  if (!Parse(incoming_, &request)) {
    status = absl::InvalidArgumentError(
        "message does not parse as gaceta.v1.SubscribeRequest");
  } else if (state_ == State::kOpening) {
    status = request.has_open()
                 ? Open(request.open())
                 : InvalidField("open", "is missing in the first message");
  } else {
    status = request.has_acknowledgement()
                 ? Acknowledge(request.acknowledgement())
                 : InvalidField("acknowledgement",
                                "is missing, expected in later messages");
  }
  if (!status.ok()) {
    End(status, "");
    return;
  }
  StartRead();
  Advance();
}

absl::Status SubscribeStream::Open(const v1::Open& open) {
  const RelayDependencies& deps = host_->dependencies();
  auto compiled = CompiledFilter::Compile(
      open.filter(), Reader{caller_->member, caller_->is_state},
      deps.federation());
  if (!compiled.ok()) return compiled.status();
  if (absl::Status s = CheckKnownFields("open", open); !s.ok()) return s;
  if (absl::Status s = SetHeartbeat(open); !s.ok()) return s;
  if (absl::Status s = SetSubscription(open); !s.ok()) return s;
  auto start = StartOf(open);
  if (!start.ok()) return start.status();

  filter_ = open.filter();
  acknowledged_ = *start;
  EntryStream::Options options;
  options.include_unmatched_headers = open.include_unmatched_headers();
  options.headers_only = open.headers_only();
  entries_ = std::make_unique<EntryStream>(
      deps.cache, deps.proofs, *std::move(compiled), *start, options);
  v1::SubscribeResponse response;
  if (absl::Status s = ProveStart(open, &response); !s.ok()) return s;
  if (!subscription_.empty()) {
    deps.subscriptions->Put(
        {subscription_, identity_, filter_, *start, absl::Now()});
    connected_ = true;
    host_->Connected(subscription_, true);
  }
  response.mutable_opened()->set_start_position(*start);
  response.mutable_opened()->set_log_size(deps.cache->Size());
  response.mutable_opened()->set_log_origin(deps.log_origin);
  SetState(State::kStreaming, "opened");
  Write(ToBuffer(response));
  return absl::OkStatus();
}

absl::Status SubscribeStream::ProveStart(const v1::Open& open,
                                         v1::SubscribeResponse* response) {
  const Position end = host_->dependencies().cache->Size();
  if (open.known_size() < 0 || open.known_size() > end) {
    return BeyondLog("open.known_size", open.known_size(), end);
  }
  return entries_->ProveStart(open.known_size(), response);
}

absl::Status SubscribeStream::SetHeartbeat(const v1::Open& open) {
  heartbeat_ = host_->options().heartbeat;
  if (!open.has_heartbeat()) return absl::OkStatus();
  heartbeat_ = absl::Seconds(open.heartbeat().seconds()) +
               absl::Nanoseconds(open.heartbeat().nanos());
  if (heartbeat_ >= kMinHeartbeat && heartbeat_ <= kMaxHeartbeat) {
    return absl::OkStatus();
  }
  return InvalidField("open.heartbeat",
                      absl::StrCat("is ", absl::FormatDuration(heartbeat_),
                                   ", expected 1s to 300s"));
}

absl::Status SubscribeStream::SetSubscription(const v1::Open& open) {
  if (open.subscription().empty()) return absl::OkStatus();
  if (!IsShortSubscriptionName(open.subscription())) {
    return InvalidField(
        "open.subscription",
        absl::StrCat("is \"", open.subscription().substr(0, 100),
                     "\", expected [a-z0-9-]{1,63}"));
  }
  subscription_ = FullSubscriptionName(caller_->peer.id, open.subscription());
  // The server keeps them for ever, so that each one counts.
  SubscriptionTable& table = *host_->dependencies().subscriptions;
  const int limit = host_->options().max_subscriptions_per_identity;
  if (host_->IsConnected(subscription_)) {
    return WithReason(
        absl::UnavailableError(absl::StrCat(
            "subscription ", subscription_,
            " is in use by another stream; each program needs a name of its "
            "own")),
        "SUBSCRIPTION_IN_USE", {{"name", subscription_}});
  }
  if (const auto known = table.Get(subscription_); known.has_value()) {
    return CheckSameFilter(*known, open);
  }
  if (static_cast<int>(
          table.List(FullSubscriptionName(caller_->peer.id, ""), "", limit)
              .size()) < limit) {
    return absl::OkStatus();
  }
  return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                        identity_, " has ", limit,
                        " named subscriptions, as many as it may; delete one")),
                    "TOO_MANY_SUBSCRIPTIONS", {{"limit", absl::StrCat(limit)}});
}

absl::StatusOr<Position> SubscribeStream::StartOf(const v1::Open& open) {
  const RelayDependencies& deps = host_->dependencies();
  const Position end = deps.cache->Size();
  switch (open.start_case()) {
    case v1::Open::kStartPosition:
      if (open.start_position() < 0 || open.start_position() > end) {
        return BeyondLog("open.start_position", open.start_position(), end);
      }
      return open.start_position();
    case v1::Open::kStartTime: {
      auto found = deps.index->FindByTime(
          absl::FromUnixSeconds(open.start_time().seconds()) +
          absl::Nanoseconds(open.start_time().nanos()));
      if (!found.ok()) return found.status();
      return std::min(*found, end);
    }
    case v1::Open::kStartNow:
      return end;
    case v1::Open::START_NOT_SET:
      break;
  }
  if (subscription_.empty()) {
    return InvalidField("open.start",
                        "is missing, expected start_position, start_time, "
                        "start_now or a named subscription");
  }
  auto known = deps.subscriptions->Get(subscription_);
  if (!known.has_value()) {
    return WithReason(absl::NotFoundError(absl::StrCat(
                          "open.subscription: there is no subscription ",
                          subscription_, " yet; open it once with a start")),
                      "UNKNOWN_SUBSCRIPTION", {{"name", subscription_}});
  }
  return std::min(known->next_position, end);
}

absl::Status SubscribeStream::Acknowledge(
    const v1::Acknowledgement& acknowledgement) {
  const Position next = acknowledgement.next_position();
  if (next < acknowledged_ || next > entries_->sent_position()) {
    return InvalidField(
        "acknowledgement.next_position",
        absl::StrCat("is ", next, ", expected ", acknowledged_,
                     " (acknowledged before) to ", entries_->sent_position(),
                     " (the stream's progress)"));
  }
  acknowledged_ = next;
  if (!subscription_.empty()) {
    host_->dependencies().subscriptions->Acknowledge(subscription_, next,
                                                     absl::Now());
  }
  return absl::OkStatus();
}

void SubscribeStream::Write(const grpc::ByteBuffer& message) {
  writing_ = true;
  last_sent_ = absl::Now();
  stream_.Write(message, write_.Begin());
}

void SubscribeStream::OnWritten(bool ok) {
  writing_ = false;
  // If the connection is gone, the call will be over.
  if (!ok || is_over()) return;
  if (state_ == State::kEnding) {
    FinishIfIdle();
    return;
  }
  Advance();
}

void SubscribeStream::Advance() {
  if (!MaySend()) return;
  if (entries_->is_near_end()) {
    Pump();
  } else {
    AwaitTurn();
  }
}

void SubscribeStream::AwaitTurn() {
  if (awaits_turn_) return;
  awaits_turn_ = true;
  loop()->AwaitTurn(this);
}

void SubscribeStream::TakeTurn() {
  awaits_turn_ = false;
  if (MaySend()) Pump();
}

void SubscribeStream::Pump() {
  grpc::ByteBuffer message;
  auto step = entries_->Next(&message);
  if (!step.ok()) {
    End(step.status(), "READ_FAILED");
    return;
  }
  switch (*step) {
    case EntryStream::Step::kMessage:
      Write(message);
      break;
    case EntryStream::Step::kMore:
      AwaitTurn();
      break;
    case EntryStream::Step::kAtEnd:
      // A client that waits to be live hears of it at once.
      if (!entries_->told_live()) WriteProgress();
      break;
    case EntryStream::Step::kLoading:
      // The cache tells the loop when it has changed.
      break;
  }
}

void SubscribeStream::Tick(absl::Time now) {
  if (!MaySend()) return;
  const bool has_news = entries_->position() > entries_->sent_position() ||
                        entries_->has_cosigned();
  if (now - last_sent_ >= (has_news ? kQuietProgress : heartbeat_)) {
    WriteProgress();
  }
}

void SubscribeStream::WriteProgress() {
  auto message = entries_->ProgressMessage();
  if (message.ok()) {
    Write(*message);
  } else {
    End(message.status(), "READ_FAILED");
  }
}

void SubscribeStream::FollowRegistry() {
  // What is not open yet is looked at too: it would open as who it was.
  if (!caller_.has_value() || state_ == State::kEnding || is_over()) return;
  auto caller =
      host_->dependencies().authorizer->AuthorizeId(caller_->peer.id, kMethod);
  if (!caller.ok()) {
    End(caller.status(), "REVOKED");
    return;
  }
  caller_ = *std::move(caller);
  if (state_ != State::kStreaming) return;
  auto compiled = CompiledFilter::Compile(
      filter_, Reader{caller_->member, caller_->is_state},
      host_->dependencies().federation());
  if (compiled.ok()) {
    entries_->set_filter(*std::move(compiled));
  } else {
    End(compiled.status(), "FILTER_INVALID");
  }
}

void SubscribeStream::Drain() {
  End(WithReason(absl::UnavailableError("the server shuts down; reconnect"),
                 "DRAINING"),
      "DRAINING");
}

void SubscribeStream::End(const absl::Status& status,
                          absl::string_view closing_reason) {
  if (state_ == State::kEnding || is_over()) return;
  end_status_ = status;
  closing_reason_ = std::string(closing_reason);
  SetState(State::kEnding, status.message());
  FinishIfIdle();
}

void SubscribeStream::FinishIfIdle() {
  if (writing_ || finished_ || is_over()) return;
  finished_ = true;
  const grpc::Status status = ToGrpc(*end_status_);
  if (closing_reason_.empty()) {
    stream_.Finish(status, finish_.Begin());
    return;
  }
  v1::SubscribeResponse response;
  response.mutable_closing()->set_reason(closing_reason_);
  stream_.WriteAndFinish(ToBuffer(response), grpc::WriteOptions(), status,
                         finish_.Begin());
}

}  // namespace gaceta
