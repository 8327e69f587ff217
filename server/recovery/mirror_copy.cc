#include "server/recovery/mirror_copy.h"

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "server/log/checkpoint_store.h"
#include "server/log/sqlite_log_store.h"

namespace gaceta {
namespace {

bool Exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

absl::StatusOr<std::unique_ptr<MirrorCopy>> MirrorCopy::Open(
    const std::string& folder, const NoteKey& log_key) {
  const std::string path = folder + "/log.db";
  if (!Exists(path)) {
    return absl::NotFoundError(
        absl::StrCat(folder, " is no node's data folder: it has no log.db"));
  }
  auto log = SqliteLogStore::Open(path);
  if (!log.ok()) return log.status();
  std::unique_ptr<MirrorCopy> copy(new MirrorCopy(folder, *std::move(log)));
  if (absl::Status s = copy->ReadCheckpoints(log_key); !s.ok()) return s;
  return copy;
}

absl::Status MirrorCopy::ReadCheckpoints(const NoteKey& log_key) {
  const std::string path = folder_ + "/checkpoints.db";
  if (!Exists(path)) return absl::OkStatus();
  auto store = CheckpointStore::Open(path);
  if (!store.ok()) return store.status();
  for (const CheckpointKind kind :
       {CheckpointKind::kPublished, CheckpointKind::kCosigned,
        CheckpointKind::kWitnessed}) {
    auto note = (*store)->Get(kind);
    if (!note.ok()) return note.status();
    if (!note->has_value()) continue;
    auto checkpoint = OpenCheckpoint(**note, {log_key});
    if (checkpoint.ok()) {
      checkpoints_.push_back({*std::move(checkpoint), **std::move(note)});
    }
  }
  return absl::OkStatus();
}

}  // namespace gaceta
