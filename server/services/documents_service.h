// gaceta.v1.DocumentsService: the texts that updates name.
#ifndef GACETA_SERVER_SERVICES_DOCUMENTS_SERVICE_H_
#define GACETA_SERVER_SERVICES_DOCUMENTS_SERVICE_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/v1/documents.grpc.pb.h"
#include "server/documents/document_store.h"
#include "server/identity/authorizer.h"
#include "server/services/document_access.h"

namespace gaceta {

// Uploads and downloads that one identity may have under way: each holds a
// thread.
inline constexpr int kMaxTransfersPerIdentity = 16;

// Translates between the wire and a DocumentStore. Holds one chunk of a
// document at a time, whatever its size.
//
// Thread safety: called by gRPC's threads, concurrently.
class DocumentsService : public v1::DocumentsService::Service {
 public:
  // `store` and `authorizer` must outlive this object.
  DocumentsService(DocumentStore* store, const Authorizer* authorizer,
                   DocumentAccess access)
      : store_(store), authorizer_(authorizer), access_(access) {}

  grpc::Status GetDocument(grpc::ServerContext* context,
                           const v1::GetDocumentRequest* request,
                           v1::GetDocumentResponse* response) override;
  grpc::Status UploadDocument(
      grpc::ServerContext* context,
      grpc::ServerReader<v1::UploadDocumentRequest>* reader,
      v1::UploadDocumentResponse* response) override;
  grpc::Status DownloadDocument(
      grpc::ServerContext* context, const v1::DownloadDocumentRequest* request,
      grpc::ServerWriter<v1::DownloadDocumentResponse>* writer) override;

 private:
  // A transfer that counts while it lives.
  class Transfer;

  absl::Status Upload(grpc::ServerReader<v1::UploadDocumentRequest>* reader,
                      v1::UploadDocumentResponse* response);
  absl::Status Get(const Caller& caller, const v1::GetDocumentRequest& request,
                   v1::GetDocumentResponse* response) const;
  absl::Status CheckMayRead(const std::string& sha256,
                            const Caller& caller) const;
  absl::Status Download(const v1::DownloadDocumentRequest& request,
                        grpc::ServerWriter<v1::DownloadDocumentResponse>* out);

  DocumentStore* const store_;
  const Authorizer* const authorizer_;
  const DocumentAccess access_;

  absl::Mutex mu_;
  // Transfers under way, by identity.
  absl::flat_hash_map<std::string, int> transfers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_DOCUMENTS_SERVICE_H_
