#include "server/node/refusals.h"

#include <string>

#include "absl/container/flat_hash_map.h"
#include "errors/errors.h"

namespace gaceta {
namespace {

RefusalAction ActionForCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kAlreadyExists:
      return RefusalAction::kRefuse;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kUnimplemented:
    case absl::StatusCode::kDataLoss:
      return RefusalAction::kHold;
    default:
      return RefusalAction::kRetry;
  }
}

}  // namespace

RefusalAction ActionFor(const absl::Status& error) {
  static const auto* actions =
      new absl::flat_hash_map<std::string, RefusalAction>{
          {"RULE_VIOLATION", RefusalAction::kRefuse},
          {"MALFORMED_STATEMENT", RefusalAction::kRefuse},
          {"MALFORMED_PAYLOAD", RefusalAction::kRefuse},
          {"PAYLOAD_DIGEST_MISMATCH", RefusalAction::kRefuse},
          {"TOO_LARGE", RefusalAction::kRefuse},
          {"STATEMENT_ID_TAKEN", RefusalAction::kRefuse},
          {"DOCUMENT_MISSING", RefusalAction::kBringDocuments},
          {"SEQUENCE_GAP", RefusalAction::kAskHead},
          {"SEQUENCE_TAKEN", RefusalAction::kAskHead},
          {"WRONG_PREDECESSOR", RefusalAction::kAskHead},
          {"BAD_SIGNATURE", RefusalAction::kCheckSignature},
          {"UNKNOWN_KEY", RefusalAction::kCheckSignature},
          {"WRONG_LOG", RefusalAction::kCheckSignature},
          {"WRONG_PUBLISHER", RefusalAction::kHold},
          {"MEMBER_SUSPENDED", RefusalAction::kHold},
          {"RATE_LIMITED", RefusalAction::kRetry},
          {"DRAINING", RefusalAction::kRetry},
      };
  const auto found = actions->find(Reason(error));
  return found != actions->end() ? found->second : ActionForCode(error.code());
}

absl::string_view RefusalActionName(RefusalAction action) {
  switch (action) {
    case RefusalAction::kRefuse:
      return "refuse";
    case RefusalAction::kBringDocuments:
      return "bring-documents";
    case RefusalAction::kAskHead:
      return "ask-head";
    case RefusalAction::kCheckSignature:
      return "check-signature";
    case RefusalAction::kHold:
      return "hold";
    case RefusalAction::kRetry:
      return "retry";
  }
  return "unknown";
}

}  // namespace gaceta
