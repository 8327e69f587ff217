// What a server says of a payload that it leaves out.
#ifndef GACETA_CLIENT_VERIFY_OMISSION_H_
#define GACETA_CLIENT_VERIFY_OMISSION_H_

#include <cstdint>

#include "absl/status/status.h"
#include "gaceta/v1/statement.pb.h"
#include "verify/federation.h"

namespace gaceta {

// Checks an omission that the header, or the registry, can show to be false: a
// payload that everybody may read is not restricted, and one that no statement
// of the secretariat erases is not erased. `newest` must be as new as the
// server's answer: an erasure comes long after what it erases.
//
// Whether a payload that was not asked for, or that a node does not keep, would
// have been there nobody can tell.
//
// kDataLoss, reason `PAYLOAD_WITHHELD`, with the position.
absl::Status CheckOmission(std::int64_t position, v1::Entry::Omission omission,
                           const v1::StatementHeader& header,
                           const Federation& newest);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_OMISSION_H_
