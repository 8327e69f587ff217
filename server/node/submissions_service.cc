#include "server/node/submissions_service.h"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/grpc_status.h"
#include "server/services/page_token.h"
#include "spdlog/spdlog.h"

namespace gaceta {
namespace {

constexpr int kDefaultPage = 100;
constexpr int kLargestPage = 1000;

}  // namespace

SubmissionsService::SubmissionsService(SubmissionIntake* intake,
                                       const Outbox* outbox,
                                       const Authorizer* authorizer,
                                       CallLoop* loop)
    : intake_(intake),
      outbox_(outbox),
      authorizer_(authorizer),
      watches_(
          this, loop,
          [this](const grpc::ServerContext& context) {
            return AgencyOf(*context.auth_context(), "WatchSubmission");
          },
          [intake](const std::string& agency,
                   const std::string& submission_id) {
            return intake->Find(agency, submission_id);
          }) {}

absl::StatusOr<std::string> SubmissionsService::AgencyOf(
    const grpc::AuthContext& context, absl::string_view method) const {
  auto caller = authorizer_->Authorize(
      context, absl::StrCat("gaceta.v1.SubmissionsService/", method));
  if (!caller.ok()) return caller.status();
  return caller->peer.role == Role::kAgency ? caller->peer.name : "";
}

grpc::Status SubmissionsService::SubmitUpdate(
    grpc::ServerContext* context, const v1::SubmitUpdateRequest* request,
    v1::SubmitUpdateResponse* response) {
  auto agency = AgencyOf(*context->auth_context(), "SubmitUpdate");
  if (!agency.ok()) return ToGrpc(agency.status());
  auto submission = intake_->Submit(*agency, *request);
  if (!submission.ok()) return ToGrpc(submission.status());
  *response->mutable_submission() = *std::move(submission);
  return grpc::Status::OK;
}

grpc::Status SubmissionsService::GetSubmission(
    grpc::ServerContext* context, const v1::GetSubmissionRequest* request,
    v1::GetSubmissionResponse* response) {
  auto agency = AgencyOf(*context->auth_context(), "GetSubmission");
  if (!agency.ok()) return ToGrpc(agency.status());
  auto submission = intake_->Find(*agency, request->submission_id());
  if (!submission.ok()) return ToGrpc(submission.status());
  *response->mutable_submission() = *std::move(submission);
  return grpc::Status::OK;
}

grpc::Status SubmissionsService::ListSubmissions(
    grpc::ServerContext* context, const v1::ListSubmissionsRequest* request,
    v1::ListSubmissionsResponse* response) {
  auto agency = AgencyOf(*context->auth_context(), "ListSubmissions");
  if (!agency.ok()) return ToGrpc(agency.status());
  return ToGrpc(List(*agency, *request, response));
}

absl::Status SubmissionsService::List(
    const std::string& agency, const v1::ListSubmissionsRequest& request,
    v1::ListSubmissionsResponse* response) const {
  auto size = PageSize(request.page_size(), kDefaultPage, kLargestPage);
  if (!size.ok()) return size.status();
  auto begin = ReadPageNumber("ListSubmissions", request.page_token(), 0);
  if (!begin.ok()) return begin.status();
  auto page = outbox_->List(
      agency.empty() ? std::nullopt : std::optional<std::string>(agency),
      *begin, *size);
  if (!page.ok()) return page.status();
  for (v1::Submission& submission : page->submissions) {
    *response->add_submissions() = std::move(submission);
  }
  if (page->next != 0) {
    response->set_next_page_token(
        MakePageToken("ListSubmissions", absl::StrCat(page->next)));
  }
  return absl::OkStatus();
}

}  // namespace gaceta
