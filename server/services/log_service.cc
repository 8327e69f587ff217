#include "server/services/log_service.h"

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "server/relay/beyond_log.h"
#include "server/services/entry_proofs.h"
#include "verify/merkle.h"

namespace gaceta {
grpc::Status LogService::GetCheckpoint(grpc::ServerContext* context,
                                       const v1::GetCheckpointRequest* request,
                                       v1::GetCheckpointResponse* response) {
  auto caller = authorizer_->Authorize(*context->auth_context(),
                                       "gaceta.v1.LogService/GetCheckpoint");
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(Checkpoint(*request, response));
}

absl::Status LogService::Checkpoint(const v1::GetCheckpointRequest& request,
                                    v1::GetCheckpointResponse* response) {
  const LogHeadPtr head = log_->head();
  if (head == nullptr || (request.cosigned() && head->cosigned_size == 0)) {
    return WithReason(
        absl::NotFoundError(head == nullptr
                                ? "the log is empty"
                                : "no quorum has cosigned a checkpoint yet"),
        "NO_CHECKPOINT");
  }
  const Position known = request.known_size();
  if (known < 0) {
    return InvalidField("known_size", absl::StrCat("is ", known, ", below 0"));
  }
  if (known > head->checkpoint.size) {
    return BeyondLog("known_size", known, head->checkpoint.size);
  }
  const Position size =
      request.cosigned() ? head->cosigned_size : head->checkpoint.size;
  response->set_checkpoint(request.cosigned() ? head->cosigned_note
                                              : head->note);
  if (known > size) return absl::OkStatus();
  auto proof = log_->tree().Consistency(known, size);
  if (!proof.ok()) return proof.status();
  response->set_consistency(JoinHashes(*proof));
  return absl::OkStatus();
}

grpc::Status LogService::GetProof(grpc::ServerContext* context,
                                  const v1::GetProofRequest* request,
                                  v1::GetProofResponse* response) {
  auto caller = authorizer_->Authorize(*context->auth_context(),
                                       "gaceta.v1.LogService/GetProof");
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(Prove(*request, response));
}

absl::Status LogService::Prove(const v1::GetProofRequest& request,
                               v1::GetProofResponse* response) {
  const Position position = request.position();
  const LogHeadPtr head = log_->head();
  const Position end = head == nullptr ? 0 : head->checkpoint.size;
  if (position < 0 || position >= end) {
    return BeyondLog("position", position, end);
  }
  auto entries = log_->cache().Read(position, 1);
  if (!entries.ok()) return entries.status();
  *response->mutable_entry() =
      (*entries)[0]->ToProto(v1::Entry::OMISSION_NOT_REQUESTED);
  const bool cosigned = position < head->cosigned_size;
  response->set_checkpoint(cosigned ? head->cosigned_note : head->note);
  return ProveEntryAt(*log_, cosigned ? head->cosigned_size : end,
                      response->mutable_entry());
}

}  // namespace gaceta
