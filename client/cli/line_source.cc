#include "cli/line_source.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "cli/end_by_signal.h"

namespace gaceta::cli {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;

// Whether a read would not wait, within so many milliseconds. What is no pipe
// and what has failed are ready too: read() then says more.
bool IsReady(int fd, int milliseconds) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, milliseconds) > 0;
}

}  // namespace

bool LineSource::Read(std::string* line) {
  if (in_ != nullptr) return static_cast<bool>(std::getline(*in_, *line));
  return ReadFromDescriptor(line);
}

bool LineSource::WouldWait() const {
  return in_ == nullptr && !at_end_ && !HasLine() && !IsReady(fd_, 0);
}

bool LineSource::ReadFromDescriptor(std::string* line) {
  while (!HasLine()) {
    if (!at_end_ && Fill()) continue;
    std::string rest = buffer_.substr(begin_);
    buffer_.clear();
    begin_ = 0;
    if (!at_end_) {
      cut_off_ = std::move(rest);
      return false;
    }
    // The last line may have no end.
    *line = std::move(rest);
    return !line->empty();
  }
  const std::size_t end = buffer_.find('\n', begin_);
  *line = buffer_.substr(begin_, end - begin_);
  begin_ = end + 1;
  return true;
}

bool LineSource::Fill() {
  buffer_.erase(0, begin_);
  begin_ = 0;
  while (!EndBySignal::IsAsked()) {
    if (!IsReady(fd_, kSignalIntervalMs)) continue;
    std::array<char, kReadBytes> bytes;
    const ssize_t count = read(fd_, bytes.data(), bytes.size());
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    // A source that fails ends as a file does.
    at_end_ = count <= 0;
    if (!at_end_) buffer_.append(bytes.data(), static_cast<std::size_t>(count));
    return !at_end_;
  }
  return false;
}

}  // namespace gaceta::cli
