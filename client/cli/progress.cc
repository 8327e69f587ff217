#include "cli/progress.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace gaceta::cli {
namespace {

constexpr absl::Duration kTerminalInterval = absl::Milliseconds(100);
constexpr absl::Duration kLineInterval = absl::Seconds(5);
constexpr int kBarWidth = 30;

}  // namespace

std::string Bar(std::int64_t done, std::int64_t total, int width) {
  const std::int64_t filled =
      total <= 0 ? width : std::min<std::int64_t>(width, done * width / total);
  return absl::StrCat(
      "[", std::string(static_cast<std::size_t>(filled), '#'),
      std::string(static_cast<std::size_t>(width - filled), '-'), "]");
}

Progress::Progress(std::ostream& err, bool terminal,
                   std::optional<std::int64_t> total)
    : terminal_(terminal), total_(total), err_(err), shown_(absl::Now()) {}

Progress::~Progress() { Clear(); }

void Progress::Show(std::int64_t done, absl::string_view words) {
  const absl::Time now = absl::Now();
  const bool finished = total_.has_value() && done == *total_ && terminal_;
  if (!finished &&
      now - shown_ < (terminal_ ? kTerminalInterval : kLineInterval)) {
    return;
  }
  shown_ = now;
  const std::string count = total_.has_value()
                                ? absl::StrCat(done, "/", *total_)
                                : absl::StrCat(done);
  if (!terminal_) {
    err_ << count << ": " << words << std::endl;
    return;
  }
  Clear();
  if (total_.has_value()) err_ << Bar(done, *total_, kBarWidth) << ' ';
  err_ << count << ' ' << words << std::flush;
  visible_ = true;
}

void Progress::Clear() {
  // Back to the beginning of the line, and empty it.
  if (visible_) err_ << "\r\033[K" << std::flush;
  visible_ = false;
}

}  // namespace gaceta::cli
