#include "gaceta/file_io.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"

namespace gaceta::client {
namespace {

absl::Status Failed(absl::string_view what) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", what));
}

std::string FolderOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string TemporaryOf(const std::string& path) {
  return absl::StrCat(path, ".tmp");
}

// Not durable yet.
absl::StatusOr<File> WriteTemporary(const std::string& path,
                                    absl::string_view contents,
                                    FileRights rights) {
  auto file = File::OpenToWrite(TemporaryOf(path), rights);
  if (!file.ok()) return file;
  for (const absl::Status& s : {file->Truncate(0), file->Write(0, contents)}) {
    if (!s.ok()) return s;
  }
  return file;
}

}  // namespace

File::~File() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<File> File::OpenToRead(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed(absl::StrCat("open ", path));
  return File(fd);
}

absl::StatusOr<File> File::OpenToWrite(const std::string& path,
                                       FileRights rights) {
  const int fd = OpenOrMakeFile(path, O_RDWR, rights);
  if (fd < 0) return Failed(absl::StrCat("make ", path));
  return File(fd);
}

absl::StatusOr<File> File::OpenToAppend(const std::string& path,
                                        FileRights rights) {
  const int fd = OpenOrMakeFile(path, O_RDWR | O_APPEND, rights);
  if (fd < 0) return Failed(absl::StrCat("make ", path));
  return File(fd);
}

absl::StatusOr<std::int64_t> File::Size() const {
  struct stat info {};
  if (fstat(fd_, &info) != 0) return Failed("ask for a file's size");
  if (!S_ISREG(info.st_mode)) {
    return absl::InvalidArgumentError("is not a file");
  }
  return info.st_size;
}

absl::StatusOr<std::string> File::Read(std::int64_t offset,
                                       std::size_t max_bytes) const {
  std::string bytes(max_bytes, '\0');
  std::size_t done = 0;
  while (done < max_bytes) {
    const ssize_t n = pread(fd_, bytes.data() + done, max_bytes - done,
                            offset + static_cast<std::int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("read a file");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  bytes.resize(done);
  return bytes;
}

absl::Status File::Write(std::int64_t offset, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd_, bytes.data(), bytes.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("write a file");
    offset += n;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status File::Append(absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("write a file");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return absl::OkStatus();
}

absl::Status File::Truncate(std::int64_t size) {
  return ftruncate(fd_, size) == 0 ? absl::OkStatus()
                                   : Failed("shorten a file");
}

absl::Status File::Sync() {
  return fsync(fd_) == 0 ? absl::OkStatus() : Failed("make a file durable");
}

absl::Status File::SyncAll() {
  return syncfs(fd_) == 0 ? absl::OkStatus() : Failed("make files durable");
}

absl::Status File::Lock() {
  if (flock(fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return errno == EWOULDBLOCK
             ? absl::UnavailableError("another program has locked a file")
             : Failed("lock a file");
}

absl::Status File::KeepForOwner() {
  return TakeRightsOfOthers(fd_) >= 0 ? absl::OkStatus()
                                      : Failed("take the rights of others");
}

absl::Status RenameDurably(const std::string& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) {
    return Failed(absl::StrCat("rename ", from, " to ", to));
  }
  // The new name is durable only with its folder.
  auto folder = File::OpenToRead(FolderOf(to));
  if (!folder.ok()) return folder.status();
  return folder->Sync();
}

absl::Status RemoveFileDurably(const std::string& path) {
  if (std::remove(path.c_str()) != 0) {
    return errno == ENOENT ? absl::OkStatus()
                           : Failed(absl::StrCat("remove ", path));
  }
  auto folder = File::OpenToRead(FolderOf(path));
  if (!folder.ok()) return folder.status();
  return folder->Sync();
}

absl::Status WriteFileDurably(const std::string& path,
                              absl::string_view contents, FileRights rights) {
  auto file = WriteTemporary(path, contents, rights);
  if (!file.ok()) return file.status();
  if (absl::Status s = file->Sync(); !s.ok()) return s;
  return RenameDurably(TemporaryOf(path), path);
}

absl::Status WriteFilesDurably(
    const std::map<std::string, absl::string_view>& contents,
    FileRights rights) {
  if (contents.empty()) return absl::OkStatus();
  for (const auto& [path, bytes] : contents) {
    if (absl::Status s = WriteTemporary(path, bytes, rights).status();
        !s.ok()) {
      return s;
    }
  }
  // One wait for the disk in place of one for each file.
  auto folder = File::OpenToRead(FolderOf(contents.begin()->first));
  if (!folder.ok()) return folder.status();
  if (absl::Status s = folder->SyncAll(); !s.ok()) return s;
  for (const auto& [path, bytes] : contents) {
    if (std::rename(TemporaryOf(path).c_str(), path.c_str()) != 0) {
      return Failed(absl::StrCat("make ", path));
    }
  }
  return folder->Sync();
}

absl::Status MakeFolderDurably(const std::string& folder, FileRights rights) {
  struct stat info {};
  if (stat(folder.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode) ? absl::OkStatus()
                                 : absl::FailedPreconditionError(absl::StrCat(
                                       folder, " is there and no folder"));
  }
  const std::string above = FolderOf(folder);
  if (absl::Status s = MakeFolderDurably(above, rights); !s.ok()) return s;
  if (MakeFolder(folder, rights) != 0 && errno != EEXIST) {
    return absl::UnavailableError(
        Failed(absl::StrCat("make folder ", folder)).message());
  }
  auto parent = File::OpenToRead(above);
  if (!parent.ok()) return parent.status();
  return parent->Sync();
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  auto file = File::OpenToRead(path);
  if (!file.ok()) return file.status();
  auto size = file->Size();
  if (!size.ok())
    return absl::Status(size.status().code(),
                        absl::StrCat(path, ": ", size.status().message()));
  return file->Read(0, static_cast<std::size_t>(*size));
}

}  // namespace gaceta::client
