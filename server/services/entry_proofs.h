// Proves to who asks for single entries that they are in the log.
#ifndef GACETA_SERVER_SERVICES_ENTRY_PROOFS_H_
#define GACETA_SERVER_SERVICES_ENTRY_PROOFS_H_

#include <string>

#include "absl/status/status.h"
#include "gaceta/v1/statement.pb.h"
#include "google/protobuf/repeated_field.h"
#include "server/projections/projected_log.h"

namespace gaceta {

// Fills in the inclusion proof of each entry, for the newest checkpoint, and
// `*checkpoint`.
absl::Status ProveEntries(
    const ProjectedLog& log,
    google::protobuf::RepeatedPtrField<v1::Entry>* entries,
    std::string* checkpoint);
absl::Status ProveEntry(const ProjectedLog& log, v1::Entry* entry,
                        std::string* checkpoint);

// The same for a checkpoint of a size that the log has reached.
absl::Status ProveEntryAt(const ProjectedLog& log, Position size,
                          v1::Entry* entry);

}  // namespace gaceta

#endif  // GACETA_SERVER_SERVICES_ENTRY_PROOFS_H_
