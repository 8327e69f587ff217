// Brings documents to a hub or node and fetches them, by their SHA-256.
#ifndef GACETA_CLIENT_GACETA_DOCUMENTS_H_
#define GACETA_CLIENT_GACETA_DOCUMENTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "gaceta/connection.h"
#include "gaceta/v1/documents.grpc.pb.h"
#include "grpcpp/channel.h"

namespace gaceta::client {

// What names a document in an update.
struct DocumentRef {
  // Lower-case hex.
  std::string sha256;
  std::int64_t size = 0;

  friend bool operator==(const DocumentRef&, const DocumentRef&) = default;
};

struct DocumentOptions {
  BackoffOptions backoff;
  // Called now and then with the bytes that have arrived, and all.
  std::function<void(std::int64_t done, std::int64_t total)> on_progress;
};

// Transfers go in chunks of 256 KiB and continue where they broke off, within a
// call and in the next one, by this program or another. A file is never held
// in memory, and both ends check its digest.
//
// Thread safety: all methods may be called concurrently, for different
// documents.
//
// Errors: a lost connection, or an upload of the same document by somebody
// else, is tried again with growing waits until the deadline. All others are
// returned as they are. kNotFound and kInvalidArgument also name the file or
// the argument that is wrong.
class DocumentClient {
 public:
  // Connects on first use. Errors as of Connect().
  static absl::StatusOr<std::unique_ptr<DocumentClient>> Create(
      const ConnectionOptions& connection, DocumentOptions options = {});
  static std::unique_ptr<DocumentClient> Create(
      std::shared_ptr<grpc::Channel> channel, DocumentOptions options = {});

  // Returns when the server has stored and verified the file at `path`, also
  // if it had before. kFailedPrecondition if the file changes meanwhile.
  absl::StatusOr<DocumentRef> Upload(
      const std::string& path, absl::Time deadline = absl::InfiniteFuture());

  // Writes the document to `path`, which exists only once all of it is there,
  // verified and durable; until then it is `path`.part. Does nothing if `path`
  // is that document already.
  //
  // kNotFound if the server does not have it. kDataLoss, reason
  // `DIGEST_MISMATCH`, if what came is not what was asked for.
  absl::Status Download(const std::string& sha256, const std::string& path,
                        absl::Time deadline = absl::InfiniteFuture());

 private:
  DocumentClient(std::shared_ptr<grpc::Channel> channel,
                 DocumentOptions options);

  const std::unique_ptr<v1::DocumentsService::Stub> stub_;
  const DocumentOptions options_;
};

// Reads the file at `path` and returns what names it. kNotFound if it cannot
// be read.
absl::StatusOr<DocumentRef> DescribeFile(const std::string& path);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_DOCUMENTS_H_
