#include "cli/log_progress.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/substitute.h"
#include "cli/output.h"

namespace gaceta::cli {

std::function<void(std::int64_t done, std::int64_t total)> LogProgress::Bar() {
  return [this](std::int64_t done, std::int64_t total) {
    // The log grows.
    if (progress_ == nullptr || total > total_) {
      progress_.reset();
      total_ = total;
      progress_ = std::make_unique<Progress>(context_.err,
                                             IsTerminal(context_.err), total);
    }
    progress_->Show(done, Say(context_.language, words_));
  };
}

std::function<void(const absl::Status& why, absl::Duration wait)>
LogProgress::Disconnects() {
  return [this](const absl::Status& why, absl::Duration /*wait*/) {
    // One write, since this is another thread.
    context_.err << absl::StrCat(absl::Substitute(Say(context_.language,
                                                      Phrase::kReconnecting),
                                                  OneLine(why.message())),
                                 "\n")
                 << std::flush;
  };
}

}  // namespace gaceta::cli
