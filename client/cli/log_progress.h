// Shows how far a command that reads the log has come.
#ifndef GACETA_CLIENT_CLI_LOG_PROGRESS_H_
#define GACETA_CLIENT_CLI_LOG_PROGRESS_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/messages.h"
#include "cli/progress.h"

namespace gaceta::cli {

// A bar that goes when this object does. `context` must outlive it.
//
// Thread safety: the function of Disconnects() may be called by any thread, the
// rest by one.
class LogProgress {
 public:
  // `words` stand behind the bar.
  LogProgress(CliContext& context, Phrase words)
      : context_(context), words_(words) {}
  LogProgress(const LogProgress&) = delete;
  LogProgress& operator=(const LogProgress&) = delete;

  // Shows so many of all. Call it as long as this object is there.
  std::function<void(std::int64_t done, std::int64_t total)> Bar();
  // Says that the connection was lost.
  std::function<void(const absl::Status& why, absl::Duration wait)>
  Disconnects();

 private:
  CliContext& context_;
  const Phrase words_;
  std::int64_t total_ = -1;
  std::unique_ptr<Progress> progress_;
};

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_LOG_PROGRESS_H_
