// Verifies the entries of a stream on several threads. Used inside the client
// library alone.
#ifndef GACETA_CLIENT_GACETA_BATCH_VERIFIER_H_
#define GACETA_CLIENT_GACETA_BATCH_VERIFIER_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "gaceta/parallel.h"
#include "verify/entry_verifier.h"

namespace gaceta::client {

// Thread safety: none.
class BatchVerifier {
 public:
  // `from_beginning`: the stream shows all of the log's past too, so where
  // chains are complete, each begins with its first statement.
  BatchVerifier(EntryVerifier* verifier, int threads, bool from_beginning)
      : verifier_(verifier),
        from_beginning_(from_beginning),
        parallel_(threads) {}

  // Checks `entries`, which come after all those before, and appends what holds
  // to `*verified`, up to the first that does not. Uses `entries` up.
  absl::Status Verify(absl::Span<v1::Entry* const> entries,
                      std::vector<VerifiedEntry>* verified);

 private:
  absl::Status VerifyPart(absl::Span<v1::Entry* const> entries,
                          std::vector<VerifiedEntry>* verified);
  absl::Status CheckBeginning(const VerifiedEntry& entry) const;

  EntryVerifier* const verifier_;
  const bool from_beginning_;
  Parallel parallel_;
};

}  // namespace gaceta::client

#endif  // GACETA_CLIENT_GACETA_BATCH_VERIFIER_H_
