#include "server/documents/document_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file_rights.h"
#include "errors/errors.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

absl::Status FromErrno(absl::string_view what, const std::string& path) {
  const int error = errno;
  const std::string text =
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error));
  if (error == ENOSPC || error == EDQUOT) {
    return WithReason(absl::ResourceExhaustedError(text), "STORE_FULL");
  }
  return absl::UnavailableError(text);
}

// A file that is open as long as this lives.
class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const std::string& path, int flags)
      : descriptor_(open(path.c_str(), flags | O_CLOEXEC)) {}
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  bool ok() const { return descriptor_ >= 0; }
  int get() const { return descriptor_; }
  int Release() { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
};

absl::Status SyncFolder(const std::string& path) {
  const File folder(path, O_RDONLY | O_DIRECTORY);
  if (!folder.ok() || fsync(folder.get()) != 0) {
    return FromErrno("flush folder", path);
  }
  return absl::OkStatus();
}

absl::Status MakeFolderIfMissing(const std::string& path) {
  if (MakeFolder(path, FileRights::kPrivate) == 0 || errno == EEXIST) {
    return absl::OkStatus();
  }
  return FromErrno("make folder", path);
}

// Size of a file; -1 if there is none.
std::int64_t FileSize(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0
             ? static_cast<std::int64_t>(info.st_size)
             : -1;
}

absl::Status CheckName(absl::string_view hex) {
  if (IsDigestHex(hex)) return absl::OkStatus();
  return InvalidField("sha256",
                      absl::StrCat("is \"", hex.substr(0, 80),
                                   "\", expected a SHA-256 in lower-case hex"));
}

absl::Status Erased(absl::StatusCode code, absl::string_view hex,
                    const std::string& ground) {
  return WithReason(
      absl::Status(code,
                   absl::StrCat("document ", hex,
                                " was erased by the secretariat: ", ground)),
      "DOCUMENT_ERASED", {{"ground", ground}});
}

absl::StatusOr<std::string> HashFile(int descriptor, const std::string& path) {
  Sha256Hasher hasher;
  std::vector<char> buffer(kMaxChunkBytes);
  off_t offset = 0;
  while (true) {
    const ssize_t got = pread(descriptor, buffer.data(), buffer.size(), offset);
    if (got < 0) return FromErrno("read", path);
    if (got == 0) return hasher.Finish();
    hasher.Update({buffer.data(), static_cast<std::size_t>(got)});
    offset += got;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<DocumentStore>> DocumentStore::Open(
    std::string folder) {
  for (const char* name : {"", "/sha256", "/incoming"}) {
    if (absl::Status s = MakeFolderIfMissing(folder + name); !s.ok()) return s;
  }
  if (absl::Status s = SyncFolder(folder); !s.ok()) return s;
  return std::unique_ptr<DocumentStore>(new DocumentStore(std::move(folder)));
}

std::string DocumentStore::StoredPath(absl::string_view hex) const {
  return absl::StrCat(folder_, "/sha256/", hex.substr(0, 2), "/", hex);
}

std::string DocumentStore::IncomingPath(absl::string_view hex) const {
  return absl::StrCat(folder_, "/incoming/", hex);
}

absl::Status DocumentStore::Erase(const std::string& sha256_hex,
                                  const std::string& ground) {
  if (absl::Status s = CheckName(sha256_hex); !s.ok()) return s;
  {
    absl::MutexLock lock(&mu_);
    erased_.emplace(sha256_hex, ground);
  }
  // A writer that is at work cannot give it its name any more; one that just
  // did has given it the second.
  for (const std::string& path :
       {IncomingPath(sha256_hex), StoredPath(sha256_hex)}) {
    if (unlink(path.c_str()) == 0) {
      if (absl::Status s = SyncFolder(path.substr(0, path.rfind('/')));
          !s.ok()) {
        return s;
      }
    } else if (errno != ENOENT) {
      return FromErrno("remove", path);
    }
  }
  return absl::OkStatus();
}

std::optional<std::string> DocumentStore::FindErasure(
    absl::string_view hex) const {
  absl::MutexLock lock(&mu_);
  const auto found = erased_.find(hex);
  if (found == erased_.end()) return std::nullopt;
  return found->second;
}

absl::StatusOr<DocumentStore::Presence> DocumentStore::Find(
    absl::string_view sha256_hex) const {
  if (absl::Status s = CheckName(sha256_hex); !s.ok()) return s;
  if (const std::int64_t size = FileSize(StoredPath(sha256_hex)); size >= 0) {
    return Presence{true, size};
  }
  return Presence{
      false, std::max<std::int64_t>(0, FileSize(IncomingPath(sha256_hex)))};
}

absl::StatusOr<std::unique_ptr<DocumentStore::Writer>>
DocumentStore::StartWrite(absl::string_view sha256_hex, std::int64_t size,
                          std::int64_t offset) {
  if (absl::Status s = CheckName(sha256_hex); !s.ok()) return s;
  if (size < 1) return InvalidField("size", "is 0 or less, expected 1 or more");
  if (size > kMaxDocumentBytes) {
    return WithReason(
        absl::ResourceExhaustedError(absl::StrCat(
            "document has ", size, " bytes, at most ", kMaxDocumentBytes)),
        "DOCUMENT_TOO_LARGE", {{"limit", absl::StrCat(kMaxDocumentBytes)}});
  }
  if (const auto ground = FindErasure(sha256_hex)) {
    return Erased(absl::StatusCode::kFailedPrecondition, sha256_hex, *ground);
  }
  if (FileSize(StoredPath(sha256_hex)) >= 0) {
    return absl::AlreadyExistsError(
        absl::StrCat("document ", sha256_hex, " is stored"));
  }
  {
    absl::MutexLock lock(&mu_);
    if (!writing_.insert(std::string(sha256_hex)).second) {
      return WithReason(
          absl::AbortedError(absl::StrCat("document ", sha256_hex,
                                          " is being uploaded by another")),
          "UPLOAD_IN_PROGRESS");
    }
  }
  // From here on the Writer's destructor takes the name out again.
  std::unique_ptr<Writer> writer(
      new Writer(this, std::string(sha256_hex), size));
  const std::string path = IncomingPath(sha256_hex);
  File file(OpenOrMakeFile(path, O_RDWR, FileRights::kPrivate));
  if (!file.ok()) return FromErrno("open", path);
  const std::int64_t received = FileSize(path);
  if (offset < 0 || offset > received) {
    if (received == 0) unlink(path.c_str());
    return WithReason(absl::OutOfRangeError(
                          absl::StrCat("offset is ", offset, ", but ", received,
                                       " bytes have been received")),
                      "OFFSET_BEYOND_RECEIVED",
                      {{"received", absl::StrCat(received)}});
  }
  if (ftruncate(file.get(), offset) != 0) return FromErrno("cut", path);
  writer->file_ = file.Release();
  writer->offset_ = offset;
  return writer;
}

DocumentStore::Writer::Writer(DocumentStore* store, std::string hex,
                              std::int64_t size)
    : store_(store), hex_(std::move(hex)), size_(size) {}

DocumentStore::Writer::~Writer() {
  if (file_ >= 0) close(file_);
  absl::MutexLock lock(&store_->mu_);
  store_->writing_.erase(hex_);
}

absl::Status DocumentStore::Writer::Write(absl::string_view chunk) {
  if (offset_ + static_cast<std::int64_t>(chunk.size()) > size_) {
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat(
            "document ", hex_, " goes on beyond its size, ", size_)),
        "SIZE_MISMATCH");
  }
  while (!chunk.empty()) {
    const ssize_t put = pwrite(file_, chunk.data(), chunk.size(), offset_);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return FromErrno("write", store_->IncomingPath(hex_));
    offset_ += put;
    chunk.remove_prefix(static_cast<std::size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status DocumentStore::Writer::Commit() {
  if (offset_ != size_) {
    return WithReason(absl::InvalidArgumentError(
                          absl::StrCat("document ", hex_, " has ", offset_,
                                       " bytes so far, expected ", size_)),
                      "SIZE_MISMATCH");
  }
  const std::string incoming = store_->IncomingPath(hex_);
  auto digest = HashFile(file_, incoming);
  if (!digest.ok()) return digest.status();
  if (ToHex(*digest) != hex_) {
    // Nothing of it is worth keeping: nobody knows which bytes are wrong.
    unlink(incoming.c_str());
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat(
            "document has digest ", ToHex(*digest), ", expected ", hex_)),
        "DIGEST_MISMATCH");
  }
  // Bytes first, then the name: after a crash a name stands for whole bytes.
  if (fsync(file_) != 0) return FromErrno("flush", incoming);
  const std::string stored = store_->StoredPath(hex_);
  const std::string folder = stored.substr(0, stored.rfind('/'));
  if (absl::Status s = MakeFolderIfMissing(folder); !s.ok()) return s;
  if (rename(incoming.c_str(), stored.c_str()) != 0) {
    return FromErrno("rename", incoming);
  }
  if (absl::Status s = SyncFolder(folder); !s.ok()) return s;
  return SyncFolder(store_->folder_ + "/sha256");
}

absl::Status DocumentStore::NotStored(absl::string_view sha256_hex) const {
  if (const auto ground = FindErasure(sha256_hex)) {
    return Erased(absl::StatusCode::kNotFound, sha256_hex, *ground);
  }
  return absl::NotFoundError(
      absl::StrCat("document ", sha256_hex, " is not stored here"));
}

absl::StatusOr<std::string> DocumentStore::Read(absl::string_view sha256_hex,
                                                std::int64_t offset,
                                                std::size_t max_bytes) const {
  if (absl::Status s = CheckName(sha256_hex); !s.ok()) return s;
  const std::string path = StoredPath(sha256_hex);
  const File file(path, O_RDONLY);
  if (!file.ok()) return NotStored(sha256_hex);
  struct stat info;
  if (fstat(file.get(), &info) != 0) return FromErrno("read", path);
  if (offset < 0 || offset > info.st_size) {
    return absl::OutOfRangeError(absl::StrCat(
        "offset is ", offset, ", the document has ", info.st_size, " bytes"));
  }
  std::string bytes(
      std::min<std::size_t>(max_bytes,
                            static_cast<std::size_t>(info.st_size - offset)),
      '\0');
  const ssize_t got = pread(file.get(), bytes.data(), bytes.size(), offset);
  if (got < 0) return FromErrno("read", path);
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

}  // namespace gaceta
