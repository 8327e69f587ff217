// Named subscriptions: which position each was last acknowledged at.
#ifndef GACETA_SERVER_LOG_SUBSCRIPTION_TABLE_H_
#define GACETA_SERVER_LOG_SUBSCRIPTION_TABLE_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gaceta/v1/relay.pb.h"
#include "server/log/log_store.h"

namespace SQLite {
class Database;
}  // namespace SQLite

namespace gaceta {

struct NamedSubscription {
  // `<trust domain>/<path of the identity>:<short name>`.
  std::string name;
  std::string identity;
  v1::Filter filter;
  Position next_position = 0;
  absl::Time update_time;
};

// In a file of its own, since the log does not have them. All are in memory;
// changes are written by Flush(), which the owner calls every second and before
// it ends. A crash loses at most the acknowledgements since: then entries are
// delivered again, never missed.
//
// Thread safety: all methods may be called concurrently.
class SubscriptionTable {
 public:
  static absl::StatusOr<std::unique_ptr<SubscriptionTable>> Open(
      const std::string& path);
  ~SubscriptionTable();

  // Makes it or changes all of it.
  void Put(NamedSubscription subscription);

  // Moves it on. Does nothing if there is none of that name (it was deleted).
  void Acknowledge(absl::string_view name, Position next_position,
                   absl::Time now);

  std::optional<NamedSubscription> Get(absl::string_view name) const;

  // In order of name, those after `after` that begin with `prefix`.
  std::vector<NamedSubscription> List(absl::string_view prefix,
                                      absl::string_view after,
                                      int max_count) const;

  // Whether there was one.
  bool Delete(absl::string_view name);

  // Writes what changed.
  absl::Status Flush();

 private:
  explicit SubscriptionTable(std::unique_ptr<SQLite::Database> db);

  absl::Mutex flush_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  std::unique_ptr<SQLite::Database> db_ ABSL_PT_GUARDED_BY(flush_mu_);

  mutable absl::Mutex mu_;
  std::map<std::string, NamedSubscription, std::less<>> all_
      ABSL_GUARDED_BY(mu_);
  // Names whose row has to be written or deleted.
  std::set<std::string, std::less<>> changed_ ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_LOG_SUBSCRIPTION_TABLE_H_
