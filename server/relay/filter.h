// What passes a subscription, and who may see a payload: the one rule for
// streams, lists and explanations.
#ifndef GACETA_SERVER_RELAY_FILTER_H_
#define GACETA_SERVER_RELAY_FILTER_H_

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gaceta/v1/relay.pb.h"
#include "server/relay/relayed_entry.h"
#include "verify/federation.h"

namespace gaceta {

// Who reads: the member that the caller belongs to.
struct Reader {
  // Registry id: `HN`, `OAS`, an organisation's.
  std::string member;
  bool is_state = false;

  friend bool operator==(const Reader&, const Reader&) = default;
};

// Whether `reader` may see a payload of `header`.
bool MaySeePayload(const v1::StatementHeader& header, const Reader& reader,
                   const Federation& federation);

// How an entry leaves for a reader.
enum class Passage {
  // Not at all.
  kNone,
  // With its payload.
  kFull,
  // Without: the reader may not see it, or this server does not keep it.
  kRestricted,
};

// A filter ready for use, resolved against one state of the registry.
//
// Thread safety: immutable.
class CompiledFilter {
 public:
  // kInvalidArgument lists malformed fields; kNotFound names, with reason
  // `UNKNOWN_STATE`, `UNKNOWN_CORRIDOR` or `UNKNOWN_TOPIC`, what the registry
  // does not have.
  static absl::StatusOr<std::shared_ptr<const CompiledFilter>> Compile(
      const v1::Filter& filter, Reader reader,
      std::shared_ptr<const Federation> federation);

  Passage Decide(const RelayedEntry& entry) const;

  v1::ExplainResponse Explain(const RelayedEntry& entry) const;

 private:
  CompiledFilter() = default;

  bool HasPayloadFields() const;
  bool MayReadPayload(const RelayedEntry& entry) const;
  bool PassesHeader(const RelayedEntry& entry) const;
  bool PassesUpdate(const v1::Update& update) const;
  bool PassesInstrument(const v1::Update& update) const;
  bool PassesLanguage(const v1::Update& update) const;

  Reader reader_;
  std::shared_ptr<const Federation> federation_;
  absl::flat_hash_set<std::string> states_;
  absl::flat_hash_set<std::string> agencies_;
  // States that some corridor of the filter passes.
  bool has_corridors_ = false;
  absl::flat_hash_set<std::string> corridor_states_;
  std::set<int> kinds_;
  std::set<int> events_;
  absl::flat_hash_set<std::string> topics_;
  std::vector<std::pair<std::string, bool>> instruments_;
  std::vector<std::string> languages_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_FILTER_H_
