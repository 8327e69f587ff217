#include "gaceta/evidence_folder.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "errors/errors.h"
#include "gaceta/file_io.h"
#include "google/protobuf/util/json_util.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

constexpr absl::string_view kEnding = ".json";

absl::StatusOr<std::string> ToJson(const v1::Evidence& evidence) {
  std::string json;
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  const auto status =
      google::protobuf::util::MessageToJsonString(evidence, &json, options);
  if (status.ok()) return json;
  return absl::InternalError(status.ToString());
}

// As `log-forked-0a1b….json`. Of statements the headers count, since one may be
// signed anew. What lasts is kept once for each checkpoint since which it
// lasts.
std::string NameOf(const v1::Evidence& evidence) {
  std::string all = evidence.reason();
  for (const v1::Leaf& leaf : evidence.leaves()) {
    absl::StrAppend(&all, Sha256(leaf.header()));
  }
  if (!evidence.leaf().empty()) absl::StrAppend(&all, Sha256(evidence.leaf()));
  int checkpoints = evidence.checkpoints_size();
  if (!EndsTrust(evidence)) checkpoints = checkpoints > 1 ? 1 : 0;
  for (int i = 0; i < checkpoints; ++i) {
    absl::StrAppend(&all, Sha256(evidence.checkpoints(i)));
  }
  const std::string words = absl::AsciiStrToLower(
      absl::StrReplaceAll(evidence.reason(), {{"_", "-"}}));
  return absl::StrCat(words.empty() ? "evidence" : words, "-",
                      ToHex(Sha256(all)).substr(0, 32), kEnding);
}

// Entries of the longest checkpoint.
std::int64_t EndOf(const v1::Evidence& evidence) {
  std::int64_t end = 0;
  for (const std::string& note : evidence.checkpoints()) {
    const auto checkpoint = CheckpointOf(note);
    if (checkpoint.ok()) end = std::max(end, checkpoint->size);
  }
  return end;
}

// Moves a file into the folder `name` beside it. Returns the new path.
absl::StatusOr<std::string> MoveInto(absl::string_view name,
                                     const std::string& path) {
  const std::filesystem::path from(path);
  const std::filesystem::path folder = from.parent_path() / std::string(name);
  if (absl::Status s =
          client::MakeFolderDurably(folder.native(), FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  const std::filesystem::path to = folder / from.filename();
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (!error) return to.native();
  return absl::UnavailableError(
      absl::StrCat("cannot move ", path, ": ", error.message()));
}

}  // namespace

bool EndsTrust(const v1::Evidence& evidence) {
  return evidence.reason() != kLogStale && evidence.reason() != kQuorumMissing;
}

absl::StatusOr<std::unique_ptr<EvidenceFolder>> EvidenceFolder::Open(
    std::string folder) {
  if (absl::Status s = client::MakeFolderDurably(folder, FileRights::kPrivate);
      !s.ok()) {
    return s;
  }
  return std::unique_ptr<EvidenceFolder>(new EvidenceFolder(std::move(folder)));
}

absl::StatusOr<std::string> EvidenceFolder::Keep(const v1::Evidence& evidence) {
  v1::Evidence dated = evidence;
  dated.mutable_observed_time()->set_seconds(absl::ToUnixSeconds(absl::Now()));
  auto json = ToJson(dated);
  if (!json.ok()) return json.status();
  const std::string path = absl::StrCat(folder_, "/", NameOf(evidence));
  absl::MutexLock lock(&mu_);
  std::error_code error;
  if (std::filesystem::exists(path, error)) return path;
  if (absl::Status s =
          client::WriteFileDurably(path, *json, FileRights::kPrivate);
      !s.ok()) {
    return absl::UnavailableError(s.message());
  }
  return path;
}

absl::StatusOr<std::string> EvidenceFolder::KeepConflict(
    absl::string_view reason, const v1::Leaf& first, const v1::Leaf& second) {
  v1::Evidence evidence;
  evidence.set_reason(std::string(reason));
  *evidence.add_leaves() = first;
  *evidence.add_leaves() = second;
  return Keep(evidence);
}

absl::StatusOr<std::vector<std::string>> EvidenceFolder::List() const {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
    if (absl::EndsWith(file.path().native(), kEnding)) {
      paths.push_back(file.path().native());
    }
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat("cannot read folder ", folder_, ": ", error.message()));
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

absl::StatusOr<int> EvidenceFolder::CloseAlarms(std::int64_t size) {
  auto paths = List();
  if (!paths.ok()) return paths.status();
  int left = 0;
  for (const std::string& path : *paths) {
    const auto evidence = ReadEvidence(path);
    if (!evidence.ok() || EndsTrust(*evidence)) continue;
    if (EndOf(*evidence) > size) {
      ++left;
      continue;
    }
    // Kept for people: a hub that is silent often is to be seen.
    auto closed = MoveInto("closed", path);
    if (!closed.ok()) return closed.status();
  }
  return left;
}

absl::Status EvidenceFolder::CheckTrusted() const {
  auto paths = List();
  if (!paths.ok()) return paths.status();
  for (const std::string& path : *paths) {
    const auto evidence = ReadEvidence(path);
    if (evidence.ok() && !EndsTrust(*evidence)) continue;
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "there is evidence against the log in ", path,
            "; look at it, and if the log is to be trusted again: gaceta "
            "evidence dismiss ",
            path)),
        "LOG_DISTRUSTED", {{"evidence", path}});
  }
  return absl::OkStatus();
}

absl::Status FailWithEvidence(const v1::Evidence& evidence,
                              EvidenceFolder* folder, absl::StatusCode code) {
  const auto path = folder->Keep(evidence);
  return WithReason(
      absl::Status(
          code,
          absl::StrCat(evidence.description(),
                       path.ok() ? absl::StrCat("; evidence is kept in ", *path)
                                 : absl::StrCat("; evidence cannot be kept: ",
                                                path.status().message()))),
      evidence.reason(), {{"evidence", path.ok() ? *path : ""}});
}

absl::StatusOr<v1::Evidence> ReadEvidence(const std::string& path) {
  auto json = client::ReadFile(path);
  if (!json.ok()) return json.status();
  v1::Evidence evidence;
  const auto status =
      google::protobuf::util::JsonStringToMessage(*json, &evidence);
  if (status.ok()) return evidence;
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": is no evidence: ", std::string(status.message())));
}

absl::StatusOr<std::string> DismissEvidence(const std::string& path) {
  if (auto evidence = ReadEvidence(path); !evidence.ok()) {
    return evidence.status();
  }
  return MoveInto("dismissed", path);
}

}  // namespace gaceta
