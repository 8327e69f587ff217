// Notices a log that no longer shows what is new.
#ifndef GACETA_CLIENT_GACETA_FRESHNESS_WATCH_H_
#define GACETA_CLIENT_GACETA_FRESHNESS_WATCH_H_

#include <functional>
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
// How long witnesses have been silent is measured on this computer, from one of
// their cosignatures to the next, so that no clock has to be right. Their
// clocks and this one's are compared as well: if they differ, this one may be
// wrong, so that is said without evidence.
//
// What was kept is closed, as EvidenceFolder::CloseAlarms() does, once all is
// well.
//
// Thread safety: none.
class FreshnessWatch {
 public:
  // Evidence goes into `evidence_folder`; empty: none is kept. `steady_now` is
  // SteadyNow() unless it is set.
  explicit FreshnessWatch(std::string evidence_folder,
                          std::function<absl::Time()> steady_now = nullptr);

  // Takes what a subscriber has delivered last.
  void Saw(const Delivery& delivery);

  struct Finding {
    enum class Kind {
      // No quorum has vouched for longer than the policy's grace, and 30 s.
      kStale,
      // The clocks of the quorum's witnesses and this computer's are further
      // apart than that. Who has just come may see a stale log so; kStale then
      // follows.
      kClocksDiffer,
      // What was found before is over.
      kOver,
    };
    Kind kind = Kind::kStale;
    // When a quorum of witnesses vouched last, by their clocks.
    absl::Time since;
    // This computer's clock, when that was seen.
    absl::Time own_clock;
    // Evidence `LOG_STALE`; empty if it is not kept, or could not be.
    std::string evidence_file;
  };
  // Asks whether the end of the log that was delivered was old when the server
  // was heard last. To be called more often than every 30 s. Says each finding
  // once. `own` is a checkpoint that this program has cosigned itself, for the
  // evidence; empty if it is no witness.
  std::optional<Finding> Check(const Federation* registry, const Heard& heard,
                               const std::string& own = "");

 private:
  // Waits for witnesses from `since` on.
  void WaitSince(absl::Time since);
  std::optional<Finding> Judge(absl::Duration limit, absl::Time heard,
                               const std::string& own);
  std::string Keep(const std::string& own, absl::Time heard);
  // Closes what was kept before the quorum vouched for as much.
  void CloseAlarms();

  const std::string evidence_folder_;
  const std::function<absl::Time()> steady_now_;
  bool live_ = false;
  std::string checkpoint_;
  std::string cosigned_checkpoint_;
  absl::Time quorum_time_ = absl::InfinitePast();
  // Steady times: when the server was heard last, and since when witnesses are
  // waited for.
  absl::Time heard_ = absl::InfinitePast();
  absl::Time waiting_since_ = absl::InfinitePast();
  // This computer's clock when `quorum_time_` was seen first.
  absl::Time own_clock_ = absl::InfinitePast();
  // What was said last, if it is not over.
  std::optional<Finding::Kind> said_;
  // The time of which it was said that nobody has vouched since.
  absl::Time said_since_ = absl::InfinitePast();
  // Whether the folder may have alarms, and the note for which that was looked
  // at last.
  bool may_have_alarms_ = true;
  std::string closed_for_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_FRESHNESS_WATCH_H_
