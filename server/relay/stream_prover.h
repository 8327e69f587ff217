// Proves to the reader of one stream that what it gets is in the log.
#ifndef GACETA_SERVER_RELAY_STREAM_PROVER_H_
#define GACETA_SERVER_RELAY_STREAM_PROVER_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gaceta/v1/relay.pb.h"
#include "server/log/log_head.h"
#include "server/log/log_store.h"
#include "server/log/log_tree.h"

namespace gaceta {

// The log that streams are proved with; `head` never goes back.
struct ProofSource {
  const LogTree* tree = nullptr;
  std::function<LogHeadPtr()> head;
};

// Collects what a stream leaves out, and makes v1::StreamProof of it. Reads at
// most a few tiles, now and then one from disk.
//
// Thread safety: none; one thread drives a stream.
class StreamProver {
 public:
  explicit StreamProver(ProofSource source) : source_(std::move(source)) {}

  // The stream shows the entry at `position` in its next message, after all
  // that it has shown.
  absl::Status Shows(Position position);

  // Returns the proof that belongs to the progress `next_position`: of what was
  // shown and left out since the proof before.
  absl::StatusOr<v1::StreamProof> Prove(Position next_position);

  // From the checkpoint of size `known` to that of the last proof.
  absl::StatusOr<std::string> ProveKnown(Position known) const;

  // Whether there is a cosigned checkpoint that the stream was not sent.
  bool has_cosigned() const;

 private:
  // Adds the hashes of [passed_, end).
  absl::Status Skip(Position end);

  const ProofSource source_;
  // All below is in what was proved or in skipped_.
  Position passed_ = 0;
  // Hashes of what the message leaves out.
  std::string skipped_;
  // The progress that was proved last.
  Position proved_ = 0;
  // Of the head that was sent last.
  Position sent_size_ = 0;
  std::int64_t sent_cosigned_number_ = 0;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_STREAM_PROVER_H_
