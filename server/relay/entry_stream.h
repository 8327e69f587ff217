// One subscription's way through the log, without a network: what to send next.
#ifndef GACETA_SERVER_RELAY_ENTRY_STREAM_H_
#define GACETA_SERVER_RELAY_ENTRY_STREAM_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/log/log_store.h"
#include "server/relay/entry_cache.h"
#include "server/relay/filter.h"
#include "server/relay/stream_prover.h"

namespace gaceta {

// Keeps a position and a filter, nothing else: what waits for a slow reader
// waits in the log. A message holds several entries, made of slices that all
// streams share, and ends with the progress that they make and its proof.
//
// Thread safety: none needed; one thread drives a stream.
class EntryStream {
 public:
  struct Options {
    bool include_unmatched_headers = false;
    bool headers_only = false;
    // A message is closed when it has so many bytes or entries.
    std::size_t max_message_bytes = 64 * 1024;
    int max_message_entries = 64;
    // Entries looked at in one step, so that a filter that passes little does
    // not hold up other streams.
    int max_scan = 1024;
  };

  EntryStream(EntryCache* cache, ProofSource proof_source,
              std::shared_ptr<const CompiledFilter> filter, Position start,
              Options options)
      : cache_(cache),
        prover_(std::move(proof_source)),
        filter_(std::move(filter)),
        position_(start),
        sent_position_(start),
        options_(options) {}

  // Fills in the proof of where the stream starts, and that the log begins with
  // that of `known_size`. Call once, first.
  absl::Status ProveStart(Position known_size, v1::SubscribeResponse* opened);

  enum class Step {
    // There is a message to send; call again when it is sent.
    kMessage,
    // Nothing passed, but there is more to look at: call again soon.
    kMore,
    // The cache loads what is next: call again after it has changed.
    kLoading,
    // The end of the log: call again after it has grown.
    kAtEnd,
  };

  // Takes one step. Fails as EntryCache::TryRead() and LogTree do.
  absl::StatusOr<Step> Next(grpc::ByteBuffer* message);

  // A message that states progress alone.
  absl::StatusOr<grpc::ByteBuffer> ProgressMessage();

  // The registry changed: corridors may have.
  void set_filter(std::shared_ptr<const CompiledFilter> filter) {
    filter_ = std::move(filter);
  }

  // Everything below has been decided.
  Position position() const { return position_; }
  // Everything below has been told to the client.
  Position sent_position() const { return sent_position_; }
  // Whether the client's last progress said that it is at the end.
  // Whether so little is left that it is sent at once, and from memory.
  bool is_near_end() const {
    return cache_->Size() - position_ <= kNearEntries;
  }
  bool told_live() const { return told_live_; }
  // Whether there is a cosigned checkpoint that the client was not sent.
  bool has_cosigned() const { return prover_.has_cosigned(); }

 private:
  static constexpr Position kNearEntries = 1024;

  // Adds `entry` to `slices` if it leaves for this stream; returns its bytes.
  absl::StatusOr<std::size_t> AddEntry(const RelayedEntry& entry,
                                       std::vector<grpc::Slice>* slices);
  absl::StatusOr<grpc::Slice> ProgressSlice();

  EntryCache* const cache_;
  EntryCache::Reader reader_;
  StreamProver prover_;
  std::shared_ptr<const CompiledFilter> filter_;
  Position position_;
  Position sent_position_;
  bool told_live_ = false;
  const Options options_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_ENTRY_STREAM_H_
