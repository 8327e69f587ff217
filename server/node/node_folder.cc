#include "server/node/node_folder.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "pki/note_key.h"
#include "server/documents/document_store.h"
#include "server/log/checkpoint_store.h"
#include "server/log/sqlite_file.h"
#include "server/log/sqlite_log_store.h"
#include "server/log/subscription_table.h"
#include "server/node/outbox_file.h"
#include "server/projections/projected_log.h"
#include "server/storage/data_folder.h"
#include "server/storage/shown_size_file.h"
#include "spdlog/spdlog.h"
#include "verify/checkpoint.h"

namespace gaceta {
namespace {

constexpr char kCreate[] = "gaceta-node --config FILE --create-data";

bool HasOwnKey(const NodeFolderOptions& options) {
  return options.cosigner_key_file.empty();
}

std::string KeyPath(const NodeFolderOptions& options) {
  return HasOwnKey(options) ? options.data_folder + "/cosigner.key"
                            : options.cosigner_key_file;
}

bool Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string Expected(const NodeFolderOptions& options) {
  return absl::StrCat("outbox.db, checkpoints.db",
                      HasOwnKey(options) ? ", cosigner.key" : "");
}

// Before anything is made.
absl::Status CheckKeyToCreate(const NodeFolderOptions& options,
                              bool reuse_key) {
  if (HasOwnKey(options)) {
    if (!reuse_key) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "--reuse-key: the configuration has no cosigner_key_file, so the node "
        "gets a key of its own; set cosigner_key_file, or leave --reuse-key "
        "out");
  }
  const bool is_there = Exists(options.cosigner_key_file);
  if (reuse_key) {
    return is_there ? ReadCosignerKey(options).status()
                    : absl::NotFoundError(absl::StrCat(
                          "--reuse-key: cosigner_key_file ",
                          options.cosigner_key_file,
                          " is not there; restore it, or leave --reuse-key out "
                          "to make a new key"));
  }
  if (!is_there) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "cosigner_key_file ", options.cosigner_key_file,
      " is there already: a node that begins anew does not know what it has "
      "cosigned with this key, and may vouch for a fork of it. Restore the "
      "node's data; name another file for a new key; or, if the key has signed "
      "nothing yet, add --reuse-key"));
}

absl::StatusOr<NoteSigner> MakeData(const NodeFolderOptions& options,
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
  if (auto outbox = OutboxFile::Open(folder + "/outbox.db"); !outbox.ok()) {
    return outbox.status();
  }
  auto signer = reuse_key
                    ? ReadCosignerKey(options)
                    : pki::MakeNoteKey(KeyPath(options), options.cosigner_name,
                                       NoteKeyType::kCosignature);
  if (!signer.ok()) return signer;
  if (absl::Status s = ProjectedLog::Create(folder); !s.ok()) return s;
  return signer;
}

// What MakeData() may have made.
void RemoveData(const NodeFolderOptions& options, bool had_key) {
  std::error_code ignored;
  const std::string& folder = options.data_folder;
  for (const char* name :
       {"/log.db", "/checkpoints.db", "/subscriptions.db", "/outbox.db"}) {
    RemoveSqliteFile(folder + name);
  }
  std::filesystem::remove(folder + "/log.db.lock", ignored);
  std::filesystem::remove(ShownSizeFile::PathIn(folder), ignored);
  std::filesystem::remove_all(folder + "/documents", ignored);
  if (had_key) return;
  std::filesystem::remove(KeyPath(options), ignored);
  std::filesystem::remove(KeyPath(options) + ".pub", ignored);
}

absl::Status NoData(const NodeFolderOptions& options,
                    const std::vector<std::string>& names) {
  const std::string& folder = options.data_folder;
  const std::string found =
      names.empty() ? Exists(folder) ? "an empty folder" : "no such folder"
                    : NameSome(names);
  return absl::NotFoundError(
      absl::StrCat("there is no node's data in data_folder ", folder,
                   ": found ", found, ", expected ", Expected(options),
                   "; correct data_folder, or mount or restore it; a new "
                   "node's data is made "
                   "with ",
                   kCreate));
}

// What to do without checkpoints.db.
std::string RestoreCheckpoints() {
  return absl::StrCat(
      "restore it: it has what this node has cosigned, and without it the node "
      "may vouch for a fork of that. If it is lost for good, the cosigning key "
      "must not be used again: move everything away, run ",
      kCreate,
      ", put outbox.db back, and let the secretariat put the new "
      "cosigner.key.pub into the log policy");
}

// Entries of a checkpoint that is kept; 0 if none is.
absl::StatusOr<Position> SizeOf(const CheckpointStore& checkpoints,
                                CheckpointKind kind) {
  auto note = checkpoints.Get(kind);
  if (!note.ok()) return note.status();
  if (!note->has_value()) return 0;
  auto checkpoint = CheckpointOf(**note);
  if (!checkpoint.ok()) return checkpoint.status();
  return checkpoint->size;
}

// Keeps the newest of what was published, for the comparison with what will be
// fetched; `shown` is what was shown at least.
absl::Status RememberPublished(Position shown, CheckpointStore* checkpoints) {
  auto published = SizeOf(*checkpoints, CheckpointKind::kPublished);
  if (!published.ok()) return published.status();
  // More than what is published, if the log was lost again before all of it was
  // fetched.
  auto before = SizeOf(*checkpoints, CheckpointKind::kBeforeLoss);
  if (!before.ok()) return before.status();
  if (std::max(*published, *before) < shown) {
    return absl::DataLossError(
        absl::StrCat("the last checkpoint has ", *published,
                     " entries, but log.size says "
                     "that ",
                     shown,
                     " were shown: checkpoints.db is not whole, as a copy "
                     "without its checkpoints.db-wal; ",
                     RestoreCheckpoints()));
  }
  if (*published <= *before) return absl::OkStatus();
  auto note = checkpoints->Get(CheckpointKind::kPublished);
  if (!note.ok()) return note.status();
  return checkpoints->Put(CheckpointKind::kBeforeLoss, **note);
}

}  // namespace

absl::Status WithRefetch(const absl::Status& status,
                         const std::string& data_folder) {
  if (!absl::IsDataLoss(status)) return status;
  return Annotate(
      absl::DataLossError(absl::StrCat(
          status.message(),
          "; restore the whole folder from a backup that was made while the "
          "node "
          "was stopped. If only log.db is damaged, move log.db and log.db-wal "
          "away: the node then fetches its copy of the log again")),
      absl::StrCat("the mirrored log is not served: data_folder ",
                   data_folder));
}

absl::StatusOr<NoteSigner> ReadCosignerKey(const NodeFolderOptions& options) {
  auto signer = pki::ReadNoteKey(KeyPath(options), options.cosigner_name,
                                 NoteKeyType::kCosignature);
  return signer.ok() ? signer : Annotate(signer.status(), "cosigner_key_file");
}

absl::StatusOr<NoteKey> CreateNodeFolder(const NodeFolderOptions& options,
                                         bool reuse_key) {
  if (absl::Status s = CheckKeyToCreate(options, reuse_key); !s.ok()) return s;
  if (absl::Status s = MakeNewDataFolder(options.data_folder, "--create-data");
      !s.ok()) {
    return s;
  }
  auto signer = MakeData(options, reuse_key);
  if (!signer.ok()) {
    // Whoever made a key there meanwhile keeps it.
    const bool is_others = absl::IsAlreadyExists(signer.status());
    RemoveData(options, reuse_key || is_others);
    return signer.status();
  }
  return signer->public_key();
}

absl::Status CheckNodeFolder(const NodeFolderOptions& options) {
  const std::string& folder = options.data_folder;
  auto names = NamesInDataFolder(folder);
  if (!names.ok()) return names.status();
  const auto has = [&names](absl::string_view name) {
    return absl::c_linear_search(*names, name);
  };
  const std::string found = absl::StrCat("found ", NameSome(*names),
                                         ", expected ", Expected(options));
  if (names->empty()) return NoData(options, *names);
  if (has("log.key")) {
    return absl::FailedPreconditionError(
        absl::StrCat("data_folder ", folder, " is that of a hub: ", found,
                     "; correct data_folder"));
  }
  if (!has("outbox.db") && !has("checkpoints.db") && !has("cosigner.key") &&
      !has("log.db")) {
    return absl::FailedPreconditionError(absl::StrCat(
        "data_folder ", folder, " has files, but none of a server: ", found,
        "; correct data_folder, or restore what was there; a new node's data "
        "is "
        "made in an empty folder, with ",
        kCreate));
  }
  if (!has("outbox.db")) {
    return absl::DataLossError(absl::StrCat(
        folder, " has no outbox.db: ", found,
        "; restore it: it has what agencies submitted and the hub has not got "
        "yet. If it is lost for good, move everything away, run ",
        kCreate,
        ", put cosigner.key, cosigner.key.pub and checkpoints.db back, remove "
        "log.db, and let the agencies submit again"));
  }
  if (!has("checkpoints.db")) {
    return absl::DataLossError(absl::StrCat(
        folder, " has no checkpoints.db: ", found, "; ", RestoreCheckpoints()));
  }
  if (!Exists(KeyPath(options))) {
    return absl::NotFoundError(absl::StrCat(
        "cosigner_key_file: ", KeyPath(options), " is not there: ", found,
        "; restore it. If it is lost for good, make a new one by ", kCreate,
        " with another data_folder, move its cosigner.key and cosigner.key.pub "
        "here, and let the secretariat put the .pub into the log policy"));
  }
  if (absl::Status s =
          CheckHasBytes(folder, {"outbox.db", "checkpoints.db", "log.db"});
      !s.ok()) {
    return WithRefetch(s, folder);
  }
  // Without a log, it is fetched again.
  return has("log.db") ? WithRefetch(ProjectedLog::Inspect(folder), folder)
                       : absl::OkStatus();
}

absl::Status PrepareMirror(const std::string& data_folder) {
  const std::string log = data_folder + "/log.db";
  for (const char* name : {"subscriptions.db", "documents"}) {
    if (Exists(absl::StrCat(data_folder, "/", name))) continue;
    spdlog::warn("made anew, since it is missing path=\"{}/{}\"", data_folder,
                 name);
  }
  if (Exists(log)) return absl::OkStatus();
  auto checkpoints =
      CheckpointStore::OpenExisting(data_folder + "/checkpoints.db");
  if (!checkpoints.ok()) return checkpoints.status();
  const std::string size_path = ShownSizeFile::PathIn(data_folder);
  auto shown = ShownSizeFile::Read(size_path);
  if (!shown.ok()) return shown.status();
  // In this order, so that whatever crash comes between, the next start does
  // the rest.
  absl::Status status =
      RememberPublished(shown->value_or(0), checkpoints->get());
  // As if nothing had been shown, before what was shown is forgotten.
  if (status.ok()) status = ShownSizeFile::Write(size_path, 0);
  for (const CheckpointKind kind :
       {CheckpointKind::kCosigned, CheckpointKind::kPublished}) {
    if (status.ok()) status = (*checkpoints)->Remove(kind);
  }
  if (!status.ok()) return status;
  // What SQLite left beside a file that is gone belongs to that file alone.
  RemoveSqliteFile(log);
  if (auto store = SqliteLogStore::Open(log); !store.ok()) {
    return store.status();
  }
  spdlog::warn(
      "the mirrored log is missing, and is fetched from the hub again "
      "path=\"{}\"",
      log);
  return absl::OkStatus();
}

}  // namespace gaceta
