// The rules of proto/UPDATES.md: what an update must be, by itself and after
// what its publisher has stated before.
#ifndef GACETA_SERVER_LAW_UPDATE_RULES_H_
#define GACETA_SERVER_LAW_UPDATE_RULES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "errors/errors.h"
#include "gaceta/v1/statement.pb.h"
#include "gaceta/v1/update.pb.h"
#include "verify/federation.h"

namespace gaceta {

// What the rules need to know of earlier updates.
class UpdateHistory {
 public:
  virtual ~UpdateHistory() = default;

  // Publisher of an earlier statement; none if there is no such statement.
  virtual std::optional<std::string> PublisherOf(
      absl::string_view statement_id) const = 0;
  // Whether anybody has published an update of this work.
  virtual bool IsKnownInstrument(absl::string_view uri) const = 0;
  // Last status stated of this work; unspecified if none was.
  virtual v1::VersionStatus LastStatus(absl::string_view uri) const = 0;
};

struct RuleFindings {
  std::vector<FieldViolation> violations;
  std::vector<v1::Warning> warnings;
};

// Checks every rule and reports all that is found. `publisher` is the state
// that signs; `today` decides what is in the future (UTC). Whether documents
// are stored is not checked here.
RuleFindings CheckUpdate(const v1::Update& update, const v1::Audience& audience,
                         absl::string_view publisher,
                         const Federation& federation,
                         const UpdateHistory& history, absl::CivilDay today);

}  // namespace gaceta

#endif  // GACETA_SERVER_LAW_UPDATE_RULES_H_
