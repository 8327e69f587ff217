// A statement on its way into the log.
#ifndef GACETA_SERVER_HUB_CANDIDATE_H_
#define GACETA_SERVER_HUB_CANDIDATE_H_

#include <memory>
#include <string>
#include <vector>

#include "gaceta/v1/statement.pb.h"
#include "verify/federation.h"

namespace gaceta {

// What the checks that need no order have found good.
struct Candidate {
  v1::Statement statement;
  // Parsed from `statement`.
  v1::StatementHeader header;
  // SHA-256 of the header's bytes.
  std::string header_digest;
  // As of PublishRequest.
  bool accept_older_witnesses = false;
  // What is lawful but unusual.
  std::vector<v1::Warning> warnings;
  // The registry in which the signing key was found; null if the signature was
  // not checked: that of a registry statement is, in its place in the order,
  // and that of what is in the log already need not be.
  std::shared_ptr<const Federation> registry;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_HUB_CANDIDATE_H_
