// Notices a log that no longer shows what is new.
#ifndef GACETA_CLIENT_GACETA_FRESHNESS_WATCH_H_
#define GACETA_CLIENT_GACETA_FRESHNESS_WATCH_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "gaceta/subscriber.h"
#include "verify/federation.h"

namespace gaceta::client {

// What a server shows may be all true and yet old: it can keep back the newest
// entries for as long as it keeps back what witnesses say of them. Witnesses
// cosign also what has not changed, so when none has done so lately, the server
// keeps something back, or has lost its witnesses. Nobody can tell which, so
// this is said, and kept as evidence, but ends no trust.
//
// Thread safety: none.
class FreshnessWatch {
 public:
  // Evidence goes into `evidence_folder`; empty: none is kept.
  explicit FreshnessWatch(std::string evidence_folder)
      : evidence_folder_(std::move(evidence_folder)) {}

  // Takes what a subscriber has delivered last.
  void Saw(const Delivery& delivery);

  struct Stale {
    // When a quorum of witnesses vouched last, by their clocks.
    absl::Time since;
    // Evidence `LOG_STALE`; empty if it is not kept, or could not be.
    std::string evidence_file;
  };
  // Asks whether the end of the log that was delivered was old when the server
  // was `heard` last: no quorum had vouched for it for longer than the policy's
  // grace, and 30 s. Says so once for each time at which they last did. `own`
  // is a checkpoint that this program has cosigned itself, for the evidence;
  // empty if it is no witness.
  std::optional<Stale> Check(const Federation* registry, absl::Time heard,
                             const std::string& own = "");

 private:
  std::string Keep(const std::string& own, absl::Time heard) const;

  const std::string evidence_folder_;
  bool live_ = false;
  std::string checkpoint_;
  std::string cosigned_checkpoint_;
  absl::Time quorum_time_ = absl::InfinitePast();
  // The time of which it was said that nobody has vouched since.
  absl::Time said_ = absl::InfinitePast();
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_FRESHNESS_WATCH_H_
