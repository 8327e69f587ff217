#include "server/hub/statement_checker.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "server/law/update_rules.h"
#include "verify/digest.h"
#include "verify/entry_verifier.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

absl::Status CheckLog(const v1::StatementHeader& header,
                      const std::string& log_origin) {
  if (header.log_origin() == log_origin) return absl::OkStatus();
  return WithReason(
      absl::InvalidArgumentError(absl::StrCat(
          "statement ", header.statement_id(), " is meant for log ",
          header.log_origin().substr(0, 100), ", expected ", log_origin)),
      "WRONG_LOG", {{"expected", log_origin}});
}

absl::Status MalformedPayload(const v1::StatementHeader& header,
                              absl::string_view why) {
  return WithReason(
      absl::InvalidArgumentError(
          absl::StrCat("statement ", header.statement_id(), ": payload ", why)),
      "MALFORMED_PAYLOAD");
}

}  // namespace

absl::Status StatementChecker::CheckPublisher(const Caller& caller,
                                              const std::string& publisher) {
  // A registrar fills the registry before it is in it.
  const bool secretariat = caller.peer.role == Role::kRegistrar;
  const std::string own =
      secretariat ? std::string(kSecretariat) : caller.member;
  if (!own.empty() && publisher == own) return absl::OkStatus();
  return WithReason(
      absl::PermissionDeniedError(absl::StrCat(
          "identity ", caller.peer.id.ToString(), " publishes for ",
          own.empty() ? "nobody" : own, ", not for ", publisher)),
      "WRONG_PUBLISHER", {{"seen", publisher}, {"expected", own}});
}

absl::StatusOr<StatementChecker::Checked> StatementChecker::Check(
    const Caller& caller, v1::Statement statement) const {
  auto header = ParseHeader(statement.header());
  if (!header.ok()) return header.status();
  Checked checked;
  Candidate& candidate = checked.candidate;
  candidate.header = *std::move(header);
  candidate.header_digest = Sha256(statement.header());
  candidate.statement = std::move(statement);

  // Who, then for which log, then whether it is what was signed: what has not
  // been signed by its publisher tells nothing and leaves no trace.
  if (absl::Status s = CheckPublisher(caller, candidate.header.publisher());
      !s.ok()) {
    return s;
  }
  if (absl::Status s = CheckLog(candidate.header, log_origin_); !s.ok()) {
    return s;
  }
  if (absl::Status s =
          VerifyPayload(candidate.header, candidate.statement.payload());
      !s.ok()) {
    return s;
  }
  // What was sent before is judged as it was then: an update that repealed a
  // law may not repeal it twice, but may be sent twice; and a key that was
  // revoked since still signed it.
  auto in_log = log_->index().FindById(candidate.header.statement_id());
  if (!in_log.ok()) return absl::UnavailableError(in_log.status().message());
  if (in_log->has_value() &&
      (*in_log)->header_digest == candidate.header_digest) {
    return checked;
  }
  // Each change of the registry may decide over the next one's key, so their
  // signatures are checked in their place in the order.
  if (EntryVerifier::IsRegistryChange(candidate.header)) return checked;

  candidate.registry = log_->registry().Snapshot();
  auto key = candidate.registry->FindKey(candidate.header.publisher(),
                                         candidate.statement.key_id(), kLatest);
  if (!key.ok()) return key.status();
  if (absl::Status s = VerifyHeaderSignature(
          candidate.statement.header(), candidate.statement.signature(), *key);
      !s.ok()) {
    return s;
  }
  // With the id of another statement it is refused whatever it says: by the
  // sequencer, which keeps evidence.
  if (in_log->has_value() ||
      history_->IsUnderWay(candidate.header.statement_id(),
                           candidate.header_digest)) {
    return checked;
  }

  v1::Update update;
  if (absl::Status s = CheckUpdate(&candidate, &update); !s.ok()) return s;
  checked.under_way = std::make_unique<HubHistory::UnderWay>(
      history_, candidate.header, candidate.header_digest, update);
  return checked;
}

absl::Status StatementChecker::CheckUpdate(Candidate* candidate,
                                           v1::Update* update) const {
  const v1::StatementHeader& header = candidate->header;
  if (header.payload_type() != kUpdatePayloadType) {
    return MalformedPayload(
        header,
        absl::StrCat("is of type ", header.payload_type().substr(0, 100),
                     ", expected ", kUpdatePayloadType));
  }
  if (!update->ParseFromString(candidate->statement.payload())) {
    return MalformedPayload(header, "does not parse as gaceta.v1.Update");
  }
  // The nonce hides what the digest would tell; it is not optional here.
  if (update->nonce().size() != 16) {
    return InvalidFields(
        "RULE_VIOLATION",
        {{"update.nonce", absl::StrCat("has ", update->nonce().size(),
                                       " bytes, expected 16")}});
  }
  const absl::CivilDay today =
      absl::ToCivilDay(absl::Now(), absl::UTCTimeZone());
  RuleFindings findings =
      gaceta::CheckUpdate(*update, header.audience(), header.publisher(),
                          *candidate->registry, *history_, today);
  if (!findings.violations.empty()) {
    return InvalidFields("RULE_VIOLATION", findings.violations);
  }
  candidate->warnings = std::move(findings.warnings);
  return CheckDocuments(*update, *candidate->registry);
}

absl::Status StatementChecker::CheckDocuments(
    const v1::Update& update, const Federation& registry) const {
  for (int i = 0; i < update.documents_size(); ++i) {
    const v1::Document& document = update.documents(i);
    if (!document.uri().empty()) continue;
    // It was there. A statement that was sent before it was erased may come
    // again.
    if (registry.document_erasures().contains(document.sha256())) continue;
    auto presence = documents_->Find(document.sha256());
    if (!presence.ok()) return presence.status();
    const std::string path = absl::StrCat("update.documents[", i, "]");
    if (!presence->stored) {
      return WithReason(absl::FailedPreconditionError(absl::StrCat(
                            path, ": ", document.sha256(),
                            " is not stored here; upload it first")),
                        "DOCUMENT_MISSING", {{"sha256", document.sha256()}});
    }
    if (presence->size != document.size()) {
      return InvalidFields(
          "RULE_VIOLATION",
          {{absl::StrCat(path, ".size"),
            absl::StrCat("is ", document.size(), ", the document has ",
                         presence->size, " bytes")}});
    }
  }
  return absl::OkStatus();
}

}  // namespace gaceta
