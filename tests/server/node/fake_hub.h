// A hub's taking side in memory, which a test can make fail at each step.
#ifndef GACETA_TESTS_SERVER_NODE_FAKE_HUB_H_
#define GACETA_TESTS_SERVER_NODE_FAKE_HUB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/v1/documents.grpc.pb.h"
#include "gaceta/v1/publishing.grpc.pb.h"
#include "grpcpp/channel.h"
#include "grpcpp/server.h"
#include "server/log/log_store.h"
#include "verify/statement.h"

namespace gaceta::testing {

// Keeps the promises of PublishingService for one publisher: chains without a
// gap, the original receipt for the same statement, documents first. It checks
// no signatures and no law, and its receipts have no proof. Without TLS; its
// port stays the same when it goes away and comes back.
//
// Thread safety: all methods may be called concurrently.
class FakeHub {
 public:
  FakeHub();
  ~FakeHub();

  void Start();
  // Cuts all calls off.
  void Stop();
  // To the hub, whether it is there or not.
  std::shared_ptr<grpc::Channel> channel() const;

  // Statement ids in the order of the log.
  std::vector<std::string> log() const;
  std::vector<StoredEntry> entries() const;
  // Wait until the log has so many; until so many statements came, each counted
  // as often as it came; until so many streams were opened; until the head was
  // asked for so often from now on.
  bool AwaitSize(std::size_t size) const;
  bool AwaitReceived(int count) const;
  bool AwaitStreams(int count) const;
  bool AwaitHeadAsked(int times) const;
  ChainHead head() const;
  // Statements that came, each as often as it came.
  int received() const;
  int streams() const;
  // Whether all of a document came.
  bool HasDocument(const std::string& sha256) const;

  // Puts one more into the log, as if somebody else had published it.
  void Append(const v1::Statement& statement);
  // Forgets the end of the log.
  void Forget(std::size_t statements);

  // Receipts come with checkpoints from now on, each of a log that ends with
  // the receipt's entry.
  void SignCheckpoints();

  // --- Faults ----------------------------------------------------------------

  // Refuses a statement, as often as `times` says.
  void Refuse(const std::string& statement_id, const absl::Status& error,
              int times = 1'000'000);
  // Takes a statement and answers, once, that it did not.
  void RefuseAfterTaking(const std::string& statement_id,
                         const absl::Status& error);
  // The stream breaks when the statement comes that would be the n-th of the
  // log (from 1), before it is taken, or after, without an answer. Once each.
  void BreakBefore(std::size_t n);
  void BreakAfter(std::size_t n);
  // Receipts are for other bytes.
  void SpoilReceipts(bool spoil);
  // Uploads break after so many bytes, once; 0 is never.
  void BreakUploadAfter(std::int64_t bytes);
  // Answers nothing while set.
  void HoldAnswers(bool hold);

 private:
  class Publishing;
  class Documents;
  struct Refusal {
    absl::Status error;
    int times;
  };

  bool Await(const std::function<bool()>& reached) const;
  // None: the stream is to break.
  std::optional<v1::PublishResponse> Take(const v1::Statement& statement);
  absl::StatusOr<v1::Receipt> Decide(const v1::Statement& statement,
                                     const v1::StatementHeader& header)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  absl::Status CheckDocuments(const std::string& payload) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  v1::Receipt ReceiptAt(std::size_t position) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::vector<StoredEntry> entries_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> ids_ ABSL_GUARDED_BY(mu_);
  std::vector<ChainHead> heads_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::string> documents_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::string> parts_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Refusal> refusals_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, absl::Status> false_refusals_ ABSL_GUARDED_BY(mu_);
  std::set<std::size_t> break_before_ ABSL_GUARDED_BY(mu_);
  std::set<std::size_t> break_after_ ABSL_GUARDED_BY(mu_);
  bool sign_checkpoints_ ABSL_GUARDED_BY(mu_) = false;
  bool spoil_ ABSL_GUARDED_BY(mu_) = false;
  bool hold_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::int64_t break_upload_after_ ABSL_GUARDED_BY(mu_) = 0;
  int received_ ABSL_GUARDED_BY(mu_) = 0;
  int streams_ ABSL_GUARDED_BY(mu_) = 0;
  int heads_asked_ ABSL_GUARDED_BY(mu_) = 0;

  int port_ = 0;
  std::unique_ptr<Publishing> publishing_;
  std::unique_ptr<Documents> documents_service_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SERVER_NODE_FAKE_HUB_H_
