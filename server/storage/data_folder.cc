#include "server/storage/data_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "base/file_rights.h"
#include "gaceta/file_io.h"
#include "spdlog/spdlog.h"

namespace gaceta {
namespace {

constexpr mode_t kRightsOfOthers = 077;
constexpr absl::string_view kFolders[] = {"documents", "evidence",
                                          "rebuilding"};
constexpr absl::string_view kFileEndings[] = {
    ".db",      ".db-wal",  ".db-shm",     ".db-journal",
    ".db.lock", "log.size", "log.size.tmp"};
// A folder that has one of them is a server's.
constexpr absl::string_view kMarks[] = {"log.db", "log.key", "log.size",
                                        "checkpoints.db", "cosigner.key"};
// Made by the system in the root of a file system.
constexpr absl::string_view kLostAndFound = "lost+found";

// A file or folder that is open as long as this object is there.
class Opened {
 public:
  explicit Opened(int fd) : fd_(fd) {}
  ~Opened() {
    if (fd_ >= 0) close(fd_);
  }
  Opened(const Opened&) = delete;
  Opened& operator=(const Opened&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status Failed(absl::string_view what, absl::string_view path) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

bool IsServersFolder(absl::string_view name) {
  return absl::c_linear_search(kFolders, name);
}

bool IsServersFile(absl::string_view name) {
  return absl::c_any_of(kFileEndings, [name](absl::string_view ending) {
    return absl::EndsWith(name, ending);
  });
}

absl::StatusOr<std::vector<std::string>> NamesIn(int folder,
                                                 const std::string& path) {
  // closedir() closes the descriptor of the stream.
  const int own = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0) return Failed("read folder", path);
  DIR* stream = fdopendir(own);
  if (stream == nullptr) {
    close(own);
    return absl::ResourceExhaustedError("no memory is left");
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    const absl::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  const int error = errno;
  closedir(stream);
  errno = error;
  if (error != 0) return Failed("read folder", path);
  return names;
}

absl::Status NotPrivate(const std::string& path, const struct stat& info) {
  const int error = errno;
  return absl::FailedPreconditionError(absl::StrFormat(
      "cannot keep other users from %s (mode %04o): %s; it belongs to user %d, "
      "the server runs as user %d. Run chown and chmod go= on it, or set "
      "data_folder to a folder within it, which the server makes",
      path, info.st_mode & 07777, std::strerror(error), info.st_uid,
      geteuid()));
}

// One pass over a data folder.
class Tightening {
 public:
  // Takes the rights of others from the open folder or file at `path`.
  absl::Status Take(int fd, const std::string& path, const struct stat& info) {
    const int taken = TakeRightsOfOthers(fd);
    if (taken < 0) return NotPrivate(path, info);
    if (taken > 0 && S_ISREG(info.st_mode)) ++files_;
    if (taken > 0 && S_ISDIR(info.st_mode)) ++folders_;
    return absl::OkStatus();
  }

  // The same for all that is in the open folder at `path`, and then for the
  // folder: if this process ends in between, the next one begins again.
  absl::Status TakeAll(int folder, const std::string& path,
                       const struct stat& info) {
    auto names = NamesIn(folder, path);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      if (absl::Status s = TakeEntry(folder, path, name, true); !s.ok()) {
        return s;
      }
    }
    return Take(folder, path, info);
  }

  // The same for the entry `name` of the open folder at `path`. The content of
  // a folder is looked at only if other users may enter it, or if `was_open`:
  // they could enter the folder around it. So a start does not look at a
  // million documents that are private already.
  absl::Status TakeEntry(int folder, const std::string& path,
                         const std::string& name, bool was_open) {
    const std::string entry_path = absl::StrCat(path, "/", name);
    // The target of a link is not the server's to change.
    const Opened entry(
        openat(folder, name.c_str(),
               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (entry.get() < 0) {
      // SQLite may have removed a file by now, if another server is at work.
      const bool passed = errno == ELOOP || errno == ENOENT || errno == ENXIO;
      return passed ? absl::OkStatus() : Failed("open", entry_path);
    }
    struct stat info {};
    if (fstat(entry.get(), &info) != 0) return Failed("look at", entry_path);
    if (S_ISREG(info.st_mode)) return Take(entry.get(), entry_path, info);
    if (!S_ISDIR(info.st_mode)) return absl::OkStatus();
    const bool is_open = (info.st_mode & kRightsOfOthers) != 0;
    if (!was_open && !is_open) return absl::OkStatus();
    return TakeAll(entry.get(), entry_path, info);
  }

  std::int64_t files() const { return files_; }
  std::int64_t folders() const { return folders_; }

 private:
  std::int64_t files_ = 0;
  std::int64_t folders_ = 0;
};

// Whether a folder with these names is a server's, or has nothing yet.
bool IsServersOrEmpty(const std::vector<std::string>& names) {
  const auto is_mark = [](const std::string& name) {
    return absl::c_linear_search(kMarks, name);
  };
  const auto is_nothing = [](const std::string& name) {
    return name == kLostAndFound;
  };
  return absl::c_any_of(names, is_mark) || absl::c_all_of(names, is_nothing);
}

}  // namespace

absl::Status OpenDataFolder(const std::string& folder) {
  if (absl::Status s = client::MakeFolderDurably(folder, FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  // The folder itself may be a link: systemd makes one with DynamicUser=.
  const Opened opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat info {};
  if (opened.get() < 0 || fstat(opened.get(), &info) != 0) {
    return Failed("open folder", folder);
  }
  const bool was_open = (info.st_mode & kRightsOfOthers) != 0;
  auto names = NamesIn(opened.get(), folder);
  if (!names.ok()) return names.status();
  if (was_open && !IsServersOrEmpty(*names)) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "data_folder %s has files, but none of a server, and other users may "
        "use it (mode %04o); if the path is right, run chmod 700 %s",
        folder, info.st_mode & 07777, folder));
  }
  Tightening tightening;
  // First, so that nothing has changed if the folder is another user's.
  if (absl::Status s = tightening.Take(opened.get(), folder, info); !s.ok()) {
    return s;
  }
  for (const std::string& name : *names) {
    if (!IsServersFile(name) && !IsServersFolder(name)) continue;
    if (absl::Status s =
            tightening.TakeEntry(opened.get(), folder, name, was_open);
        !s.ok()) {
      return s;
    }
  }
  if (tightening.files() + tightening.folders() > 0) {
    spdlog::warn(
        "data folder was open to other users, closed now path=\"{}\" "
        "mode_before={:04o} folders_changed={} files_changed={}",
        folder, static_cast<unsigned>(info.st_mode & 07777),
        tightening.folders(), tightening.files());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> NamesInDataFolder(
    const std::string& folder) {
  const Opened opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0) {
    if (errno == ENOENT) return std::vector<std::string>();
    if (errno != ENOTDIR) return Failed("open folder", folder);
    return absl::FailedPreconditionError(
        absl::StrCat("data_folder ", folder, " is a file, expected a folder"));
  }
  auto names = NamesIn(opened.get(), folder);
  if (!names.ok()) return names;
  names->erase(std::remove(names->begin(), names->end(), kLostAndFound),
               names->end());
  absl::c_sort(*names);
  return names;
}

absl::Status MakeNewDataFolder(const std::string& folder,
                               absl::string_view what) {
  auto names = NamesInDataFolder(folder);
  if (!names.ok()) return names.status();
  if (!names->empty()) {
    return absl::AlreadyExistsError(absl::StrCat(
        "data_folder ", folder, " is not empty: it has ", NameSome(*names),
        "; ", what,
        " begins in an empty or a new folder alone. If these files are "
        "data, start the server without ",
        what, "; if not, move them away first"));
  }
  return OpenDataFolder(folder);
}

absl::Status CheckHasBytes(const std::string& folder,
                           absl::Span<const absl::string_view> names) {
  for (const absl::string_view name : names) {
    const std::string path = absl::StrCat(folder, "/", name);
    struct stat info {};
    if (stat(path.c_str(), &info) == 0 && info.st_size == 0) {
      return absl::DataLossError(
          absl::StrCat(path, " is an empty file, expected a database"));
    }
  }
  return absl::OkStatus();
}

std::string NameSome(const std::vector<std::string>& names) {
  constexpr std::size_t kMax = 12;
  if (names.empty()) return "nothing";
  if (names.size() <= kMax) return absl::StrJoin(names, ", ");
  return absl::StrCat(
      absl::StrJoin(absl::MakeConstSpan(names).first(kMax), ", "), " and ",
      names.size() - kMax, " more");
}

}  // namespace gaceta
