#include "server/node/submission_intake.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/civil_time.h"
#include "errors/errors.h"
#include "server/law/update_rules.h"
#include "server/node/node_history.h"
#include "verify/digest.h"
#include "verify/statement.h"

namespace gaceta {
namespace {

absl::Status NotFound(absl::string_view submission_id) {
  return absl::NotFoundError(
      absl::StrCat("there is no submission ", submission_id));
}

absl::Status IdTaken(absl::string_view submission_id) {
  return WithReason(
      absl::AlreadyExistsError(absl::StrCat(
          "statement id ", submission_id,
          " is in the log already, for another update; use a new id")),
      "SUBMISSION_ID_TAKEN", {{"submission_id", std::string(submission_id)}});
}

// Names what a client sent, so that it is known again. The nonce is the node's.
std::string ContentDigest(absl::string_view agency, v1::Update update,
                          const v1::Audience& audience) {
  update.clear_nonce();
  const std::string audience_bytes = audience.SerializeAsString();
  const std::string update_bytes = update.SerializeAsString();
  return Sha256(absl::StrCat(agency.size(), ":", agency, audience_bytes.size(),
                             ":", audience_bytes, update_bytes));
}

// What is wrong with the request itself.
std::vector<FieldViolation> CheckForm(const v1::SubmitUpdateRequest& request) {
  std::vector<FieldViolation> violations;
  if (!IsStatementId(request.submission_id())) {
    violations.push_back(
        {"submission_id",
         absl::StrCat("is \"", request.submission_id().substr(0, 50),
                      "\", expected a UUID in lower case")});
  }
  if (!request.has_update()) violations.push_back({"update", "is missing"});
  return violations;
}

// Sorts the documents into those that are here and those that are missing.
absl::Status CheckDocuments(const v1::Update& update,
                            const DocumentStore& store,
                            std::vector<std::string>* here,
                            std::vector<FieldViolation>* violations,
                            std::vector<std::string>* missing) {
  for (int i = 0; i < update.documents_size(); ++i) {
    const v1::Document& document = update.documents(i);
    if (!IsDigestHex(document.sha256())) continue;
    auto presence = store.Find(document.sha256());
    if (!presence.ok()) return presence.status();
    if (presence->stored && presence->size != document.size()) {
      violations->push_back(
          {absl::StrCat("update.documents[", i, "].size"),
           absl::StrCat("is ", document.size(), ", the document has ",
                        presence->size, " bytes")});
    } else if (presence->stored) {
      here->push_back(document.sha256());
    } else if (document.uri().empty()) {
      missing->push_back(document.sha256());
    }
  }
  return absl::OkStatus();
}

absl::Status DocumentMissing(const std::vector<std::string>& missing) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          missing.size() == 1 ? "document " : "documents ",
          absl::StrJoin(missing, ", "), missing.size() == 1 ? " is" : " are",
          " not at this node and without an https uri; upload first")),
      "DOCUMENT_MISSING", {{"sha256", absl::StrJoin(missing, ",")}});
}

absl::Status CheckSize(std::size_t size) {
  if (size <= kMaxPayloadBytes) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                        "update has ", size, " bytes, at most ",
                        kMaxPayloadBytes, "; put long texts into documents")),
                    "TOO_LARGE", {{"limit", absl::StrCat(kMaxPayloadBytes)}});
}

}  // namespace

absl::StatusOr<v1::Submission> SubmissionIntake::Submit(
    absl::string_view agency, const v1::SubmitUpdateRequest& request) {
  const Outbox::Check check = [&](const OutboxHistory& pending) {
    return Check(agency, request, pending);
  };
  if (request.validate_only()) {
    auto checked = dependencies_.outbox->CheckOnly(check);
    if (!checked.ok()) return checked.status();
    v1::Submission submission;
    for (v1::Warning& warning : checked->warnings) {
      *submission.add_warnings() = std::move(warning);
    }
    return submission;
  }

  const std::string digest =
      ContentDigest(agency, request.update(), request.audience());
  if (IsStatementId(request.submission_id())) {
    auto known = dependencies_.outbox->Find(request.submission_id());
    if (!known.ok()) return known.status();
    if (!known->has_value()) {
      // An outbox whose disk was lost is made up for by the log.
      std::string logged;
      auto found = FindInLog(request.submission_id(), &logged);
      if (found.ok() && logged == digest) return found;
      if (found.ok()) return IdTaken(request.submission_id());
      if (!absl::IsNotFound(found.status())) return found.status();
    }
  }
  return dependencies_.outbox->Add(request.submission_id(), digest, check);
}

absl::StatusOr<CheckedSubmission> SubmissionIntake::Check(
    absl::string_view agency, const v1::SubmitUpdateRequest& request,
    const OutboxHistory& pending) const {
  std::vector<FieldViolation> violations = CheckForm(request);
  if (!request.has_update()) {
    return InvalidFields("RULE_VIOLATION", violations);
  }
  v1::Update update = request.update();
  update.set_nonce(NewPayloadNonce());
  CheckedSubmission checked;
  checked.payload = update.SerializeAsString();
  if (absl::Status s = CheckSize(checked.payload.size()); !s.ok()) return s;

  const std::shared_ptr<const Federation> federation =
      dependencies_.mirror->registry().Snapshot();
  if (federation->FindMember(dependencies_.publisher) == nullptr) {
    return WithReason(
        absl::UnavailableError(absl::StrCat(
            "this node's copy of the registry does not have ",
            dependencies_.publisher,
            " yet, so nothing can be checked; is the hub reachable?")),
        "REGISTRY_UNKNOWN");
  }
  const NodeHistory history(dependencies_.publisher, &pending,
                            &dependencies_.mirror->index());
  RuleFindings findings = CheckUpdate(
      update, request.audience(), dependencies_.publisher, *federation, history,
      absl::ToCivilDay(dependencies_.now(), absl::UTCTimeZone()));
  if (!history.status().ok()) return history.status();
  violations.insert(violations.end(), findings.violations.begin(),
                    findings.violations.end());
  std::vector<std::string> missing;
  if (absl::Status s =
          CheckDocuments(update, *dependencies_.documents, &checked.documents,
                         &violations, &missing);
      !s.ok()) {
    return s;
  }
  if (!violations.empty()) return InvalidFields("RULE_VIOLATION", violations);
  if (!missing.empty()) return DocumentMissing(missing);

  checked.agency = std::string(agency);
  checked.audience = request.audience();
  checked.instrument = update.instrument().uri();
  checked.status = update.version().status();
  checked.warnings = std::move(findings.warnings);
  return checked;
}

absl::StatusOr<v1::Submission> SubmissionIntake::Find(
    absl::string_view agency, const std::string& submission_id) const {
  if (!IsStatementId(submission_id)) {
    return InvalidField("submission_id",
                        absl::StrCat("is \"", submission_id.substr(0, 50),
                                     "\", expected a UUID in lower case"));
  }
  auto kept = dependencies_.outbox->Find(submission_id);
  if (!kept.ok()) return kept.status();
  absl::StatusOr<v1::Submission> found =
      kept->has_value() ? absl::StatusOr<v1::Submission>(**std::move(kept))
                        : FindInLog(submission_id, nullptr);
  if (found.ok() && !agency.empty() && found->agency() != agency) {
    return NotFound(submission_id);
  }
  return found;
}

absl::StatusOr<v1::Submission> SubmissionIntake::FindInLog(
    const std::string& submission_id, std::string* content_digest) const {
  auto found = dependencies_.mirror->index().FindById(submission_id);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return NotFound(submission_id);
  auto entry = dependencies_.mirror->store().Read((*found)->position, 1, 1);
  if (!entry.ok()) return entry.status();
  const auto header = HeaderOfLeaf(entry->front().leaf);
  if (!header.has_value()) {
    return absl::DataLossError(
        absl::StrCat("mirrored entry ", (*found)->position, " does not parse"));
  }
  if (content_digest == nullptr &&
      header->publisher() != dependencies_.publisher) {
    return NotFound(submission_id);
  }
  if (content_digest != nullptr) {
    // Stays empty, and so like nothing, for another publisher or a payload that
    // is not here.
    v1::Update update;
    if (header->publisher() == dependencies_.publisher &&
        entry->front().omission == v1::Entry::OMISSION_UNSPECIFIED &&
        update.ParseFromString(entry->front().payload)) {
      *content_digest =
          ContentDigest(header->agency(), update, header->audience());
    }
  }
  v1::Submission submission;
  submission.set_submission_id(submission_id);
  submission.set_state(v1::Submission::STATE_ACCEPTED);
  submission.set_sequence(header->sequence());
  submission.set_agency(header->agency());
  *submission.mutable_create_time() = header->signed_time();
  submission.mutable_receipt()->set_position((*found)->position);
  submission.mutable_receipt()->set_leaf(entry->front().leaf);
  return submission;
}

}  // namespace gaceta
