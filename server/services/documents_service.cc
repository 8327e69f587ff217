#include "server/services/documents_service.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "errors/grpc_status.h"

namespace gaceta {
namespace {

absl::Status CheckChunk(const v1::UploadDocumentRequest& request) {
  if (request.chunk().size() <= kMaxChunkBytes) return absl::OkStatus();
  return WithReason(absl::ResourceExhaustedError(
                        absl::StrCat("chunk: has ", request.chunk().size(),
                                     " bytes, at most ", kMaxChunkBytes)),
                    "TOO_LARGE", {{"limit", absl::StrCat(kMaxChunkBytes)}});
}

}  // namespace

class DocumentsService::Transfer {
 public:
  Transfer(DocumentsService* service, const Caller& caller)
      : service_(service), identity_(caller.peer.id.ToString()) {
    absl::MutexLock lock(&service_->mu_);
    int& count = service_->transfers_[identity_];
    admitted_ = count < kMaxTransfersPerIdentity;
    if (admitted_) ++count;
  }
  ~Transfer() {
    if (!admitted_) return;
    absl::MutexLock lock(&service_->mu_);
    auto found = service_->transfers_.find(identity_);
    if (--found->second == 0) service_->transfers_.erase(found);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  absl::Status status() const {
    if (admitted_) return absl::OkStatus();
    return WithReason(absl::ResourceExhaustedError(absl::StrCat(
                          identity_, " has ", kMaxTransfersPerIdentity,
                          " transfers under way, as many as it may")),
                      "TOO_MANY_STREAMS",
                      {{"limit", absl::StrCat(kMaxTransfersPerIdentity)}});
  }

 private:
  DocumentsService* const service_;
  const std::string identity_;
  bool admitted_ = false;
};

grpc::Status DocumentsService::GetDocument(
    grpc::ServerContext* context, const v1::GetDocumentRequest* request,
    v1::GetDocumentResponse* response) {
  auto caller = authorizer_->Authorize(
      *context->auth_context(), "gaceta.v1.DocumentsService/GetDocument");
  if (!caller.ok()) return ToGrpc(caller.status());
  return ToGrpc(Get(*caller, *request, response));
}

absl::Status DocumentsService::Get(const Caller& caller,
                                   const v1::GetDocumentRequest& request,
                                   v1::GetDocumentResponse* response) const {
  auto presence = store_->Find(request.sha256());
  if (!presence.ok()) return presence.status();
  if (!access_.MayUpload(caller)) {
    auto may_read = access_.MayRead(request.sha256(), caller);
    if (!may_read.ok()) return may_read.status();
    // As of a document that nobody has sent.
    if (!*may_read) return absl::OkStatus();
  }
  response->set_stored(presence->stored);
  response->set_size(presence->size);
  return absl::OkStatus();
}

grpc::Status DocumentsService::UploadDocument(
    grpc::ServerContext* context,
    grpc::ServerReader<v1::UploadDocumentRequest>* reader,
    v1::UploadDocumentResponse* response) {
  auto caller = authorizer_->Authorize(
      *context->auth_context(), "gaceta.v1.DocumentsService/UploadDocument");
  if (!caller.ok()) return ToGrpc(caller.status());
  const Transfer transfer(this, *caller);
  if (!transfer.status().ok()) return ToGrpc(transfer.status());
  return ToGrpc(Upload(reader, response));
}

absl::Status DocumentsService::Upload(
    grpc::ServerReader<v1::UploadDocumentRequest>* reader,
    v1::UploadDocumentResponse* response) {
  v1::UploadDocumentRequest request;
  if (!reader->Read(&request)) {
    return InvalidField("sha256", "is missing: the upload has no message");
  }
  auto writer =
      store_->StartWrite(request.sha256(), request.size(), request.offset());
  if (absl::IsAlreadyExists(writer.status())) {
    // Somebody was faster; stored once is what everybody wants.
    auto presence = store_->Find(request.sha256());
    if (!presence.ok()) return presence.status();
    response->set_size(presence->size);
    return absl::OkStatus();
  }
  if (!writer.ok()) return writer.status();
  do {
    if (absl::Status s = CheckChunk(request); !s.ok()) return s;
    if (absl::Status s = (*writer)->Write(request.chunk()); !s.ok()) return s;
  } while (reader->Read(&request));
  response->set_size((*writer)->offset());
  return (*writer)->Commit();
}

grpc::Status DocumentsService::DownloadDocument(
    grpc::ServerContext* context, const v1::DownloadDocumentRequest* request,
    grpc::ServerWriter<v1::DownloadDocumentResponse>* writer) {
  auto caller = authorizer_->Authorize(
      *context->auth_context(), "gaceta.v1.DocumentsService/DownloadDocument");
  if (!caller.ok()) return ToGrpc(caller.status());
  const Transfer transfer(this, *caller);
  if (!transfer.status().ok()) return ToGrpc(transfer.status());
  if (absl::Status s = CheckMayRead(request->sha256(), *caller); !s.ok()) {
    return ToGrpc(s);
  }
  return ToGrpc(Download(*request, writer));
}

absl::Status DocumentsService::CheckMayRead(const std::string& sha256,
                                            const Caller& caller) const {
  // Whether it is a digest, and was erased, everybody may know.
  auto presence = store_->Find(sha256);
  if (!presence.ok()) return presence.status();
  auto may_read = access_.MayRead(sha256, caller);
  if (!may_read.ok()) return may_read.status();
  return *may_read ? absl::OkStatus() : store_->NotStored(sha256);
}

absl::Status DocumentsService::Download(
    const v1::DownloadDocumentRequest& request,
    grpc::ServerWriter<v1::DownloadDocumentResponse>* out) {
  auto presence = store_->Find(request.sha256());
  if (!presence.ok()) return presence.status();
  std::int64_t offset = request.offset();
  while (true) {
    auto chunk = store_->Read(request.sha256(), offset, kMaxChunkBytes);
    if (!chunk.ok()) return chunk.status();
    if (chunk->empty()) return absl::OkStatus();
    offset += static_cast<std::int64_t>(chunk->size());
    v1::DownloadDocumentResponse response;
    response.set_chunk(*std::move(chunk));
    response.set_size(presence->size);
    // False: the client went away.
    if (!out->Write(response)) return absl::CancelledError("client went away");
  }
}

}  // namespace gaceta
