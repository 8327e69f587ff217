#include "base/file_rights.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

namespace gaceta {
namespace {

constexpr mode_t kRightsOfOthers = 077;
constexpr int kUnset = -1;

// The umask that the process had before MakeFilesPrivate(), or kUnset. As
// global as the umask itself.
std::atomic<int> persons_umask = kUnset;

// Gives a new file or folder the rights that the person's umask leaves of
// `mode`. The kernel would do so with the umask set back for a moment, but the
// files that other threads make meanwhile would not be private.
void GiveOutputRights(int fd, mode_t mode) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return;
  // A file system without modes refuses; the file is of use as it is.
  (void)fchmod(fd, (mode & ~static_cast<mode_t>(persons_umask.load())) |
                       (info.st_mode & S_ISGID));
}

bool IsRegularFile(int fd) {
  struct stat info {};
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

int CloseKeepingErrno(int fd) {
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

}  // namespace

void MakeFilesPrivate() {
  const mode_t before = umask(kRightsOfOthers);
  int unset = kUnset;  // A second call finds 077, which is not the person's.
  persons_umask.compare_exchange_strong(unset, static_cast<int>(before));
}

int MakeFile(const std::string& path, int flags, FileRights rights) {
  const bool is_private = rights == FileRights::kPrivate;
  const int fd = open(path.c_str(), flags | O_CREAT | O_EXCL | O_CLOEXEC,
                      is_private ? 0600 : 0666);
  if (fd < 0 || is_private || persons_umask == kUnset) return fd;
  GiveOutputRights(fd, 0666);
  return fd;
}

int OpenOrMakeFile(const std::string& path, int flags, FileRights rights) {
  int fd = MakeFile(path, flags, rights);
  if (fd >= 0 || errno != EEXIST) return fd;
  // With O_CREAT, as it may be a link to a file that is not there.
  fd = open(path.c_str(), flags | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || rights == FileRights::kOutput) return fd;
  // A device or pipe keeps nothing.
  if (!IsRegularFile(fd) || TakeRightsOfOthers(fd) >= 0) return fd;
  return CloseKeepingErrno(fd);
}

int MakeFolder(const std::string& path, FileRights rights) {
  const bool is_private = rights == FileRights::kPrivate;
  if (mkdir(path.c_str(), is_private ? 0700 : 0777) != 0) return -1;
  if (is_private || persons_umask == kUnset) return 0;
  const int fd =
      open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -1;
  GiveOutputRights(fd, 0777);
  close(fd);
  return 0;
}

int TakeRightsOfOthers(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return -1;
  if ((info.st_mode & kRightsOfOthers) == 0) return 0;
  if (fchmod(fd, info.st_mode & 07777 & ~kRightsOfOthers) != 0 ||
      fstat(fd, &info) != 0) {
    return -1;
  }
  if ((info.st_mode & kRightsOfOthers) == 0) return 1;
  errno = ENOTSUP;
  return -1;
}

}  // namespace gaceta
