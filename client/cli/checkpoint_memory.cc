#include "cli/checkpoint_memory.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gaceta/file_io.h"
#include "verify/checkpoint.h"

namespace gaceta::cli {
namespace {

// A node is a moment behind the hub.
constexpr absl::Duration kPatience = absl::Seconds(5);

}  // namespace

absl::StatusOr<CheckpointMemory> CheckpointMemory::Open(const LogName& log) {
  auto folder = OpenStateFolder(log);
  if (!folder.ok()) return folder.status();
  CheckpointMemory memory(*std::move(folder));
  auto note = client::ReadFile(memory.path());
  if (absl::IsNotFound(note.status())) return memory;
  if (!note.ok()) return note.status();
  const auto checkpoint = CheckpointOf(*note);
  if (!checkpoint.ok() || checkpoint->origin != log.origin) {
    return absl::FailedPreconditionError(absl::StrCat(
        memory.path(), " is no checkpoint of ", log.origin,
        "; to begin anew: gaceta log forget; what was known before is lost"));
  }
  memory.known_.push_back(*std::move(note));
  return memory;
}

absl::StatusOr<CheckpointMemory> CheckpointMemory::Find(const LogName& log) {
  auto folder = FindStateFolder(log);
  if (!folder.ok()) return folder.status();
  CheckpointMemory memory(*std::move(folder));
  if (auto note = client::ReadFile(memory.path()); note.ok()) {
    memory.known_.push_back(*std::move(note));
  }
  return memory;
}

std::vector<std::string> CheckpointMemory::Files() const {
  std::vector<std::string> files;
  std::error_code error;
  if (std::filesystem::exists(path(), error)) files.push_back(path());
  for (const auto& file : std::filesystem::recursive_directory_iterator(
           evidence_folder(), error)) {
    if (!file.is_directory(error)) files.push_back(file.path().native());
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status CheckpointMemory::Forget() {
  // The checkpoint last: until then another run shows what is left.
  std::vector<std::string> files = Files();
  std::stable_partition(files.begin(), files.end(),
                        [this](const auto& file) { return file != path(); });
  for (const std::string& file : files) {
    if (absl::Status s = client::RemoveFileDurably(file); !s.ok()) return s;
  }
  known_.clear();
  return absl::OkStatus();
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

namespace {

absl::StatusOr<KnownLog> OpenKnownLog(const CliContext& context,
                                      const ResolvedProfile& profile) {
  auto memory = CheckpointMemory::Open(LogNameOf(profile));
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

// Whether a log that was made anew would look so.
bool SaysAnotherLog(const absl::Status& status) {
  const std::string reason = Reason(status);
  return reason == "LOG_FORKED" || reason == "LOG_SHORTENED" ||
         reason == "LOG_DISTRUSTED" || reason == "BAD_CONSISTENCY_PROOF";
}

}  // namespace

void RunWithKnownLog(CLI::App& command, CliContext& context,
                     KnownLogAction action) {
  RunWithProfile(command, context,
                 [&context, action = std::move(action)](
                     const ResolvedProfile& profile) -> absl::StatusOr<int> {
                   auto log = OpenKnownLog(context, profile);
                   absl::StatusOr<int> code =
                       log.ok() ? action(*log)
                                : absl::StatusOr<int>(log.status());
                   if (code.ok()) return code;
                   return WithForgetHint(code.status(), ForgetCommand(context));
                 });
}

absl::Status WithForgetHint(const absl::Status& status,
                            absl::string_view command) {
  if (!SaysAnotherLog(status)) return status;
  absl::Status hinted(
      status.code(),
      absl::StrCat(status.message(),
                   "; if the log was made anew on purpose: ", command));
  status.ForEachPayload(
      [&hinted](absl::string_view type, const absl::Cord& detail) {
        hinted.SetPayload(type, detail);
      });
  return hinted;
}

std::string ForgetCommand(const CliContext& context) {
  std::string command = "gaceta log forget";
  const auto add = [&command](absl::string_view flag,
                              const std::string& value) {
    if (!value.empty()) absl::StrAppend(&command, " ", flag, " ", value);
  };
  add("--config", context.connection.config_file);
  add("--profile", context.connection.profile);
  add("--log-origin", context.connection.log_origin);
  return command;
}

}  // namespace gaceta::cli
