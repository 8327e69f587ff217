// Reads, checks and makes signed statements. Knows nothing of law.
#ifndef GACETA_CLIENT_VERIFY_STATEMENT_H_
#define GACETA_CLIENT_VERIFY_STATEMENT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gaceta/v1/statement.pb.h"
#include "verify/keys.h"

namespace gaceta {

inline constexpr std::size_t kMaxPayloadBytes = 64 * 1024;
inline constexpr std::size_t kMaxLeafBytes = 32 * 1024;
inline constexpr absl::string_view kUpdatePayloadType = "gaceta.v1.Update";
inline constexpr absl::string_view kRegistryChangePayloadType =
    "gaceta.v1.RegistryChange";
// Publisher id of the secretariat.
inline constexpr absl::string_view kSecretariat = "OAS";

// Parses the bytes of a header and checks the form of every field (not the
// signature, not the chain). Errors carry reason `MALFORMED_STATEMENT` and the
// field's violations.
absl::StatusOr<v1::StatementHeader> ParseHeader(absl::string_view header_bytes);

// The header in the bytes of a v1::Leaf that was checked before; none if they
// do not parse.
std::optional<v1::StatementHeader> HeaderOfLeaf(absl::string_view leaf_bytes);

// Whether everybody may read the payload.
bool IsPublic(const v1::StatementHeader& header);

// Checks the DSSE signature over `header_bytes`. Reason `BAD_SIGNATURE`.
absl::Status VerifyHeaderSignature(absl::string_view header_bytes,
                                   absl::string_view signature,
                                   const PublicKey& key);

// Checks that `payload` is the one the header names: size and digest. Reason
// `PAYLOAD_DIGEST_MISMATCH` or `TOO_LARGE`.
absl::Status VerifyPayload(const v1::StatementHeader& header,
                           absl::string_view payload);

// The end of a publisher's chain, as seen so far.
struct ChainHead {
  // Of the last statement; 0 before the first.
  std::uint64_t sequence = 0;
  // SHA-256 of the last header's bytes; empty before the first.
  std::string header_digest;

  friend bool operator==(const ChainHead&, const ChainHead&) = default;
};

// Checks that `header` comes right after `head`. kFailedPrecondition says what
// was expected, with reason `SEQUENCE_GAP` (too far), `SEQUENCE_TAKEN` (the
// number is used) or `WRONG_PREDECESSOR`.
absl::Status CheckFollows(const ChainHead& head,
                          const v1::StatementHeader& header);

// Returns a random UUID (version 4) in lower case.
std::string NewStatementId();

// Whether `text` may name an agency: `[a-z0-9-]`, 1 to 63 bytes.
bool IsAgencyName(absl::string_view text);

// Whether `text` is a UUID in lower case.
bool IsStatementId(absl::string_view text);

// Returns 16 random bytes, for the nonce of a payload.
std::string NewPayloadNonce();

// Makes statements of one publisher for one log. Leaves the chain to its
// caller, who says after which head each comes.
class StatementSigner {
 public:
  StatementSigner(std::string log_origin, std::string publisher, SigningKey key)
      : log_origin_(std::move(log_origin)),
        publisher_(std::move(publisher)),
        key_(std::move(key)) {}

  // What differs from one statement to the next.
  struct Content {
    std::string statement_id;
    std::string agency;
    std::string payload_type;
    std::string payload;
    v1::Audience audience;
  };

  // Returns `content` signed as the successor of `head`.
  absl::StatusOr<v1::Statement> Sign(const ChainHead& head,
                                     const Content& content,
                                     absl::Time signed_time) const;

  const std::string& publisher() const { return publisher_; }
  const PublicKey& public_key() const { return key_.public_key(); }

 private:
  std::string log_origin_;
  std::string publisher_;
  SigningKey key_;
};

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_STATEMENT_H_
