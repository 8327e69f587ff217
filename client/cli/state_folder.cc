#include "cli/state_folder.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/session.h"
#include "gaceta/file_io.h"
#include "verify/digest.h"
#include "verify/openssl_ptr.h"

namespace gaceta::cli {
namespace {

// Of an origin, in the name of its folder.
constexpr std::size_t kMaxNameBytes = 100;

absl::StatusOr<std::string> OwnFolder() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return absl::StrCat(state, "/gaceta");
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') {
    return absl::StrCat(home, "/.local/state/gaceta");
  }
  return absl::FailedPreconditionError(
      "neither XDG_STATE_HOME nor HOME says where to keep what is known of the "
      "log");
}

std::string PublicKeyOf(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &bytes);
  if (size <= 0) return "";
  std::string der(reinterpret_cast<char*>(bytes),
                  static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return der;
}

// A beginning of the origin that people recognise, and that every file system
// takes.
std::string PlainName(const std::string& origin) {
  std::string plain = origin.substr(0, kMaxNameBytes);
  std::replace_if(
      plain.begin(), plain.end(),
      [](char c) { return !absl::ascii_isalnum(c) && c != '.' && c != '-'; },
      '_');
  return plain;
}

StateFolder FolderFor(const std::string& own, const std::string& public_key,
                      const std::string& origin) {
  const std::string root_key = Sha256(public_key);
  const std::string digest = ToHex(Sha256(absl::StrCat(root_key, origin)));
  return {absl::StrCat(own, "/", PlainName(origin), "-", digest.substr(0, 32)),
          ToHex(root_key)};
}

}  // namespace

LogName LogNameOf(const ResolvedProfile& profile) {
  return {profile.connection.root_file, profile.log_origin};
}

absl::StatusOr<StateFolder> FindStateFolder(const LogName& log) {
  auto own = OwnFolder();
  if (!own.ok()) return own.status();
  auto pem = ReadFile(log.root_file);
  if (!pem.ok()) return pem.status();
  std::vector<StateFolder> folders;
  for (const OpensslPtr<X509>& root : X509sFromPem(*pem)) {
    folders.push_back(FolderFor(*own, PublicKeyOf(root.get()), log.origin));
  }
  if (folders.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(log.root_file, " holds no certificate in PEM"));
  }
  for (const StateFolder& folder : folders) {
    std::error_code error;
    if (std::filesystem::exists(folder.path, error)) return folder;
  }
  return folders.front();
}

absl::StatusOr<StateFolder> OpenStateFolder(const LogName& log) {
  auto folder = FindStateFolder(log);
  if (!folder.ok()) return folder;
  if (absl::Status s =
          client::MakeFolderDurably(folder->path, FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  const std::string own = std::filesystem::path(folder->path).parent_path();
  auto opened = client::File::OpenToRead(own);
  if (!opened.ok()) return opened.status();
  if (absl::Status s = opened->KeepForOwner(); !s.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("other users may enter ", own, ": ", s.message(),
                     "; run chown and chmod 700 on it, or set XDG_STATE_HOME"));
  }
  return folder;
}

}  // namespace gaceta::cli
