#include "gaceta/reader.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/retry.h"

namespace gaceta::client {
namespace {

absl::Status WrongEntry(absl::string_view text) {
  return WithReason(absl::DataLossError(text), "WRONG_ENTRY");
}

}  // namespace

UpdateReader::UpdateReader(std::shared_ptr<grpc::Channel> channel,
                           std::unique_ptr<Registry> registry,
                           BackoffOptions backoff)
    : stub_(v1::UpdatesService::NewStub(channel)),
      registry_(std::move(registry)),
      backoff_(backoff) {}

absl::StatusOr<std::unique_ptr<UpdateReader>> UpdateReader::Create(
    const LogSource& source, BackoffOptions backoff) {
  auto opened = OpenSource(source);
  if (!opened.ok()) return opened.status();
  // One connection for both.
  LogSource shared = source;
  shared.channel = opened->channel;
  auto registry = Registry::Create(shared, backoff);
  if (!registry.ok()) return registry.status();
  return std::unique_ptr<UpdateReader>(new UpdateReader(
      std::move(opened->channel), *std::move(registry), backoff));
}

absl::StatusOr<UpdateReader::Page> UpdateReader::List(
    const v1::ListUpdatesRequest& request, absl::Time deadline) {
  v1::ListUpdatesResponse response;
  const absl::Status status = Retry(
      {backoff_, deadline}, [&](grpc::ClientContext* context, bool* /*p*/) {
        return FromGrpc(stub_->ListUpdates(context, request, &response));
      });
  if (!status.ok()) return status;

  Page page;
  for (v1::Entry& entry : *response.mutable_entries()) {
    auto verified =
        registry_->Verify(std::move(entry), response.checkpoint(), deadline);
    if (!verified.ok()) return verified.status();
    if (!page.entries.empty() && (page.entries.back().position <
                                  verified->position) != request.ascending()) {
      return WrongEntry(absl::StrCat("entry ", verified->position,
                                     " is listed after entry ",
                                     page.entries.back().position));
    }
    page.entries.push_back(*std::move(verified));
  }
  page.next_page_token = response.next_page_token();
  return page;
}

absl::StatusOr<VerifiedEntry> UpdateReader::Get(std::int64_t position,
                                                absl::Time deadline) {
  v1::GetUpdateRequest request;
  request.set_position(position);
  auto entry = Get(request, deadline);
  if (entry.ok() && entry->position != position) {
    return WrongEntry(absl::StrCat("asked for entry ", position, ", entry ",
                                   entry->position, " came"));
  }
  return entry;
}

absl::StatusOr<VerifiedEntry> UpdateReader::Get(const std::string& statement_id,
                                                absl::Time deadline) {
  v1::GetUpdateRequest request;
  request.set_statement_id(statement_id);
  auto entry = Get(request, deadline);
  if (entry.ok() && entry->header.statement_id() != statement_id) {
    return WrongEntry(absl::StrCat("asked for statement ", statement_id, ", ",
                                   entry->header.statement_id(), " came"));
  }
  return entry;
}

absl::StatusOr<VerifiedEntry> UpdateReader::Get(
    const v1::GetUpdateRequest& request, absl::Time deadline) {
  v1::GetUpdateResponse response;
  const absl::Status status = Retry(
      {backoff_, deadline}, [&](grpc::ClientContext* context, bool* /*p*/) {
        return FromGrpc(stub_->GetUpdate(context, request, &response));
      });
  if (!status.ok()) return status;
  return registry_->Verify(std::move(*response.mutable_entry()),
                           response.checkpoint(), deadline);
}

}  // namespace gaceta::client
