#include "server/hub/hub_folder.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "pki/note_key.h"
#include "server/documents/document_store.h"
#include "server/log/sqlite_file.h"
#include "server/log/subscription_table.h"
#include "server/projections/projected_log.h"
#include "server/storage/data_folder.h"
#include "server/storage/shown_size_file.h"

namespace gaceta {
namespace {

constexpr char kCreate[] = "gaceta-hub --config FILE --create-log";

bool HasOwnKey(const HubFolderOptions& options) {
  return options.log_key_file.empty();
}

std::string KeyPath(const HubFolderOptions& options) {
  return HasOwnKey(options) ? options.data_folder + "/log.key"
                            : options.log_key_file;
}

bool Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string Expected(const HubFolderOptions& options) {
  return absl::StrCat("log.db, checkpoints.db, documents",
                      HasOwnKey(options) ? ", log.key" : "");
}

// Before anything is made.
absl::Status CheckKeyToCreate(const HubFolderOptions& options, bool reuse_key) {
  if (HasOwnKey(options)) {
    if (!reuse_key) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "--reuse-key: the configuration has no log_key_file, so the log gets a "
        "key of its own; set log_key_file, or leave --reuse-key out");
  }
  const bool is_there = Exists(options.log_key_file);
  if (reuse_key) {
    return is_there ? absl::OkStatus()
                    : absl::NotFoundError(absl::StrCat(
                          "--reuse-key: log_key_file ", options.log_key_file,
                          " is not there; restore it, or leave --reuse-key out "
                          "to make a new key"));
  }
  if (!is_there) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "log_key_file ", options.log_key_file,
      " is there already: if a log was ever begun with this key, a second one "
      "is a forged history to everybody who has seen the first. Restore that "
      "log; name another file for a new key; or, if the key has signed nothing "
      "yet, add --reuse-key"));
}

absl::StatusOr<NoteSigner> MakeLog(const HubFolderOptions& options,
                                   bool reuse_key) {
  const std::string& folder = options.data_folder;
  if (auto documents = DocumentStore::Open(folder + "/documents");
      !documents.ok()) {
    return documents.status();
  }
  if (auto table = SubscriptionTable::Open(folder + "/subscriptions.db");
      !table.ok()) {
    return table.status();
  }
  auto signer = reuse_key
                    ? ReadLogKey(options)
                    : pki::MakeNoteKey(KeyPath(options), options.log_origin,
                                       NoteKeyType::kEd25519);
  if (!signer.ok()) return signer;
  // Last, so that a folder with log.db has everything.
  if (absl::Status s = ProjectedLog::Create(folder); !s.ok()) return s;
  return signer;
}

// What MakeLog() may have made.
void RemoveLog(const HubFolderOptions& options, bool had_key) {
  std::error_code ignored;
  const std::string& folder = options.data_folder;
  for (const char* name : {"/log.db", "/checkpoints.db", "/subscriptions.db"}) {
    RemoveSqliteFile(folder + name);
  }
  std::filesystem::remove(folder + "/log.db.lock", ignored);
  std::filesystem::remove(ShownSizeFile::PathIn(folder), ignored);
  std::filesystem::remove_all(folder + "/documents", ignored);
  if (had_key) return;
  std::filesystem::remove(KeyPath(options), ignored);
  std::filesystem::remove(KeyPath(options) + ".pub", ignored);
}

absl::Status NoLog(const HubFolderOptions& options,
                   const std::vector<std::string>& names) {
  const std::string& folder = options.data_folder;
  const std::string found =
      names.empty() ? Exists(folder) ? "an empty folder" : "no such folder"
                    : NameSome(names);
  return absl::NotFoundError(absl::StrCat(
      "there is no log in data_folder ", folder, ": found ", found,
      ", expected ", Expected(options),
      "; correct data_folder, or mount or restore it; a new log is begun with ",
      kCreate));
}

}  // namespace

absl::Status WithRecovery(const absl::Status& status,
                          const std::string& data_folder) {
  if (!absl::IsDataLoss(status)) return status;
  return Annotate(
      absl::DataLossError(absl::StrCat(
          status.message(),
          "; restore the whole folder from a backup that was made while the "
          "hub "
          "was stopped, or move log.db and log.db-wal away and rebuild the log "
          "from nodes' mirrors: gaceta-hub --config FILE --rebuild-from DIR")),
      absl::StrCat("the log is not served: data_folder ", data_folder));
}

absl::StatusOr<NoteSigner> ReadLogKey(const HubFolderOptions& options) {
  auto signer = pki::ReadNoteKey(KeyPath(options), options.log_origin,
                                 NoteKeyType::kEd25519);
  return signer.ok() ? signer : Annotate(signer.status(), "log_key_file");
}

absl::StatusOr<NoteKey> CreateHubFolder(const HubFolderOptions& options,
                                        bool reuse_key) {
  if (absl::Status s = CheckKeyToCreate(options, reuse_key); !s.ok()) return s;
  if (reuse_key) {
    // A key that cannot be used ends it before anything is made.
    if (auto key = ReadLogKey(options); !key.ok()) return key.status();
  }
  if (absl::Status s = MakeNewDataFolder(options.data_folder, "--create-log");
      !s.ok()) {
    return s;
  }
  auto signer = MakeLog(options, reuse_key);
  if (!signer.ok()) {
    // Whoever made a key there meanwhile keeps it.
    const bool is_others = absl::IsAlreadyExists(signer.status());
    RemoveLog(options, reuse_key || is_others);
    return signer.status();
  }
  return signer->public_key();
}

absl::Status CheckHubFolder(const HubFolderOptions& options) {
  const std::string& folder = options.data_folder;
  auto names = NamesInDataFolder(folder);
  if (!names.ok()) return names.status();
  const auto has = [&names](absl::string_view name) {
    return absl::c_linear_search(*names, name);
  };
  const std::string found = absl::StrCat("found ", NameSome(*names),
                                         ", expected ", Expected(options));
  if (has("cosigner.key") || has("outbox.db")) {
    return absl::FailedPreconditionError(
        absl::StrCat("data_folder ", folder, " is that of a node: ", found,
                     "; correct data_folder"));
  }
  if (!has("log.db")) {
    if (!has("log.key") && !has("checkpoints.db") && !has("log.size")) {
      if (names->empty()) return NoLog(options, *names);
      return absl::FailedPreconditionError(absl::StrCat(
          "data_folder ", folder, " has files, but none of a server: ", found,
          "; correct data_folder, or restore what was there; a new log is "
          "begun "
          "in an empty folder, with ",
          kCreate));
    }
    return WithRecovery(
        absl::DataLossError(absl::StrCat("it has no log.db: ", found)), folder);
  }
  for (const char* name : {"checkpoints.db", "documents"}) {
    if (has(name)) continue;
    return WithRecovery(
        absl::DataLossError(absl::StrCat("it has no ", name, ": ", found)),
        folder);
  }
  if (!Exists(KeyPath(options))) {
    return absl::NotFoundError(absl::StrCat(
        "log_key_file: ", KeyPath(options), " is not there, but the log in ",
        folder, " is: ", found,
        "; restore the key from its copy: no other can go on with this log"));
  }
  if (absl::Status s = CheckHasBytes(folder, {"log.db", "checkpoints.db"});
      !s.ok()) {
    return WithRecovery(s, folder);
  }
  return WithRecovery(ProjectedLog::Inspect(folder), folder);
}

}  // namespace gaceta
