#include "server/node/document_transfer.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"

namespace gaceta {
namespace {

// A question is answered in a moment; a transfer of 64 MiB may take a while,
// and goes on where it was if it takes longer.
constexpr absl::Duration kQuestionTimeout = absl::Seconds(15);
constexpr absl::Duration kTransferTimeout = absl::Minutes(5);

void SetTimeout(absl::Duration timeout, grpc::ClientContext* context) {
  context->set_deadline(absl::ToChronoTime(absl::Now() + timeout));
}

}  // namespace

bool MayPass(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInternal:
      return true;
    default:
      return false;
  }
}

DocumentTransfer::DocumentTransfer(std::shared_ptr<grpc::Channel> channel,
                                   DocumentStore* store, CallSlot* calls)
    : stub_(v1::DocumentsService::NewStub(std::move(channel))),
      store_(store),
      calls_(calls) {}

absl::Status DocumentTransfer::Upload(const std::string& sha256) {
  auto own = store_->Find(sha256);
  if (!own.ok()) return own.status();
  if (!own->stored) {
    return absl::NotFoundError(
        absl::StrCat("document ", sha256, " is not in this node's store"));
  }
  v1::GetDocumentRequest request;
  request.set_sha256(sha256);
  v1::GetDocumentResponse response;
  grpc::ClientContext context;
  SetTimeout(kQuestionTimeout, &context);
  grpc::Status status;
  {
    const CallSlot::Scope scope(calls_, &context);
    status = stub_->GetDocument(&context, request, &response);
  }
  if (!status.ok()) return FromGrpc(status);
  if (response.stored()) return absl::OkStatus();
  return Send(sha256, own->size, std::min(response.size(), own->size));
}

absl::Status DocumentTransfer::Send(const std::string& sha256,
                                    std::int64_t size, std::int64_t offset) {
  grpc::ClientContext context;
  SetTimeout(kTransferTimeout, &context);
  const CallSlot::Scope scope(calls_, &context);
  v1::UploadDocumentResponse response;
  std::unique_ptr<grpc::ClientWriter<v1::UploadDocumentRequest>> writer =
      stub_->UploadDocument(&context, &response);

  v1::UploadDocumentRequest request;
  request.set_sha256(sha256);
  request.set_size(size);
  request.set_offset(offset);
  absl::Status read;
  // A document that has arrived whole is still to be confirmed: so there is
  // always a first message.
  do {
    auto chunk = store_->Read(sha256, offset, kMaxChunkBytes);
    if (!chunk.ok()) {
      read = chunk.status();
      context.TryCancel();
      break;
    }
    offset += static_cast<std::int64_t>(chunk->size());
    request.set_chunk(*std::move(chunk));
    // The status says why the hub takes no more.
    if (!writer->Write(request)) break;
    request.Clear();
  } while (offset < size);
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  return read.ok() ? FromGrpc(status) : read;
}

absl::Status DocumentTransfer::Download(const std::string& sha256) {
  auto own = store_->Find(sha256);
  if (!own.ok()) return own.status();
  if (own->stored) return absl::OkStatus();
  if (own->size > 0) {
    absl::Status resumed = Receive(sha256, own->size);
    // What was there before may be what is wrong: once more from the start.
    if (!absl::IsInvalidArgument(resumed) && !absl::IsOutOfRange(resumed)) {
      return resumed;
    }
  }
  return Receive(sha256, 0);
}

absl::Status DocumentTransfer::Receive(const std::string& sha256,
                                       std::int64_t offset) {
  v1::DownloadDocumentRequest request;
  request.set_sha256(sha256);
  request.set_offset(offset);
  grpc::ClientContext context;
  SetTimeout(kTransferTimeout, &context);
  const CallSlot::Scope scope(calls_, &context);
  std::unique_ptr<grpc::ClientReader<v1::DownloadDocumentResponse>> reader =
      stub_->DownloadDocument(&context, request);

  std::unique_ptr<DocumentStore::Writer> writer;
  v1::DownloadDocumentResponse response;
  absl::Status kept;
  while (kept.ok() && reader->Read(&response)) {
    if (writer == nullptr) {
      auto started = store_->StartWrite(sha256, response.size(), offset);
      if (!started.ok()) {
        kept = started.status();
        break;
      }
      writer = *std::move(started);
    }
    kept = writer->Write(response.chunk());
  }
  if (!kept.ok()) context.TryCancel();
  const grpc::Status status = reader->Finish();
  // An agency may have brought it meanwhile.
  if (absl::IsAlreadyExists(kept)) return absl::OkStatus();
  if (!kept.ok()) return kept;
  if (!status.ok()) return FromGrpc(status);
  if (writer == nullptr) {
    // Nothing was missing but the check.
    auto started = store_->StartWrite(sha256, offset, offset);
    if (!started.ok()) return started.status();
    writer = *std::move(started);
  }
  return writer->Commit();
}

}  // namespace gaceta
