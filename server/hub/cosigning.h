// Collects the cosignatures of witnesses, without a network.
#ifndef GACETA_SERVER_HUB_COSIGNING_H_
#define GACETA_SERVER_HUB_COSIGNING_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "server/projections/projected_log.h"
#include "verify/note.h"

namespace gaceta {

// Works in rounds. A round is about one checkpoint, the newest at its
// beginning; every witness with a line is asked about it, one question at a
// time, and what they answer is added to its note. The round has done its work
// when a quorum of the registry's log policy has cosigned; who is slow or
// absent is not waited for. A next round begins when there is a newer
// checkpoint, and now and then without one, so that a quorum keeps vouching for
// a log that does not grow.
//
// Thread safety: all methods may be called concurrently; Tick() by one thread.
class Cosigning {
 public:
  struct Options {
    // Rounds do not begin faster than this, however fast the log grows: each
    // costs a signature check for each witness.
    absl::Duration min_interval = absl::Milliseconds(100);
    // A round without a quorum makes way for a newer checkpoint after this.
    absl::Duration patience = absl::Seconds(1);
    // A log that does not grow is cosigned again after this.
    absl::Duration refresh = absl::Seconds(15);
  };
  // Sends a question, the body of an `add-checkpoint` request.
  using Ask = std::function<void(std::string body)>;

  // `log` must outlive this object.
  Cosigning(ProjectedLog* log, Options options)
      : log_(log), options_(options) {}

  // A witness opens a line, or closes it. `name` is that of its key,
  // `node.<trust domain>`; a second line takes the place of the first. `ask` is
  // called while the line is open, one question after the other.
  // `registry_version` is what the witness reads.
  void Open(const std::string& name, std::uint64_t line, int registry_version,
            Ask ask);
  void Close(const std::string& name, std::uint64_t line);

  // What the witness answers to its last question.
  void Answer(const std::string& name, std::uint64_t line, int status,
              const std::string& body);

  // Whether witnesses whose lines are open, and who read this version of the
  // registry's form, are a quorum of the log policy. True without a policy.
  bool QuorumReads(int registry_version);

  // Begins a round if it is time. Returns when to call it again at the latest;
  // call it too when the log has grown.
  absl::Time Tick(absl::Time now);

 private:
  struct Line {
    std::uint64_t number = 0;
    int registry_version = 1;
    Ask ask;
    // What it has cosigned last, as far as the hub knows.
    Position known_size = 0;
    // Of the checkpoint of the question that is unanswered; none if none is.
    std::optional<Position> asked_size;
    // Has answered in this round, or cannot.
    bool done = false;
  };
  struct Round {
    Checkpoint checkpoint;
    Note note;
    absl::Time begin;
    bool has_quorum = false;
    bool was_published = false;
    // Cosignatures that are not published yet.
    bool has_news = false;
  };

  // Asks those who are free.
  void AskAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status AskOne(Line* line) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Adds the signature lines of a witness to the round's note.
  absl::Status Add(const std::string& name, const std::string& lines)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Publishes what a quorum has cosigned.
  void Publish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsTimeForRound(absl::Time now, const LogHead& head) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool AllDone() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  ProjectedLog* const log_;
  const Options options_;

  absl::Mutex mu_;
  std::map<std::string, Line> lines_ ABSL_GUARDED_BY(mu_);
  std::optional<Round> round_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_COSIGNING_H_
