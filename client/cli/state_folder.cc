#include "cli/state_folder.h"

#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gaceta/file_io.h"

namespace gaceta::cli {
namespace {

absl::StatusOr<std::string> StateHome() {
  const char* state = std::getenv("XDG_STATE_HOME");
  if (state != nullptr && *state != '\0') return std::string(state);
  const char* home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') {
    return absl::StrCat(home, "/.local/state");
  }
  return absl::FailedPreconditionError(
      "neither XDG_STATE_HOME nor HOME says where to keep what is known of the "
      "log");
}

}  // namespace

absl::StatusOr<std::string> OpenStateFolder(const std::string& log_origin) {
  auto home = StateHome();
  if (!home.ok()) return home.status();
  const std::string own = absl::StrCat(*home, "/gaceta");
  const std::string folder =
      absl::StrCat(own, "/", absl::StrReplaceAll(log_origin, {{"/", "_"}}));
  if (absl::Status s = client::MakeFolderDurably(folder, FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
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
