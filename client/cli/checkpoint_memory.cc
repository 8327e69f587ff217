#include "cli/checkpoint_memory.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/session.h"
#include "cli/state_folder.h"
#include "gaceta/file_io.h"
#include "verify/checkpoint.h"

namespace gaceta::cli {
namespace {

// A node is a moment behind the hub.
constexpr absl::Duration kPatience = absl::Seconds(5);

}  // namespace

absl::StatusOr<CheckpointMemory> CheckpointMemory::Open(
    const std::string& log_origin) {
  auto folder = OpenStateFolder(log_origin);
  if (!folder.ok()) return folder.status();
  CheckpointMemory memory(*std::move(folder));
  auto note = client::ReadFile(memory.path());
  if (absl::IsNotFound(note.status())) return memory;
  if (!note.ok()) return note.status();
  const auto checkpoint = CheckpointOf(*note);
  if (!checkpoint.ok() || checkpoint->origin != log_origin) {
    return absl::FailedPreconditionError(absl::StrCat(
        memory.path(), " is no checkpoint of ", log_origin,
        "; delete it to begin anew: what was known before is lost"));
  }
  memory.known_.push_back(*std::move(note));
  return memory;
}

absl::Status CheckpointMemory::Remember(const std::string& note) {
  if (absl::Status s =
          client::WriteFileDurably(path(), note, FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  known_ = {note};
  return absl::OkStatus();
}

absl::StatusOr<client::LogCheckpoint> KnownLog::Newest(
    const std::vector<std::string>& also, absl::Time deadline) {
  std::vector<std::string> known = memory.known();
  known.insert(known.end(), also.begin(), also.end());
  auto newest = reader->Newest(known, deadline);
  if (!newest.ok()) return newest;
  if (absl::Status s = memory.Remember(newest->note); !s.ok()) return s;
  return newest;
}

absl::StatusOr<KnownLog> OpenKnownLog(const CliContext& context,
                                      const ResolvedProfile& profile) {
  auto memory = CheckpointMemory::Open(profile.log_origin);
  if (!memory.ok()) return memory.status();
  auto source = ConnectToLog(context, profile);
  if (!source.ok()) return source.status();
  client::LogReaderOptions options;
  options.source = *source;
  options.patience = kPatience;
  options.evidence_folder = memory->evidence_folder();
  auto reader = client::LogReader::Create(std::move(options));
  if (!reader.ok()) return reader.status();
  return KnownLog{*std::move(source), *std::move(reader), *std::move(memory)};
}

}  // namespace gaceta::cli
