// Whether this node still trusts the hub's log.
#ifndef GACETA_SERVER_NODE_LOG_TRUST_H_
#define GACETA_SERVER_NODE_LOG_TRUST_H_

#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/evidence_folder.h"
#include "gaceta/v1/statement.pb.h"
#include "server/projections/projected_log.h"
#include "verify/checkpoint.h"

namespace gaceta {

// Compares every checkpoint that the hub has signed and this node has seen, on
// whichever way, with the log that it mirrors: in receipts, as a witness. One
// that is not the mirrored log's is evidence of two histories.
//
// Trust that is lost stays lost, across restarts too, until a person dismisses
// the evidence and starts the node again: it mirrors, publishes and cosigns
// nothing meanwhile, and serves what it has.
//
// Thread safety: all methods may be called concurrently.
class LogTrust {
 public:
  // Both must outlive this object.
  LogTrust(ProjectedLog* log, EvidenceFolder* evidence);

  // OK while the log is trusted; why not, if it is not.
  absl::Status status() const;

  // Reads what this node has published and cosigned before, as Saw(): its copy
  // of the log may have been lost since, and be fetched again.
  absl::Status Remember(const CheckpointStore& store);
  // The hub has signed `checkpoint`, which its caller has verified. Compared
  // once the mirrored log has come so far.
  void Saw(const Checkpoint& checkpoint, const std::string& note);
  // The mirrored log has grown.
  void Check();
  // Something else does not verify; the evidence is kept.
  void Lose(const absl::Status& why);

  // Checks the proof of a receipt for a leaf that this node has sent.
  // kUnavailable if the log policy is not known here yet; kDataLoss if it does
  // not hold.
  absl::Status CheckReceipt(const v1::Receipt& receipt);

 private:
  struct Seen {
    Checkpoint checkpoint;
    std::string note;
  };
  // Of more than so many, those in the middle are forgotten: the mirror is then
  // far behind, and each may take a kilobyte.
  static constexpr std::size_t kMaxSeen = 1024;

  // kDataLoss if the mirrored log is another.
  absl::Status Compare(const Seen& seen) const;

  ProjectedLog* const log_;
  EvidenceFolder* const evidence_;

  mutable absl::Mutex mu_;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
  // Beyond the end of the mirrored log.
  std::deque<Seen> seen_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_LOG_TRUST_H_
