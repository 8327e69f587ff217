// Moves documents between the node's store and the hub's.
#ifndef GACETA_SERVER_NODE_DOCUMENT_TRANSFER_H_
#define GACETA_SERVER_NODE_DOCUMENT_TRANSFER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "gaceta/v1/documents.grpc.pb.h"
#include "grpcpp/channel.h"
#include "server/documents/document_store.h"
#include "server/node/call_slot.h"

namespace gaceta {

// One attempt each: the caller tries again, and then the transfer goes on where
// it broke off. Holds one chunk at a time.
//
// Thread safety: one transfer at a time.
//
// Errors: the other side's, or the store's. kNotFound: the sending side does
// not have the document. Whatever MayPass() is worth another attempt.
class DocumentTransfer {
 public:
  // `store` and `calls` must outlive this object; `calls` ends a transfer.
  DocumentTransfer(std::shared_ptr<grpc::Channel> channel, DocumentStore* store,
                   CallSlot* calls);

  // Returns when the hub has the document, also if it had before.
  absl::Status Upload(const std::string& sha256);

  // Returns when the store has the document, also if it had before.
  // kInvalidArgument (`DIGEST_MISMATCH`, `SIZE_MISMATCH`) if the hub sent
  // something else.
  absl::Status Download(const std::string& sha256);

 private:
  absl::Status Send(const std::string& sha256, std::int64_t size,
                    std::int64_t offset);
  absl::Status Receive(const std::string& sha256, std::int64_t offset);

  const std::unique_ptr<v1::DocumentsService::Stub> stub_;
  DocumentStore* const store_;
  CallSlot* const calls_;
};

// Whether the same call may succeed soon, nothing having changed but time.
bool MayPass(const absl::Status& status);

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_DOCUMENT_TRANSFER_H_
