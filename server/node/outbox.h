// The node's durable store of submissions: what its agencies gave it to
// publish, and what became of it.
#ifndef GACETA_SERVER_NODE_OUTBOX_H_
#define GACETA_SERVER_NODE_OUTBOX_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gaceta/v1/statement.pb.h"
#include "gaceta/v1/submissions.pb.h"
#include "gaceta/v1/update.pb.h"
#include "server/log/log_store.h"
#include "server/node/outbox_file.h"
#include "verify/statement.h"

namespace gaceta {

// A submission that has passed every check and is to be signed.
struct CheckedSubmission {
  std::string agency;
  // The bytes of a v1::Update, nonce included.
  std::string payload;
  v1::Audience audience;
  // Documents that this node has and the hub will ask for, SHA-256 in hex.
  std::vector<std::string> documents;
  // What later submissions are checked against.
  std::string instrument;
  v1::VersionStatus status = v1::VERSION_STATUS_UNSPECIFIED;
  std::vector<v1::Warning> warnings;
};

// What the outbox says of the state's own updates that the mirrored log may not
// show yet. Lives as long as the call that hands it out.
class OutboxHistory {
 public:
  explicit OutboxHistory(OutboxFile* file) : file_(file) {}

  // Whether a submission of that id was taken, and not refused.
  absl::StatusOr<bool> Has(absl::string_view submission_id) const;
  // Whether one that was not refused is about this work.
  absl::StatusOr<bool> IsKnownInstrument(absl::string_view uri) const;
  // The last status stated of this work by what is pending, or in the log at
  // `mirrored` or after; none if there is no such.
  absl::StatusOr<std::optional<v1::VersionStatus>> LastStatus(
      absl::string_view uri, Position mirrored) const;

 private:
  OutboxFile* const file_;
};

// A submission is pending from Add() on, until the hub's receipt or its refusal
// is recorded. Pending statements are one chain: their sequences follow the
// accepted head without a gap, and each names the one before it. A number and
// its statement are durable together before anybody sees them, so a crash never
// gives a number that was seen to another statement.
//
// What the hub refuses would leave a hole in the chain. So in one transaction a
// refusal gives all later pending statements new numbers and signatures; the
// caller makes sure that none of the old ones is under way to the hub.
//
// Thread safety: all methods may be called concurrently. Accept(), Refuse() and
// Rebase() are for one thread alone, which talks to the hub. Concurrent Add()
// calls share a transaction, and so one wait for the disk.
//
// Errors of the file: kUnavailable is worth retrying, kResourceExhausted means
// that no space is left, kDataLoss that the file is damaged.
class Outbox {
 public:
  struct Options {
    std::string path;
    // Submissions that may be pending. More are refused, so that a hub that is
    // away for long does not fill the disk.
    std::uint64_t max_pending = 100'000;
    std::function<absl::Time()> now = [] { return absl::Now(); };
  };

  // `signer` must outlive this object.
  static absl::StatusOr<std::unique_ptr<Outbox>> Open(
      Options options, const StatementSigner* signer);
  ~Outbox();

  // Called after each commit, on the thread that made it, with the ids of the
  // submissions that changed. Set before use.
  using Listener = std::function<void(const std::vector<std::string>& ids)>;
  void SetListener(Listener listener) { listener_ = std::move(listener); }

  // Checks a submission, knowing all that came before it.
  using Check =
      std::function<absl::StatusOr<CheckedSubmission>(const OutboxHistory&)>;

  // Runs `check`, signs what it returns as the next of the chain and keeps it.
  // An id that was used with the same `content_digest` is answered with the
  // submission as it is now, without a check.
  //
  // kAlreadyExists, reason `SUBMISSION_ID_TAKEN`, if the id was used for other
  // content; kResourceExhausted, reason `OUTBOX_FULL`; the error of `check`.
  absl::StatusOr<v1::Submission> Add(absl::string_view submission_id,
                                     absl::string_view content_digest,
                                     const Check& check);

  // Runs `check` as Add() would, and keeps nothing.
  absl::StatusOr<CheckedSubmission> CheckOnly(const Check& check);

  // None if there is no submission of that id.
  absl::StatusOr<std::optional<v1::Submission>> Find(
      absl::string_view submission_id) const;
  // Its payload, whatever became of it; none if there is no such submission.
  absl::StatusOr<std::optional<std::string>> FindPayload(
      absl::string_view submission_id) const;

  struct Page {
    std::vector<v1::Submission> submissions;
    // Where the next page goes on; 0 if this is the last.
    std::int64_t next = 0;
  };
  // Newest first: at most `max_count`, of one agency unless `agency` is none.
  // `begin` is 0 or the `next` of the page before.
  absl::StatusOr<Page> List(const std::optional<std::string>& agency,
                            std::int64_t begin, int max_count) const;

  // A pending submission as it goes to the hub.
  struct Pending {
    std::string submission_id;
    // Its own place in the chain.
    ChainHead place;
    v1::Statement statement;
    std::vector<std::string> documents;
  };
  // In order of sequence, those after `sequence`, at most `max_count`.
  absl::StatusOr<std::vector<Pending>> ListPending(std::uint64_t sequence,
                                                   int max_count) const;
  absl::StatusOr<std::uint64_t> PendingCount() const;

  // The last statement of the chain that is known to be in the log.
  absl::StatusOr<ChainHead> AcceptedHead() const;

  // What the log has of a submission.
  struct Accepted {
    std::string submission_id;
    ChainHead place;
    v1::Receipt receipt;
  };
  // Forgets the payload of a submission that was accepted, and all that is kept
  // of what it says: its instrument, documents, warnings. Does nothing for
  // another, or one that was erased before: what is pending still has to be
  // sent.
  absl::Status Erase(absl::string_view submission_id);

  // Records receipts, which must be those of the first pending statements, in
  // order.
  absl::Status Accept(absl::Span<const Accepted> accepted);

  // Records that the hub refused the first pending statement for good, and
  // signs the others anew after the accepted head.
  absl::Status Refuse(absl::string_view submission_id,
                      const absl::Status& error);

  // Records that the log's chain ends at `head`, which is not what the outbox
  // had seen: `accepted` are submissions that the log was found to have, and
  // what is pending still is signed anew after `head`.
  absl::Status Rebase(const ChainHead& head,
                      absl::Span<const Accepted> accepted);

 private:
  // One Add() call that waits for its transaction.
  struct Waiting {
    absl::string_view submission_id;
    absl::string_view content_digest;
    const Check* check;
    absl::StatusOr<v1::Submission> result = v1::Submission();
    bool added = false;
    bool done = false;
  };

  Outbox(Options options, const StatementSigner* signer,
         std::unique_ptr<OutboxFile> writer,
         std::unique_ptr<OutboxFile> reader);

  void CommitBatch(absl::Span<Waiting* const> batch);
  // Fails only for errors that concern the whole transaction.
  absl::Status AddOne(Waiting* waiting, ChainHead* tail)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::Status SignAnew(const ChainHead& head,
                        std::vector<std::string>* changed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::StatusOr<ChainHead> Tail() const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  void Notify(const std::vector<std::string>& ids) const;

  const Options options_;
  const StatementSigner* const signer_;
  Listener listener_;

  absl::Mutex queue_mu_;
  std::vector<Waiting*> queue_ ABSL_GUARDED_BY(queue_mu_);
  // Whether a thread commits what it took from the queue.
  bool committing_ ABSL_GUARDED_BY(queue_mu_) = false;

  // Held while a transaction is under way.
  mutable absl::Mutex write_mu_;
  const std::unique_ptr<OutboxFile> writer_ ABSL_PT_GUARDED_BY(write_mu_);
  // A connection of its own, so that reads never wait for a commit.
  mutable absl::Mutex read_mu_;
  const std::unique_ptr<OutboxFile> reader_ ABSL_PT_GUARDED_BY(read_mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_OUTBOX_H_
