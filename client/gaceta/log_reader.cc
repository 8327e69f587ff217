#include "gaceta/log_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/retry.h"
#include "verify/checkpoint.h"
#include "verify/merkle.h"

namespace gaceta::client {
namespace {

absl::StatusOr<std::unique_ptr<EvidenceFolder>> OpenEvidence(
    const std::string& folder) {
  if (folder.empty()) return std::unique_ptr<EvidenceFolder>();
  auto opened = EvidenceFolder::Open(folder);
  if (!opened.ok()) return opened;
  if (absl::Status s = (*opened)->CheckTrusted(); !s.ok()) return s;
  return opened;
}

absl::Status NoQuorum(const LogPolicy::Opened& opened, absl::string_view what) {
  return WithReason(
      absl::UnavailableError(absl::StrCat(
          what,
          ": no quorum of witnesses has cosigned a checkpoint of the log "
          "that has it yet; the one of ",
          opened.checkpoint.size, " entries has ", opened.cosignatures.size(),
          " cosignatures")),
      "QUORUM_MISSING");
}

}  // namespace

// A checkpoint that was verified before.
struct LogReader::Known {
  Checkpoint checkpoint;
  std::string note;
};

absl::StatusOr<std::unique_ptr<LogReader>> LogReader::Create(
    LogReaderOptions options) {
  auto evidence = OpenEvidence(options.evidence_folder);
  if (!evidence.ok()) return evidence.status();
  auto opened = OpenSource(options.source);
  if (!opened.ok()) return opened.status();
  // One connection for both.
  LogSource shared = options.source;
  shared.channel = opened->channel;
  auto registry = Registry::Create(shared, options.backoff);
  if (!registry.ok()) return registry.status();
  return std::unique_ptr<LogReader>(new LogReader(
      std::move(options), std::move(opened->log_origin),
      std::move(opened->channel), *std::move(registry), *std::move(evidence)));
}

LogReader::LogReader(LogReaderOptions options, std::string log_origin,
                     std::shared_ptr<grpc::Channel> channel,
                     std::unique_ptr<Registry> registry,
                     std::unique_ptr<EvidenceFolder> evidence)
    : options_(std::move(options)),
      log_origin_(std::move(log_origin)),
      stub_(v1::LogService::NewStub(channel)),
      registry_(std::move(registry)),
      evidence_(std::move(evidence)) {}

absl::StatusOr<LogCheckpoint> LogReader::Newest(
    const std::vector<std::string>& known, absl::Time deadline) {
  if (known.empty()) return Fetch({}, deadline);
  std::vector<Known> all;
  for (const std::string& note : known) {
    auto checkpoint = CheckpointOf(note);
    if (!checkpoint.ok() || checkpoint->origin != log_origin_) {
      return InvalidField(
          "known", absl::StrCat("has what is no checkpoint of ", log_origin_));
    }
    all.push_back({*std::move(checkpoint), note});
  }
  // All must be beginnings of one and the same tree. The log may grow between
  // two questions: then it is begun again with the newer one.
  LogCheckpoint newest;
  std::size_t agreed = 0;
  for (std::size_t i = 0; agreed < all.size(); ++i) {
    if (i > 0 && absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          "the log grew each time that it was asked for a checkpoint");
    }
    auto next = FetchExtending(all[i % all.size()], deadline);
    if (!next.ok()) return next;
    const Checkpoint& one = newest.opened.checkpoint;
    const Checkpoint& other = next->opened.checkpoint;
    if (agreed > 0 && one.size == other.size && one.root != other.root) {
      return Condemn("LOG_FORKED",
                     absl::StrCat("the log of ", one.size,
                                  " entries has two different roots"),
                     {newest.note, next->note});
    }
    agreed = agreed > 0 && one == other ? agreed + 1 : 1;
    newest = *std::move(next);
  }
  return newest;
}

absl::StatusOr<LogCheckpoint> LogReader::NewestCosigned(
    const std::vector<std::string>& known, absl::Time deadline) {
  v1::GetCheckpointRequest request;
  request.set_cosigned(true);
  auto cosigned = Fetch(request, deadline);
  const auto registry = registry_->Latest();
  const bool needs_none = registry->log_policy() != nullptr &&
                          registry->log_policy()->policy.IsQuorum({});
  if (!cosigned.ok() && needs_none) return Newest(known, deadline);
  if (!cosigned.ok()) return cosigned;
  if (!cosigned->opened.has_quorum) {
    return NoQuorum(cosigned->opened, "checkpoint");
  }
  if (known.empty()) return cosigned;
  std::vector<std::string> all = known;
  all.push_back(cosigned->note);
  auto newest = Newest(all, deadline);
  if (!newest.ok()) return newest;
  return cosigned;
}

absl::StatusOr<LogCheckpoint> LogReader::Fetch(
    const v1::GetCheckpointRequest& request, absl::Time deadline) {
  // The policy says whether a quorum is asked for at all.
  if (absl::Status s = registry_->Refresh(deadline); !s.ok()) return s;
  auto answer = Ask(request, deadline);
  if (!answer.ok()) return answer.status();
  auto opened = registry_->OpenCheckpoint(answer->checkpoint(), deadline);
  if (!opened.ok()) return opened.status();
  return LogCheckpoint{std::move(*answer->mutable_checkpoint()),
                       *std::move(opened)};
}

absl::StatusOr<v1::GetCheckpointResponse> LogReader::Ask(
    const v1::GetCheckpointRequest& request, absl::Time deadline) {
  v1::GetCheckpointResponse response;
  const absl::Status status = Retry(
      {options_.backoff, deadline},
      [&](grpc::ClientContext* context, bool* /*progress*/) {
        return FromGrpc(stub_->GetCheckpoint(context, request, &response));
      });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<LogCheckpoint> LogReader::FetchExtending(const Known& known,
                                                        absl::Time deadline) {
  v1::GetCheckpointRequest request;
  request.set_known_size(known.checkpoint.size);
  v1::GetCheckpointResponse answer;
  bool behind = false;
  const absl::Status status = Retry(
      {options_.backoff, std::min(deadline, absl::Now() + options_.patience)},
      [&](grpc::ClientContext* context, bool* /*progress*/) {
        absl::Status s =
            FromGrpc(stub_->GetCheckpoint(context, request, &answer));
        // An attempt that was cut short says nothing: the answer before counts.
        if (!absl::IsDeadlineExceeded(s)) {
          behind = absl::IsOutOfRange(s) || absl::IsNotFound(s);
        }
        // It may reach it soon.
        return behind ? absl::UnavailableError(s.message()) : s;
      });
  if (behind) return Shortened(known, deadline);
  if (!status.ok()) return status;

  auto opened = registry_->OpenCheckpoint(answer.checkpoint(), deadline);
  if (!opened.ok()) return opened.status();
  const Checkpoint& newest = opened->checkpoint;
  if (newest.size < known.checkpoint.size) return Shortened(known, deadline);
  if (newest.size == known.checkpoint.size &&
      newest.root != known.checkpoint.root) {
    return Condemn("LOG_FORKED",
                   absl::StrCat("the log of ", newest.size,
                                " entries has another root than it had"),
                   {known.note, answer.checkpoint()});
  }
  auto proof = SplitHashes(answer.consistency());
  const absl::Status extends =
      proof.ok()
          ? VerifyConsistency(known.checkpoint.size, known.checkpoint.root,
                              newest.size, newest.root, *proof)
          : proof.status();
  if (!extends.ok()) {
    return Condemn("BAD_CONSISTENCY_PROOF",
                   absl::StrCat("checkpoint ", newest.size,
                                " is not shown to extend checkpoint ",
                                known.checkpoint.size,
                                ", which was known: ", extends.message()),
                   {known.note, answer.checkpoint()});
  }
  return LogCheckpoint{std::move(*answer.mutable_checkpoint()),
                       *std::move(opened)};
}

absl::Status LogReader::Shortened(const Known& known, absl::Time deadline) {
  auto shown = Fetch({}, deadline);
  if (absl::IsNotFound(shown.status())) {
    return Condemn("LOG_SHORTENED",
                   absl::StrCat("the log is empty, and had ",
                                known.checkpoint.size, " entries"),
                   {known.note});
  }
  if (!shown.ok()) return shown.status();
  if (shown->opened.checkpoint.size >= known.checkpoint.size) {
    return absl::UnavailableError(
        "the server has just reached the checkpoint that is known");
  }
  return Condemn(
      "LOG_SHORTENED",
      absl::StrCat("the log ends at ", shown->opened.checkpoint.size,
                   ", and had ", known.checkpoint.size,
                   " entries: it was set back, or this server is stuck"),
      {known.note, shown->note});
}

absl::Status LogReader::Condemn(absl::string_view reason,
                                absl::string_view text,
                                const std::vector<std::string>& notes) {
  if (evidence_ == nullptr) {
    return WithReason(absl::DataLossError(text), reason);
  }
  v1::Evidence evidence;
  evidence.set_reason(std::string(reason));
  evidence.set_description(std::string(text));
  for (const std::string& note : notes) evidence.add_checkpoints(note);
  return FailWithEvidence(evidence, evidence_.get());
}

absl::StatusOr<ProvedEntry> LogReader::Prove(std::int64_t position,
                                             absl::Time deadline) {
  absl::StatusOr<ProvedEntry> proved;
  const absl::Status status =
      Retry({options_.backoff, deadline},
            [&](grpc::ClientContext* context, bool* /*progress*/) {
              proved = TryProve(position, context, deadline);
              return proved.status();
            });
  if (!status.ok()) return status;
  return proved;
}

absl::StatusOr<ProvedEntry> LogReader::TryProve(std::int64_t position,
                                                grpc::ClientContext* context,
                                                absl::Time deadline) {
  v1::GetProofRequest request;
  request.set_position(position);
  v1::GetProofResponse response;
  if (absl::Status s = FromGrpc(stub_->GetProof(context, request, &response));
      !s.ok()) {
    return s;
  }
  if (response.entry().position() != position) {
    return WithReason(absl::DataLossError(
                          absl::StrCat("asked for entry ", position, ", entry ",
                                       response.entry().position(), " came")),
                      "WRONG_ENTRY");
  }
  auto entry = registry_->Verify(std::move(*response.mutable_entry()),
                                 response.checkpoint(), deadline);
  if (!entry.ok()) return entry.status();
  auto proof = SplitHashes(entry->entry.inclusion_proof());
  if (!proof.ok()) return proof.status();

  const auto registry = registry_->Latest();
  ProvedEntry proved;
  proved.receipt = {entry->entry.leaf(), position, *std::move(proof),
                    std::move(*response.mutable_checkpoint())};
  proved.entry = *std::move(entry);
  // The same checks that a third party will make.
  auto opened =
      VerifyLogReceipt(proved.receipt, registry->log_policy()->policy);
  if (Reason(opened.status()) == "QUORUM_MISSING") {
    return WithReason(absl::UnavailableError(opened.status().message()),
                      "QUORUM_MISSING");
  }
  if (!opened.ok()) return opened.status();
  proved.checkpoint = *std::move(opened);
  v1::Leaf leaf;
  leaf.ParseFromString(proved.receipt.leaf);
  const v1::SignerKey* signer = registry->FindSigner(leaf.key_id());
  if (signer == nullptr) {
    return absl::InternalError(absl::StrCat(
        "entry ", position, ": its key holds and is not in the registry"));
  }
  proved.signer = *signer;
  return proved;
}

}  // namespace gaceta::client
