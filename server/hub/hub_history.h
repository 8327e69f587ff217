// What publishers have stated before, for the rules of an update: in the log,
// and on its way there.
#ifndef GACETA_SERVER_HUB_HUB_HISTORY_H_
#define GACETA_SERVER_HUB_HUB_HISTORY_H_

#include <list>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "gaceta/v1/statement.pb.h"
#include "gaceta/v1/update.pb.h"
#include "server/law/update_rules.h"
#include "server/log/statement_index.h"

namespace gaceta {

// A publisher may send many statements before the first is answered, and a
// later one may be about an earlier one. So what was sent counts as stated
// while it is under way. That is safe: if an earlier statement of a chain is
// refused, every later one is refused too, as a gap.
//
// Thread safety: all methods may be called concurrently.
class HubHistory : public UpdateHistory {
 public:
  // `index` must outlive this object.
  explicit HubHistory(const StatementIndex* index) : index_(index) {}

  // While it lives, a statement counts as stated.
  class UnderWay {
   public:
    UnderWay(HubHistory* history, const v1::StatementHeader& header,
             std::string header_digest, const v1::Update& update);
    ~UnderWay();
    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;

   private:
    HubHistory* const history_;
    const std::string statement_id_;
    const std::string instrument_;
    std::list<v1::VersionStatus>::iterator status_;
  };

  // Whether this very statement is under way.
  bool IsUnderWay(absl::string_view statement_id,
                  absl::string_view header_digest) const;

  std::optional<std::string> PublisherOf(
      absl::string_view statement_id) const override;
  bool IsKnownInstrument(absl::string_view uri) const override;
  v1::VersionStatus LastStatus(absl::string_view uri) const override;

 private:
  struct Sent {
    std::string publisher;
    std::string header_digest;
    // More than one if it was sent again meanwhile.
    int count = 0;
  };

  const StatementIndex* const index_;

  mutable absl::Mutex mu_;
  // By statement id.
  absl::flat_hash_map<std::string, Sent> sent_ ABSL_GUARDED_BY(mu_);
  // By instrument: the statuses that are under way, in order.
  absl::flat_hash_map<std::string, std::list<v1::VersionStatus>> statuses_
      ABSL_GUARDED_BY(mu_);
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_HUB_HISTORY_H_
