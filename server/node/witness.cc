#include "server/node/witness.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "spdlog/spdlog.h"
#include "verify/checkpoint.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {

absl::StatusOr<std::unique_ptr<CheckpointWitness>> CheckpointWitness::Open(
    const ProjectedLog* mirror, CheckpointStore* store, NoteSigner signer,
    LogTrust* trust) {
  std::unique_ptr<CheckpointWitness> witness(
      new CheckpointWitness(mirror, store, std::move(signer), trust));
  auto note = store->Get(CheckpointKind::kWitnessed);
  if (!note.ok()) return note.status();
  if (note->has_value()) {
    auto checkpoint = CheckpointOf(**note);
    if (!checkpoint.ok()) return checkpoint.status();
    witness->known_ = {checkpoint->size, checkpoint->root};
  }
  return witness;
}

absl::StatusOr<WitnessAnswer> CheckpointWitness::Answer(const std::string& body,
                                                        absl::Time now) {
  if (absl::Status s = trust_->status(); !s.ok()) {
    return WitnessAnswer{
        403, absl::StrCat("this log is not trusted: ", s.message(), "\n")};
  }
  const auto registry = mirror_->registry().Snapshot();
  const LogPolicyInForce* in_force = registry->log_policy();
  absl::Span<const NoteKey> keys;
  if (in_force != nullptr) keys = in_force->policy.logs();
  WitnessDecision decision = DecideAddCheckpoint(body, keys, known_);
  if (decision.answer.status != 200) {
    // Signed by the log, and not shown to extend what this witness has seen:
    // the mirror says whether it is of another history.
    if (!decision.note.empty()) {
      trust_->Saw(decision.checkpoint, decision.note);
    }
    return decision.answer;
  }
  const Checkpoint& checkpoint = decision.checkpoint;
  if (const Position mirrored = mirror_->Size(); checkpoint.size > mirrored) {
    return WitnessAnswer{
        503, absl::StrCat("this witness mirrors ", mirrored, " of the log's ",
                          checkpoint.size, " entries so far\n")};
  }
  // Compared with what is mirrored, before it is vouched for.
  trust_->Saw(checkpoint, decision.note);
  if (absl::Status s = trust_->status(); !s.ok()) {
    return WitnessAnswer{
        403, absl::StrCat("this log is not trusted: ", s.message(), "\n")};
  }
  if (checkpoint.size != known_.size) {
    // What was cosigned must never be forgotten.
    if (absl::Status s = store_->Put(CheckpointKind::kWitnessed, decision.note);
        !s.ok()) {
      return s;
    }
    known_ = {checkpoint.size, checkpoint.root};
  }
  auto line = Cosign(FormatCheckpoint(checkpoint), signer_, now);
  if (!line.ok()) return line.status();
  {
    absl::MutexLock lock(&mu_);
    cosigned_ = absl::StrCat(decision.note, *line);
  }
  return WitnessAnswer{200, *std::move(line)};
}

std::string CheckpointWitness::cosigned() const {
  absl::MutexLock lock(&mu_);
  return cosigned_;
}

namespace {

// A mirror that is farther behind does not keep the line waiting.
constexpr absl::Duration kMirrorPatience = absl::Seconds(5);

void LogRefusal(const WitnessAnswer& answer) {
  if (answer.status == 200 || answer.status == 409) return;
  // A node that has just joined does not know the log yet, or not all of it.
  const bool passes = answer.status == 404 || answer.status == 503;
  spdlog::log(passes ? spdlog::level::info : spdlog::level::err,
              "witness refuses a checkpoint status={} why=\"{}\"",
              answer.status, std::string(absl::StripSuffix(answer.body, "\n")));
}

}  // namespace

WitnessLink::WitnessLink(std::unique_ptr<CheckpointWitness> witness,
                         std::shared_ptr<grpc::Channel> channel,
                         const ProjectedLog* mirror,
                         const client::BackoffOptions& backoff)
    : witness_(std::move(witness)),
      mirror_(mirror),
      stub_(v1::WitnessService::NewStub(channel)),
      backoff_(backoff) {}

WitnessLink::~WitnessLink() { Stop(); }

void WitnessLink::Start() {
  thread_ = std::thread([this] { Run(); });
}

void WitnessLink::MirrorGrew() {
  // What is waited for is looked at again when the lock is free.
  const absl::MutexLock lock(&mu_);
}

void WitnessLink::Stop() {
  calls_.Stop();
  {
    absl::MutexLock lock(&mu_);
    stop_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void WitnessLink::Run() {
  std::string last;
  while (!calls_.stopped()) {
    const absl::Status status = Serve();
    if (calls_.stopped()) return;
    std::string why(status.message());
    // Each trouble is told once, not at every attempt.
    spdlog::log(why == last ? spdlog::level::debug : spdlog::level::warn,
                "witness line ended why=\"{}\"", why);
    last = std::move(why);
    calls_.Sleep(backoff_.Next());
  }
}

void WitnessLink::AwaitMirror(const std::string& question) {
  const auto request = ParseAddCheckpoint(question);
  if (!request.ok()) return;
  const auto checkpoint = CheckpointOf(request->checkpoint);
  if (!checkpoint.ok()) return;
  const auto is_there = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return stop_ || mirror_->Size() >= checkpoint->size;
  };
  absl::MutexLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(&is_there), kMirrorPatience);
}

absl::Status WitnessLink::Serve() {
  grpc::ClientContext context;
  const CallSlot::Scope scope(&calls_, &context);
  const auto stream = stub_->Witness(&context);
  v1::WitnessRequest open;
  open.mutable_open()->set_registry_version(kRegistryVersion);
  stream->Write(open);
  v1::WitnessResponse question;
  absl::Status failed;
  while (stream->Read(&question)) {
    AwaitMirror(question.add_checkpoint());
    auto answer = witness_->Answer(question.add_checkpoint(), absl::Now());
    if (!answer.ok()) {
      failed = answer.status();
      context.TryCancel();
      break;
    }
    LogRefusal(*answer);
    v1::WitnessRequest request;
    request.set_status(answer->status);
    request.set_body(std::move(answer->body));
    if (!stream->Write(request)) break;
    backoff_.Reset();
  }
  const absl::Status status = FromGrpc(stream->Finish());
  if (!failed.ok()) return failed;
  return status.ok() ? absl::UnavailableError("the hub ended the line")
                     : status;
}

}  // namespace gaceta
