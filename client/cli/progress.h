// Shows on a terminal how far a long command has come; elsewhere, a line now
// and then.
#ifndef GACETA_CLIENT_CLI_PROGRESS_H_
#define GACETA_CLIENT_CLI_PROGRESS_H_

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace gaceta::cli {

// Thread safety: needs exclusion.
class Progress {
 public:
  // `total` is how much there is to do, if that is known. `err` must outlive
  // this object.
  Progress(std::ostream& err, bool terminal, std::optional<std::int64_t> total);
  // Takes the bar away.
  ~Progress();

  // `done` of the total, with `words` behind the bar. Shown at most ten times a
  // second on a terminal, every five seconds elsewhere.
  void Show(std::int64_t done, absl::string_view words);

  // Takes the bar away, so that a line can be written.
  void Clear();

 private:
  const bool terminal_;
  const std::optional<std::int64_t> total_;
  std::ostream& err_;
  absl::Time shown_;
  bool visible_ = false;
};

// Returns `done` of `total` as a bar of `width` characters.
std::string Bar(std::int64_t done, std::int64_t total, int width);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_PROGRESS_H_
