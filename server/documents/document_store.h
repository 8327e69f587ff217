// Documents in a folder: bytes named by their SHA-256, each stored once.
#ifndef GACETA_SERVER_DOCUMENTS_DOCUMENT_STORE_H_
#define GACETA_SERVER_DOCUMENTS_DOCUMENT_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace gaceta {

inline constexpr std::int64_t kMaxDocumentBytes = 64LL * 1024 * 1024;
inline constexpr std::size_t kMaxChunkBytes = 256 * 1024;

// Layout: `sha256/<first two hex>/<hex>` for what is complete, and
// `incoming/<hex>` for what has arrived in part and survives a crash. A
// document is complete only after its digest was checked, its bytes flushed,
// and its name moved and flushed as well.
//
// Thread safety: all methods may be called concurrently. One writer at a time
// may have a given document.
class DocumentStore {
 public:
  // Makes `folder` if it is not there, and what belongs in it.
  static absl::StatusOr<std::unique_ptr<DocumentStore>> Open(
      std::string folder);

  // Removes a document, and never takes it again while this object lives:
  // `ground` is told to who asks. What was erased before may be erased again.
  absl::Status Erase(const std::string& sha256_hex, const std::string& ground);

  // What is there of a document.
  struct Presence {
    bool stored = false;
    // Bytes of the whole if stored, else bytes received so far.
    std::int64_t size = 0;
  };
  absl::StatusOr<Presence> Find(absl::string_view sha256_hex) const;

  // Receives one document. Destroying it keeps what has arrived.
  class Writer {
   public:
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // Bytes received so far.
    std::int64_t offset() const { return offset_; }
    // Adds bytes. kInvalidArgument (`SIZE_MISMATCH`) beyond the size.
    absl::Status Write(absl::string_view chunk);
    // Checks size and digest and makes it durable. kInvalidArgument
    // (`DIGEST_MISMATCH`, `SIZE_MISMATCH`) if the bytes are not those named.
    // A digest that is wrong throws the bytes away; bytes that are missing do
    // not.
    absl::Status Commit();

   private:
    friend class DocumentStore;
    Writer(DocumentStore* store, std::string hex, std::int64_t size);

    DocumentStore* const store_;
    const std::string hex_;
    const std::int64_t size_;
    int file_ = -1;
    std::int64_t offset_ = 0;
  };

  // Goes on with a document of `size` bytes from `offset`, at most what has
  // arrived; bytes beyond `offset` are thrown away. kAborted
  // (`UPLOAD_IN_PROGRESS`) if another Writer has it; kOutOfRange
  // (`OFFSET_BEYOND_RECEIVED`) if `offset` leaves a gap; kAlreadyExists if it
  // is stored; kResourceExhausted (`DOCUMENT_TOO_LARGE`); kFailedPrecondition
  // (`DOCUMENT_ERASED`).
  absl::StatusOr<std::unique_ptr<Writer>> StartWrite(
      absl::string_view sha256_hex, std::int64_t size, std::int64_t offset);

  // Returns up to `max_bytes` from `offset` on, empty at the end. kNotFound if
  // the document is not stored, with reason `DOCUMENT_ERASED` if that is why.
  absl::StatusOr<std::string> Read(absl::string_view sha256_hex,
                                   std::int64_t offset,
                                   std::size_t max_bytes) const;

  // What Read() says of a document that is not stored.
  absl::Status NotStored(absl::string_view sha256_hex) const;

 private:
  explicit DocumentStore(std::string folder) : folder_(std::move(folder)) {}

  // The ground, if the document was erased.
  std::optional<std::string> FindErasure(absl::string_view hex) const;
  std::string StoredPath(absl::string_view hex) const;
  std::string IncomingPath(absl::string_view hex) const;

  const std::string folder_;
  mutable absl::Mutex mu_;
  absl::flat_hash_set<std::string> writing_ ABSL_GUARDED_BY(mu_);
  // With their grounds.
  absl::flat_hash_map<std::string, std::string> erased_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_DOCUMENTS_DOCUMENT_STORE_H_
