#include "gaceta/cursor.h"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "errors/errors.h"
#include "gaceta/file_io.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"

namespace gaceta::client {
namespace {

// Of a process id in a lock file.
constexpr std::size_t kMaxPidBytes = 20;

constexpr absl::string_view kFirstLine = "gaceta-cursor 1";
// Without it a file that was cut off after a line would pass as whole.
constexpr absl::string_view kLastLine = "end";

template <typename Values>
void SortNames(Values* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

template <typename Messages>
void SortMessages(Messages* messages) {
  std::sort(messages->begin(), messages->end(),
            [](const auto& a, const auto& b) {
              return a.SerializeAsString() < b.SerializeAsString();
            });
}

absl::Status Damaged(absl::string_view line) {
  return absl::DataLossError(
      absl::StrCat("does not parse at \"", line.substr(0, 100), "\""));
}

bool ParseHead(const std::vector<absl::string_view>& words, Cursor* cursor) {
  ChainHead head;
  if (words.size() != 4 || !absl::SimpleAtoi(words[2], &head.sequence) ||
      !IsDigestHex(words[3])) {
    return false;
  }
  head.header_digest = absl::HexStringToBytes(words[3]);
  return cursor->heads.emplace(std::string(words[1]), std::move(head)).second;
}

bool ParseLine(absl::string_view line, Cursor* cursor) {
  if (absl::ConsumePrefix(&line, "log ")) {
    cursor->log_origin = std::string(line);
    return true;
  }
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words[0] == "head") return ParseHead(words, cursor);
  if (words.size() != 2) return false;
  if (words[0] == "filter") {
    cursor->filter_digest = std::string(words[1]);
    return IsDigestHex(words[1]);
  }
  if (words[0] == "checkpoint") {
    return absl::Base64Unescape(words[1], &cursor->checkpoint) &&
           CheckpointOf(cursor->checkpoint).ok();
  }
  if (words[0] == "begin") return absl::SimpleAtoi(words[1], &cursor->begin);
  return words[0] == "next" &&
         absl::SimpleAtoi(words[1], &cursor->next_position);
}

}  // namespace

std::string FilterDigest(const v1::Open& open) {
  v1::Open what;
  *what.mutable_filter() = open.filter();
  what.set_include_unmatched_headers(open.include_unmatched_headers());
  what.set_headers_only(open.headers_only());
  v1::Filter* filter = what.mutable_filter();
  for (v1::CorridorFilter& corridor : *filter->mutable_corridors()) {
    SortNames(corridor.mutable_counterpart_roles());
  }
  SortNames(filter->mutable_states());
  SortMessages(filter->mutable_corridors());
  SortNames(filter->mutable_kinds());
  SortNames(filter->mutable_events());
  SortNames(filter->mutable_topics());
  SortMessages(filter->mutable_instruments());
  SortNames(filter->mutable_languages());
  SortNames(filter->mutable_agencies());
  return ToHex(Sha256(what.SerializeAsString()));
}

std::string FormatCursor(const Cursor& cursor) {
  std::string text =
      absl::StrCat(kFirstLine, "\nlog ", cursor.log_origin, "\nfilter ",
                   cursor.filter_digest, "\nbegin ", cursor.begin, "\nnext ",
                   cursor.next_position, "\n");
  if (!cursor.checkpoint.empty()) {
    absl::StrAppend(&text, "checkpoint ", absl::Base64Escape(cursor.checkpoint),
                    "\n");
  }
  for (const auto& [publisher, head] : cursor.heads) {
    if (head.sequence == 0) continue;
    absl::StrAppend(&text, "head ", publisher, " ", head.sequence, " ",
                    ToHex(head.header_digest), "\n");
  }
  absl::StrAppend(&text, kLastLine, "\n");
  return text;
}

absl::StatusOr<Cursor> ParseCursor(absl::string_view text) {
  std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  if (lines.size() < 3 || lines.front() != kFirstLine) {
    return Damaged(lines.front());
  }
  if (lines[lines.size() - 2] != kLastLine || !lines.back().empty()) {
    return absl::DataLossError("does not end with the line \"end\"");
  }
  Cursor cursor;
  for (std::size_t i = 1; i + 2 < lines.size(); ++i) {
    if (!ParseLine(lines[i], &cursor)) return Damaged(lines[i]);
  }
  if (cursor.log_origin.empty() || cursor.filter_digest.empty() ||
      cursor.begin < 0 || cursor.next_position < cursor.begin) {
    return Damaged("log, filter, begin or next");
  }
  return cursor;
}

absl::StatusOr<Cursor> ReadCursor(const std::string& path) {
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  auto cursor = ParseCursor(*text);
  if (!cursor.ok()) {
    return Annotate(cursor.status(), absl::StrCat("cursor file ", path));
  }
  return cursor;
}

absl::Status WriteCursor(const std::string& path, const Cursor& cursor) {
  return Annotate(
      WriteFileDurably(path, FormatCursor(cursor), FileRights::kPrivate),
      "cursor file");
}

absl::StatusOr<File> LockCursor(const std::string& path) {
  const std::string lock_path = absl::StrCat(path, ".lock");
  auto lock = File::OpenToWrite(lock_path, FileRights::kPrivate);
  if (!lock.ok()) return Annotate(lock.status(), "cursor file");
  if (absl::Status s = lock->Lock(); absl::IsUnavailable(s)) {
    auto holder = lock->Read(0, kMaxPidBytes);
    return WithReason(absl::FailedPreconditionError(absl::StrCat(
                          "cursor file ", path, " is in use by another program",
                          holder.ok() && !holder->empty()
                              ? absl::StrCat(", process ", *holder)
                              : "",
                          "; take another file")),
                      "CURSOR_IN_USE", {{"cursor", path}});
  } else if (!s.ok()) {
    return Annotate(s, lock_path);
  }
  // For who is refused. A lock without it holds as well.
  lock->Truncate(0).IgnoreError();
  lock->Write(0, absl::StrCat(getpid())).IgnoreError();
  return lock;
}

void HeadHistory::Reset(std::int64_t position, ChainHeads heads) {
  position_ = position;
  heads_ = std::move(heads);
  steps_.clear();
}

void HeadHistory::ApplyFirst() {
  Step& step = steps_.front();
  position_ = step.position + 1;
  heads_[step.publisher] = std::move(step.head);
  steps_.pop_front();
}

void HeadHistory::Add(std::int64_t position, const std::string& publisher,
                      ChainHead head) {
  steps_.push_back({position, publisher, std::move(head)});
  if (steps_.size() > kMaxSteps) ApplyFirst();
}

bool HeadHistory::MoveTo(std::int64_t position, ChainHeads* heads) {
  if (position < position_) return false;
  while (!steps_.empty() && steps_.front().position < position) ApplyFirst();
  position_ = position;
  *heads = heads_;
  return true;
}

}  // namespace gaceta::client
