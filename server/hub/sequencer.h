// Gives statements their order and makes them durable.
#ifndef GACETA_SERVER_HUB_SEQUENCER_H_
#define GACETA_SERVER_HUB_SEQUENCER_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gaceta/evidence_folder.h"
#include "gaceta/v1/statement.pb.h"
#include "server/hub/candidate.h"
#include "server/hub/checkpoint_publisher.h"
#include "server/projections/projected_log.h"
#include "verify/statement.h"

namespace gaceta {

// Group commit: one thread takes all that waits, checks what needs order
// (publishers' chains, ids used before, keys revoked meanwhile), appends the
// good ones as one unit, signs a checkpoint for it, and answers each when both
// are durable.
//
// Statements are sequenced in the order of their Submit(). The same id with the
// same header gets its first receipt again; the same id, or the same place in a
// chain, with another header is refused, and both are kept as evidence.
//
// Thread safety: Submit() may be called concurrently.
class Sequencer {
 public:
  using Done = std::function<void(absl::StatusOr<v1::Receipt>)>;

  struct Options {
    // Largest unit of one commit.
    std::size_t max_batch_entries = 2048;
    std::size_t max_batch_bytes = 16 * 1024 * 1024;
    std::function<absl::Time()> clock = [] { return absl::Now(); };
    // Whether a quorum of witnesses reads a version of the registry's form.
    std::function<bool(int)> quorum_reads = [](int) { return true; };
  };

  // All must outlive this object.
  Sequencer(ProjectedLog* log, CheckpointPublisher* checkpoints,
            EvidenceFolder* evidence, Options options);
  // Answers all that was submitted.
  ~Sequencer();
  Sequencer(const Sequencer&) = delete;
  Sequencer& operator=(const Sequencer&) = delete;

  // `done` is called once, on the sequencer's thread, which it must not hold
  // up. Errors: the reasons that PublishingService names; kUnavailable if the
  // log, or its checkpoint, cannot be written now: the statement may be sent
  // again.
  void Submit(Candidate candidate, Done done);

  // End of a publisher's chain in the log.
  absl::StatusOr<ChainHead> Head(const std::string& publisher) const;

 private:
  struct Waiting {
    Candidate candidate;
    Done done;
  };
  // A unit under way: what is appended, and who is answered how.
  struct Batch;
  struct Clash;
  // A statement that is in the log, or in the unit.
  struct Known {
    Position position = 0;
    std::string header_digest;
  };

  void Loop();
  std::vector<Waiting> TakeBatch();
  void Sequence(std::vector<Waiting> waiting);
  // Either adds to `batch` who is to be answered with it, or refuses.
  absl::Status Admit(Waiting* waiting, Batch* batch);
  absl::Status AddEntry(Waiting* waiting, Batch* batch);
  absl::Status AnswerAgain(Position position, Waiting* waiting,
                           Batch* batch) const;
  void AddClash(absl::string_view reason, Position first, std::string text,
                Waiting* waiting, Batch* batch) const;
  // What has the candidate's id.
  absl::StatusOr<std::optional<Known>> Find(const Candidate& candidate,
                                            const Batch& batch) const;
  absl::Status CheckKey(const Candidate& candidate) const;
  absl::Status CheckRegistrySignature(const Candidate& candidate) const;
  absl::Status CheckRegistryChange(const Candidate& candidate) const;
  // Whether what it erases is there, and may be erased.
  absl::Status CheckErasures(const v1::RegistryChange& change) const;
  // Refuses what does not follow; returns which entry has the candidate's place
  // in the chain, if one has.
  absl::StatusOr<std::optional<Position>> CheckChain(const Candidate& candidate,
                                                     Batch* batch);
  // Keeps the evidence and says what is refused.
  absl::Status Conflict(const Clash& clash) const;
  // Refuses what nobody could verify yet.
  absl::Status CheckLogPolicy() const;
  absl::Status Append(const Batch& batch);
  // Shows readers all that is in the log.
  absl::Status Publish();
  // Takes no statements any more.
  void Break(const absl::Status& why);
  absl::Time NextRecordedTime();

  ProjectedLog* const log_;
  CheckpointPublisher* const checkpoints_;
  EvidenceFolder* const evidence_;
  const Options options_;

  // Touched only by the sequencer's thread.
  absl::flat_hash_map<std::string, ChainHead> heads_;
  absl::Time last_recorded_ = absl::InfinitePast();
  // Set once the end of the log is not known any more, or not to be trusted.
  absl::Status broken_;

  // Never held while the log is written.
  absl::Mutex mu_;
  std::deque<Waiting> queue_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_SEQUENCER_H_
