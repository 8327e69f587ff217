#include "server/recovery/mirror_copy.h"

#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "server/log/checkpoint_store.h"
#include "server/log/sqlite_log_store.h"
#include "server/node/outbox_file.h"

namespace gaceta {
namespace {

constexpr int kPage = 256;

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
  if (absl::Status s = copy->ReadOutbox(log_key); !s.ok()) return s;
  return copy;
}

void MirrorCopy::Add(const std::string& note, const NoteKey& log_key) {
  auto checkpoint = OpenCheckpoint(note, {log_key});
  if (checkpoint.ok()) checkpoints_.push_back({*std::move(checkpoint), note});
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
    if (note->has_value()) Add(**note, log_key);
  }
  return absl::OkStatus();
}

absl::Status MirrorCopy::ReadOutbox(const NoteKey& log_key) {
  const std::string path = folder_ + "/outbox.db";
  if (!Exists(path)) return absl::OkStatus();
  auto outbox = OutboxFile::Open(path);
  if (!outbox.ok()) return outbox.status();
  std::int64_t before = std::numeric_limits<std::int64_t>::max();
  while (true) {
    auto rows = (*outbox)->ListNewest(std::nullopt, before, kPage);
    if (!rows.ok()) return rows.status();
    if (rows->empty()) return absl::OkStatus();
    for (OutboxRow& row : *rows) {
      before = row.number;
      if (!row.position.has_value() || *row.position < log_->Size()) continue;
      const v1::Receipt& receipt = row.outcome.receipt();
      Add(receipt.checkpoint(), log_key);
      acknowledged_[*row.position] = {receipt.leaf(), row.statement.payload(),
                                      v1::Entry::OMISSION_UNSPECIFIED};
    }
  }
}

}  // namespace gaceta
