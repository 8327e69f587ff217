#include "server/storage/shown_size_file.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "gaceta/file_io.h"
#include "spdlog/spdlog.h"

namespace gaceta {
namespace {

constexpr absl::Duration kPause = absl::Seconds(1);

}  // namespace

std::string ShownSizeFile::PathIn(const std::string& data_folder) {
  return data_folder + "/log.size";
}

absl::StatusOr<std::optional<std::int64_t>> ShownSizeFile::Read(
    const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) return std::nullopt;
  auto text = client::ReadFile(path);
  if (!text.ok()) return text.status();
  std::int64_t size = 0;
  if (!absl::EndsWith(*text, "\n") ||
      !absl::SimpleAtoi(absl::StripSuffix(*text, "\n"), &size) || size < 0) {
    return absl::DataLossError(absl::StrCat(
        path, " is damaged: expected one line with the number of entries"));
  }
  return size;
}

absl::Status ShownSizeFile::Write(const std::string& path, std::int64_t size) {
  return client::WriteFileDurably(path, absl::StrCat(size, "\n"),
                                  FileRights::kPrivate);
}

ShownSizeFile::ShownSizeFile(std::string path, std::int64_t written)
    : path_(std::move(path)), shown_(written), written_(written) {
  thread_ = std::thread([this] { Run(); });
}

ShownSizeFile::~ShownSizeFile() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
  WriteShown();
}

void ShownSizeFile::Show(std::int64_t size) {
  absl::MutexLock lock(&mu_);
  shown_ = std::max(shown_, size);
}

void ShownSizeFile::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(
          +[](ShownSizeFile* self) ABSL_EXCLUSIVE_LOCKS_REQUIRED(self->mu_) {
            return self->HasMore();
          },
          this));
      if (stopping_) return;
    }
    WriteShown();
    absl::MutexLock lock(&mu_);
    if (mu_.AwaitWithTimeout(absl::Condition(&stopping_), kPause)) return;
  }
}

void ShownSizeFile::WriteShown() {
  std::int64_t size = 0;
  {
    absl::MutexLock lock(&mu_);
    if (shown_ == written_) return;
    size = shown_;
  }
  if (absl::Status s = Write(path_, size); !s.ok()) {
    // The log itself is durable; only its second record is late.
    if (!failed_) {
      spdlog::error("cannot write how long the log is path=\"{}\" error=\"{}\"",
                    path_, std::string(s.message()));
    }
    failed_ = true;
    return;
  }
  failed_ = false;
  absl::MutexLock lock(&mu_);
  written_ = size;
}

}  // namespace gaceta
