// Follows the log and delivers what verifies.
#ifndef GACETA_CLIENT_GACETA_SUBSCRIBER_H_
#define GACETA_CLIENT_GACETA_SUBSCRIBER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "gaceta/log_source.h"
#include "gaceta/v1/relay.pb.h"
#include "verify/entry_verifier.h"

namespace gaceta::client {

// Where a subscription begins.
struct Start {
  enum class At { kPosition, kTime, kNow };

  // Everything from the first entry on.
  static Start Beginning() { return Position(0); }
  // From a position on, at most the end of the log.
  static Start Position(std::int64_t position) {
    return {At::kPosition, position, absl::InfinitePast()};
  }
  // From the first entry recorded at or after `time`.
  static Start Time(absl::Time time) { return {At::kTime, 0, time}; }
  // What comes from now on.
  static Start Now() { return {At::kNow, 0, absl::InfinitePast()}; }

  At at = At::kPosition;
  std::int64_t position = 0;
  absl::Time time = absl::InfinitePast();
};

// Only `source` is required.
struct SubscriberOptions {
  LogSource source;
  // What passes; everything by default.
  v1::Filter filter;
  // Where to begin, unless `cursor_file`, `subscription` or `resume` says where
  // to go on.
  Start start;

  // Optional. A file that Acknowledge() writes, and that a later Subscriber
  // goes on from, exactly. One file for one subscription: with another filter
  // or log it is refused, and so it is while another program uses it, which
  // `cursor_file`.lock shows. It is safe against crashes and full disks. Cursor
  // and evidence are for their owner alone (0600), whatever the umask.
  std::string cursor_file;
  // Optional. A name, `[a-z0-9-]{1,63}`, under which the server keeps what was
  // acknowledged. Without a cursor file that exists, the subscription goes on
  // from there. Acknowledge regularly: after a lost connection the server sends
  // again what was not acknowledged (it is not delivered again).
  std::string subscription;
  // Optional. A folder for evidence: when something does not verify, what shows
  // it is kept there as a file (EvidenceFolder), and while there is a file that
  // no person has dismissed, no Subscriber begins. Default: beside the cursor
  // file, `<cursor_file>.evidence`; without one, none is kept.
  std::string evidence_folder;
  // Optional. What a caller that keeps entries itself (a mirror) has kept: goes
  // on at its `next_position`. Not together with `cursor_file`.
  std::optional<EntryVerifier::State> resume;

  // The server is never silent for longer than this, 1 s to 300 s. After three
  // times as long without a word the connection counts as dead. Shorter notices
  // sooner and costs a message each time.
  absl::Duration heartbeat = absl::Seconds(15);
  // Also delivers, without payload, what the filter does not pass.
  bool include_unmatched_headers = false;
  // Delivers no payloads, but of the registry's own entries.
  bool headers_only = false;

  // Messages (of up to about 1 MiB) that are verified and wait for Next().
  int read_ahead = 4;
  // Threads that check signatures, about 12,000 entries a second each; 0 is one
  // for each processor, at most 8. They are started when there is work for
  // them.
  int verify_threads = 0;

  BackoffOptions backoff;
  // Optional. Called on the Subscriber's own thread whenever a connection was
  // lost or not made: why, and how long it waits before the next. A server that
  // cannot be reached, or a certificate that does not fit, shows here alone.
  // Must not call the Subscriber.
  std::function<void(const absl::Status& why, absl::Duration wait)>
      on_disconnect;
};

// Entries that hold, in order.
struct Delivery {
  // May be empty: then only the position moved, or witnesses have cosigned, or,
  // first of all, the position became known (of a start at a time, now or where
  // a named subscription was).
  std::vector<VerifiedEntry> entries;
  // Every passing entry below this position has been delivered.
  std::int64_t next_position = 0;
  // Whether this was the end of the log when the server sent it.
  bool live = false;
  // The log's checkpoint that has all of these entries, a C2SP note; empty if
  // the log is.
  std::string checkpoint;
  // The newest checkpoint that a quorum of witnesses has cosigned, and when
  // they last did: empty, and the infinite past, if none has, or none is asked
  // for.
  std::string cosigned_checkpoint;
  absl::Time quorum_time = absl::InfinitePast();
};

// When something was heard. Before the first time both fields are infinite.
struct Heard {
  // This computer's clock at that moment.
  absl::Time time = absl::InfinitePast();
  // How long ago it was, however the clock was set meanwhile.
  absl::Duration ago = absl::InfiniteDuration();
};

// One subscription to one server. It connects, verifies, reconnects with
// growing waits, and goes on exactly where it was: each entry that the filter
// passes is delivered once, in order of position, and nothing is delivered that
// does not verify. What has to hold of each entry:
//
//   - its header is signed by a key of its publisher, as the registry was at
//     that position. The registry is built from the secretariat's own
//     statements, checked against the federation's root; the server's word
//     counts for nothing, except that it could keep back the secretariat's
//     newest statements;
//   - its payload has the digest that was signed;
//   - positions rise, and so do the sequence numbers of each publisher; a
//     statement that follows the last one seen names it as its predecessor;
//   - the log has it: its leaf, where it is, under a checkpoint that the log's
//     key signed, and which extends every checkpoint that was seen before;
//   - a quorum of witnesses has cosigned such a checkpoint, or it has been
//   shown
//     for less than the grace that the registry's log policy gives them;
//   - with `include_unmatched_headers`, or without a filter, every entry of the
//     log is shown;
//   - where the stream must hold every statement of its publishers, none is
//     missing. That is so then, and if the filter sets no field but `states`;
//     but a state's newest may be held back for a while. Any other field passes
//     some of a publisher's statements and not others (an agency's, a topic's),
//     or, as `corridors`, passes a publisher for a time. In these cases a
//     server that withholds a statement is found out only by who sees the whole
//     chain;
//   - the server has the same log, and as much of it, as before a reconnect.
//
// A cursor file keeps the heads of the chains and the last checkpoint too, so
// all of this holds across restarts of the program.
//
// A program handles what Next() returned and then calls Acknowledge(). If it
// stops in between, it gets those entries again after a restart.
//
// Memory: `read_ahead` messages, and one more on either side of them.
//
// Threads: one of its own, `verify_threads` less one that help it, and gRPC's.
// Next() and Acknowledge() may be called by one thread at a time, Stop() by any
// at any time. All but Stop() may wait for disk or network.
//
// Errors of Next():
//   - kDeadlineExceeded: nothing came until the deadline. Call again.
//   - kDataLoss: something does not verify, reason as of EntryVerifier,
//     StreamTree, LogPolicy and CheckOmission(), or `ENTRY_WITHHELD`.
//     Stop, wake a person.
//   - kFailedPrecondition, reason `WRONG_LOG`: the server has another log than
//     `source` says. A setting is wrong, and there is no evidence.
//   - kFailedPrecondition, reason `QUORUM_MISSING`: no quorum of witnesses has
//     cosigned what was shown, for longer than the log policy allows.
//   - kCancelled: Stop() was called.
//   - Any other comes from the server, which refused for good: a malformed
//     filter, an unknown corridor, a start beyond the end, no permission.
// All but the first are returned again by every later call, after what was
// verified before has been delivered. Lost connections, servers that are away
// and limits that pass are never returned; `on_disconnect` tells of them.
class Subscriber {
 public:
  // Reads the root and the cursor file and begins to connect. Does not wait for
  // the server.
  //
  // kInvalidArgument, kNotFound or kPermissionDenied names the option or file
  // that is wrong; kFailedPrecondition a cursor file of another subscription,
  // or evidence against the log (reason `LOG_DISTRUSTED`); kDataLoss a cursor
  // file that is damaged.
  static absl::StatusOr<std::unique_ptr<Subscriber>> Create(
      SubscriberOptions options);

  // Stops.
  ~Subscriber();
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // Waits for the next entries, or the next change of position, until
  // `deadline`.
  absl::StatusOr<Delivery> Next(absl::Time deadline = absl::InfiniteFuture());

  // States that everything below `next_position` is safely handled: the
  // position of an entry + 1, or a delivery's `next_position`. Returns when the
  // cursor file is durable; the server is told soon. To acknowledge the same
  // position again does nothing.
  //
  // kInvalidArgument if it is less than before or more than was delivered. An
  // error in writing the file leaves the one before.
  absl::Status Acknowledge(std::int64_t next_position);

  // Ends the stream and wakes Next(). Returns at once.
  void Stop();

  // The registry as of what was verified so far, which may be a little ahead of
  // what was delivered. Null before the first connection.
  std::shared_ptr<const Federation> registry() const;

  // When the server has last said something that holds, heartbeats included.
  Heard last_heard() const;

 private:
  class Impl;
  explicit Subscriber(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_SUBSCRIBER_H_
