// Refuses questions that this server understands only in part.
#ifndef GACETA_SERVER_RELAY_KNOWN_FIELDS_H_
#define GACETA_SERVER_RELAY_KNOWN_FIELDS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace gaceta {

// kInvalidArgument, reason `UNKNOWN_FIELD`, if `message` has a field or a value
// that this server does not know: a later version may have more. The text and
// the metadata `field` name it below `path`, as `filter.field 12`.
//
// A field of a filter that is ignored would widen what the filter passes.
absl::Status CheckKnownFields(absl::string_view path,
                              const google::protobuf::Message& message);

}  // namespace gaceta

#endif  // GACETA_SERVER_RELAY_KNOWN_FIELDS_H_
