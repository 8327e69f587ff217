// Brings the outbox's statements to the hub, and the hub's receipts back.
#ifndef GACETA_SERVER_NODE_HUB_LINK_H_
#define GACETA_SERVER_NODE_HUB_LINK_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/backoff.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/support/sync_stream.h"
#include "server/documents/document_store.h"
#include "server/node/call_slot.h"
#include "server/node/document_transfer.h"
#include "server/node/outbox.h"
#include "server/node/refusals.h"
#include "server/projections/projected_log.h"
#include "verify/statement.h"

namespace gaceta {

struct HubLinkOptions {
  // Origin of the log that statements are signed for now.
  std::string log_origin;
  // Statements that may be under way. More hides a longer way to the hub, and
  // each may take 64 KiB of memory.
  int window = 256;
  // Waits between attempts while the hub is away.
  client::BackoffOptions backoff;
  // Longest wait before the next attempt when a person has to act first, as for
  // a signing key that the registry does not have. Waits grow from 1 s.
  absl::Duration hold = absl::Seconds(30);
  // A hub that answers nothing for so long is taken for dead.
  absl::Duration answer_timeout = absl::Seconds(60);
  // Checks that a receipt's proof holds; kUnavailable if that cannot be told
  // yet. Empty: the bytes alone are compared.
  std::function<absl::Status(const v1::Receipt&)> check_receipt;
  // OK while the hub's log is trusted. Empty: always.
  std::function<absl::Status()> trust;
};

// One session after the other: it asks the hub how far this publisher's chain
// has come, brings the outbox in line with that, and then streams what is
// pending, in order, many under way at once. Before a statement go its
// documents. A receipt counts only if it is for the very bytes that were sent,
// and only when this node mirrors every entry that its checkpoint has: then a
// hub that loses its disk is rebuilt from its nodes with all that it
// acknowledged (decision 0007).
//
// Nothing is lost or doubled: what was sent and not answered is sent again, as
// the same bytes, and the hub answers it as the first time. At the first answer
// that is no receipt the session ends, since all that is under way behind it
// cannot follow; only the next session, when the hub has said that its chain
// ends before the refused statement, records the refusal and signs the rest
// anew.
//
// If the log's chain is ahead of the outbox (its disk was lost, or an old copy
// was restored), the link publishes nothing until the mirror, which verifies,
// has the end of the chain; if this node's own key signed it, the outbox goes
// on from there. If the hub's chain is behind the receipts that the outbox has,
// the hub has lost statements: the link publishes nothing until a person acts.
//
// Threads: one of its own, and one more while a stream is open. Start(), Wake()
// and Stop() may be called by any thread.
class HubLink {
 public:
  // All must outlive this object. `mirror` is where this node mirrors the log.
  HubLink(HubLinkOptions options, std::shared_ptr<grpc::Channel> channel,
          Outbox* outbox, DocumentStore* documents, ProjectedLog* mirror,
          const StatementSigner* signer);
  // Stops.
  ~HubLink();
  HubLink(const HubLink&) = delete;
  HubLink& operator=(const HubLink&) = delete;

  void Start();
  // Says that there is something new in the outbox.
  void Wake();
  // Says that the mirror has more entries.
  void MirrorGrew();
  // Ends the session, without waiting for answers. Returns when the threads
  // have ended.
  void Stop();

 private:
  enum class State { kIdle, kPublishing, kWaiting, kHeld };
  using Stream =
      grpc::ClientReaderWriter<v1::PublishRequest, v1::PublishResponse>;
  struct Answer {
    v1::PublishResponse response;
    // Entries that have to be mirrored before it counts.
    Position needs = 0;
  };
  // Why a session ended, and what comes next.
  struct Ending {
    absl::Status why;
    RefusalAction action = RefusalAction::kRetry;
  };

  void Run();
  // Makes one session; ends when it does.
  Ending RunSession();
  absl::StatusOr<ChainHead> AskHead();
  // Brings the outbox in line with the hub's chain.
  std::optional<Ending> Reconcile(const ChainHead& hub_head);
  std::optional<Ending> SettleRefusal(const ChainHead& head);
  std::optional<Ending> Adopt(const ChainHead& hub_head);
  // What the mirrored log has of a submission with this payload.
  absl::StatusOr<std::optional<Outbox::Accepted>> FindInLog(
      const std::string& submission_id, const std::string& payload);

  Ending Publish();
  void ReadAnswers(Stream* stream);
  // Waits until there is something to do; an error if that took too long.
  absl::Status AwaitWork();
  // Whether the answer that came first counts by now.
  bool HasAnswer() const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  std::optional<Ending> RecordAnswers();
  std::optional<Ending> SendPending(Stream* stream);
  std::optional<Ending> BringDocuments(const Outbox::Pending& pending);
  Ending OnRefusal(const Outbox::Pending& pending, const absl::Status& error);
  absl::Status CheckReceipt(const Outbox::Pending& pending,
                            const v1::Receipt& receipt) const;

  bool stopping() const { return calls_.stopped(); }
  void SetState(State state, const std::string& why);

  const HubLinkOptions options_;
  const std::unique_ptr<v1::PublishingService::Stub> stub_;
  Outbox* const outbox_;
  DocumentStore* const documents_;
  ProjectedLog* const mirror_;
  const StatementSigner* const signer_;
  CallSlot calls_;
  DocumentTransfer transfer_;
  std::thread thread_;

  // Touched only by the link's thread.
  State state_ = State::kIdle;
  // What was logged last, so that each trouble is told once.
  std::string last_why_;
  client::Backoff backoff_;
  client::Backoff hold_backoff_;
  // Sent and not answered, in order.
  std::deque<Outbox::Pending> under_way_;
  // Sequence of the last that was sent in this session.
  std::uint64_t sent_ = 0;
  // Documents that the hub is known to have.
  absl::flat_hash_set<std::string> delivered_;
  // A refusal that the next session settles.
  struct Refusal {
    Outbox::Pending pending;
    absl::Status error;
  };
  std::optional<Refusal> refusal_;
  // Whether what is pending was signed with a key, or for a log, that no longer
  // counts.
  bool sign_anew_ = false;

  mutable absl::Mutex mu_;
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool stop_ ABSL_GUARDED_BY(mu_) = false;
  std::deque<Answer> answers_ ABSL_GUARDED_BY(mu_);
  // Whether the stream gives no more answers.
  bool answers_ended_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_NODE_HUB_LINK_H_
