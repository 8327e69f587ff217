// Files that survive a crash. Used inside the client library, by the command
// and by the servers; not installed.
#ifndef GACETA_CLIENT_GACETA_FILE_IO_H_
#define GACETA_CLIENT_GACETA_FILE_IO_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/file_rights.h"

namespace gaceta::client {

// Ends the name of a file of which not all has arrived.
inline constexpr absl::string_view kPartEnding = ".part";

// An open file; closed when it goes.
//
// Thread safety: none.
class File {
 public:
  File() = default;
  ~File();
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  // kNotFound if there is no file that can be read.
  static absl::StatusOr<File> OpenToRead(const std::string& path);
  // Makes the file if it is not there, and leaves its content.
  // kPermissionDenied if it is to be private, others may use it, and it belongs
  // to another user.
  static absl::StatusOr<File> OpenToWrite(const std::string& path,
                                          FileRights rights);
  // The same, for Append().
  static absl::StatusOr<File> OpenToAppend(const std::string& path,
                                           FileRights rights);

  absl::StatusOr<std::int64_t> Size() const;
  // Reads up to `max_bytes` from `offset` on, fewer only at the end.
  absl::StatusOr<std::string> Read(std::int64_t offset,
                                   std::size_t max_bytes) const;
  absl::Status Write(std::int64_t offset, absl::string_view bytes);
  // Writes behind what is there, also behind what other programs append.
  absl::Status Append(absl::string_view bytes);
  absl::Status Truncate(std::int64_t size);
  // Returns when all that was written is durable.
  absl::Status Sync();
  // Returns when all that anybody wrote to the same file system is.
  absl::Status SyncAll();
  // Keeps other programs from locking the same file as long as this object is
  // there. kUnavailable if one has.
  absl::Status Lock();
  // Takes the rights of other users from the file or folder. kPermissionDenied
  // if it belongs to another user and they have any.
  absl::Status KeepForOwner();

 private:
  explicit File(int fd) : fd_(fd) {}

  int fd_ = -1;
};

// Gives the durable file `from` the name `to`, in the same folder; a file of
// that name is replaced. Returns when that is durable.
absl::Status RenameDurably(const std::string& from, const std::string& to);

// Removes the file, if it is there. Returns when that is durable.
absl::Status RemoveFileDurably(const std::string& path);

// Replaces what `path` holds: after a crash it has all of the old or all of the
// new. Uses `path`.tmp. It has `rights`, whatever the old one had.
absl::Status WriteFileDurably(const std::string& path,
                              absl::string_view contents, FileRights rights);

// The same for many files, by path, of one folder: quicker than one by one.
// After a crash each is as it was or new.
absl::Status WriteFilesDurably(
    const std::map<std::string, absl::string_view>& contents,
    FileRights rights);

// Makes the folder and what is missing above it, all with `rights`. Returns
// when that is durable. Folders that exist stay as they are. kUnavailable if it
// cannot; kFailedPrecondition if a file is there.
absl::Status MakeFolderDurably(const std::string& folder, FileRights rights);

// kNotFound if it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::string& path);

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_FILE_IO_H_
