#include "server/hub/evidence_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

absl::Status WriteDurably(const std::string& path, absl::string_view text) {
  const std::string part = absl::StrCat(path, ".part");
  const int file =
      open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Failed("open", part);
  const bool good = write(file, text.data(), text.size()) ==
                        static_cast<ssize_t>(text.size()) &&
                    fsync(file) == 0;
  close(file);
  if (!good) return Failed("write", part);
  if (rename(part.c_str(), path.c_str()) != 0) return Failed("rename", part);
  return absl::OkStatus();
}

absl::Status SyncFolder(const std::string& path) {
  const int folder = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return Failed("open", path);
  const bool good = fsync(folder) == 0;
  close(folder);
  return good ? absl::OkStatus() : Failed("flush", path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<EvidenceFolder>> EvidenceFolder::Open(
    std::string folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot make folder ", folder, ": ", error.message()));
  }
  return std::unique_ptr<EvidenceFolder>(new EvidenceFolder(std::move(folder)));
}

absl::StatusOr<std::string> EvidenceFolder::KeepConflict(
    absl::string_view reason, const v1::Leaf& first, const v1::Leaf& second) {
  v1::Evidence evidence;
  evidence.set_reason(std::string(reason));
  *evidence.add_leaves() = first;
  *evidence.add_leaves() = second;

  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  if (auto s =
          google::protobuf::util::MessageToJsonString(evidence, &json, options);
      !s.ok()) {
    return absl::InternalError(s.ToString());
  }
  const std::string digest = ToHex(
      Sha256(absl::StrCat(Sha256(first.header()), Sha256(second.header()))));
  const std::string path =
      absl::StrCat(folder_, "/conflict-", digest.substr(0, 32), ".json");
  absl::MutexLock lock(&mu_);
  std::error_code error;
  if (std::filesystem::exists(path, error)) return path;
  if (absl::Status s = WriteDurably(path, json); !s.ok()) return s;
  if (absl::Status s = SyncFolder(folder_); !s.ok()) return s;
  return path;
}

}  // namespace gaceta
