#include "pki/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gaceta::pki {
namespace {

absl::Status Failed(absl::string_view what, absl::string_view path, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", path));
}

// Closes the descriptor when done.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status AlreadyThere(absl::string_view path) {
  return absl::AlreadyExistsError(absl::StrCat(
      path,
      " is there already and is never overwritten; move it away first if "
      "it is really to be replaced"));
}

bool WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return fsync(fd) == 0;
}

// A file's name is on stable storage only when its folder is.
absl::Status SyncFolderOf(const std::string& path) {
  const std::filesystem::path parent =
      std::filesystem::path(path).parent_path();
  const std::string folder =
      parent.empty() ? std::string(".") : parent.string();
  const Descriptor fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || fsync(fd.get()) != 0) {
    return Failed("write folder", folder, errno);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status WriteNewFile(const std::string& path, absl::string_view text,
                          FileRights rights) {
  // Decides in one step, and follows no link.
  const Descriptor fd(MakeFile(path, O_WRONLY, rights));
  if (fd.get() < 0) {
    return errno == EEXIST ? AlreadyThere(path) : Failed("create", path, errno);
  }
  absl::Status status;
  if (!WriteAll(fd.get(), text)) {
    status = Failed("write", path, errno);
  } else {
    status = SyncFolderOf(path);
  }
  // Half a key would only stand in the way of the next try.
  if (!status.ok()) unlink(path.c_str());
  return status;
}

absl::Status CheckIsFree(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) == 0) return AlreadyThere(path);
  return errno == ENOENT || errno == ENOTDIR ? absl::OkStatus()
                                             : Failed("look at", path, errno);
}

absl::Status MakePrivateFolder(const std::string& folder) {
  const std::filesystem::path path(folder);
  std::filesystem::path made;
  for (const std::filesystem::path& part : path) {
    made /= part;
    if (MakeFolder(made.string(), FileRights::kPrivate) == 0) {
      if (absl::Status s = SyncFolderOf(made.string()); !s.ok()) return s;
      continue;
    }
    const int error = errno;
    struct stat info;
    if (stat(made.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) continue;
    return Failed("create folder", made.string(), error);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  const Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return Failed("read", path, errno);
  std::string text;
  char buffer[4096];
  while (true) {
    const ssize_t size = read(fd.get(), buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Failed("read", path, errno);
    if (size == 0) return text;
    text.append(buffer, static_cast<std::size_t>(size));
  }
}

}  // namespace gaceta::pki
