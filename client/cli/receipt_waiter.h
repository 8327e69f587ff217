// Waits for the hub's receipts while further updates are submitted.
#ifndef GACETA_CLIENT_CLI_RECEIPT_WAITER_H_
#define GACETA_CLIENT_CLI_RECEIPT_WAITER_H_

#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "cli/publish_report.h"
#include "gaceta/publisher.h"
#include "gaceta/v1/submissions.pb.h"

namespace gaceta::cli {

// A few threads that ask the node for one submission each. A state's
// statements reach the log in their order, so those behind the first one that
// is waited for are mostly answered at once.
//
// Thread safety: all methods may be called concurrently.
class ReceiptWaiter {
 public:
  // Both must outlive this object. Who was waited for longer than `patience` is
  // reported as pending, and so is who is waited for when a signal asks to end.
  ReceiptWaiter(client::Publisher& publisher, PublishReport& report,
                absl::Duration patience);
  // Waits for all.
  ~ReceiptWaiter();

  void Add(ReportedUpdate update, v1::Submission submission);

  // Returns when all that were added are reported. Nothing is added after it.
  void Finish();

 private:
  using Item = std::pair<ReportedUpdate, v1::Submission>;

  void Run();
  void WaitFor(const Item& item);

  client::Publisher& publisher_;
  PublishReport& report_;
  const absl::Duration patience_;

  absl::Mutex mu_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mu_);
  bool finished_ ABSL_GUARDED_BY(mu_) = false;

  std::vector<std::thread> threads_;
};

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_RECEIPT_WAITER_H_
