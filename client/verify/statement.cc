#include "verify/statement.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "errors/errors.h"
#include "openssl/rand.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

constexpr int kNonceBytes = 16;
constexpr std::size_t kMaxNameBytes = 63;
constexpr int kMaxAudienceNames = 100;

bool IsName(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxNameBytes &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
         });
}

// The range of google.protobuf.Timestamp, 0001-01-01 to 9999-12-31.
bool IsTime(const google::protobuf::Timestamp& time) {
  return time.seconds() >= -62'135'596'800 &&
         time.seconds() < 253'402'300'800 && time.nanos() >= 0 &&
         time.nanos() < 1'000'000'000;
}

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

bool IsPublisher(absl::string_view text) {
  if (text == kSecretariat) return true;
  if (text.size() == 2) return IsUpper(text[0]) && IsUpper(text[1]);
  return text.size() >= 3 && IsName(text);
}

void CheckDigest(absl::string_view field, absl::string_view digest,
                 std::vector<FieldViolation>* violations) {
  if (digest.size() != kDigestSize) {
    violations->push_back(
        {std::string(field),
         absl::StrCat("has ", digest.size(), " bytes, expected a SHA-256 of ",
                      kDigestSize)});
  }
}

void CheckAudience(const v1::Audience& audience,
                   std::vector<FieldViolation>* violations) {
  const bool listed = audience.scope() == v1::Audience::SCOPE_LISTED;
  const int names = audience.states_size() + audience.corridors_size();
  if (!v1::Audience::Scope_IsValid(audience.scope())) {
    violations->push_back({"header.audience.scope",
                           absl::StrCat("is ", audience.scope(),
                                        ", expected a scope of this version")});
  } else if (listed != (names > 0)) {
    violations->push_back(
        {"header.audience.states",
         listed ? "is empty, and so is corridors, expected whom the scope lists"
                : "is set, expected only with SCOPE_LISTED"});
  }
  for (const std::string& state : audience.states()) {
    if (state.size() == 2 && IsUpper(state[0]) && IsUpper(state[1])) continue;
    violations->push_back({"header.audience.states",
                           absl::StrCat("has \"", state.substr(0, 70),
                                        "\", expected ISO 3166-1, as HN")});
  }
  for (const std::string& corridor : audience.corridors()) {
    if (IsName(corridor)) continue;
    violations->push_back(
        {"header.audience.corridors",
         absl::StrCat("has \"", corridor.substr(0, 70),
                      "\", expected at most 63 of a-z 0-9 -")});
  }
  if (names > kMaxAudienceNames) {
    violations->push_back(
        {"header.audience.states",
         absl::StrCat("has with corridors ", names, " names, at most ",
                      kMaxAudienceNames)});
  }
}

std::vector<FieldViolation> CheckForm(const v1::StatementHeader& header) {
  std::vector<FieldViolation> violations;
  const auto add = [&violations](absl::string_view field, std::string text) {
    violations.push_back({absl::StrCat("header.", field), std::move(text)});
  };
  if (header.log_origin().empty() || header.log_origin().size() > 255) {
    add("log_origin", "is empty or over 255 bytes");
  }
  if (!IsPublisher(header.publisher())) {
    add("publisher",
        absl::StrCat("is \"", header.publisher().substr(0, 70),
                     "\", expected HN, OAS or an id of a-z 0-9 -"));
  }
  if (!header.agency().empty() && !IsAgencyName(header.agency())) {
    add("agency", absl::StrCat("is \"", header.agency().substr(0, 70),
                               "\", expected at most 63 of a-z 0-9 -"));
  }
  if (!IsStatementId(header.statement_id())) {
    add("statement_id",
        absl::StrCat("is \"", header.statement_id().substr(0, 50),
                     "\", expected a UUID in lower case"));
  }
  if (header.sequence() == 0) add("sequence", "is 0, expected 1 or more");
  if (header.sequence() == 1) {
    if (!header.previous_digest().empty()) {
      add("previous_digest", "is set, expected empty at sequence 1");
    }
  } else {
    CheckDigest("header.previous_digest", header.previous_digest(),
                &violations);
  }
  if (header.payload_type().empty() || header.payload_type().size() > 255) {
    add("payload_type", "is empty or over 255 bytes");
  }
  CheckDigest("header.payload_digest", header.payload_digest(), &violations);
  if (header.payload_size() == 0 || header.payload_size() > kMaxPayloadBytes) {
    add("payload_size", absl::StrCat("is ", header.payload_size(),
                                     ", expected 1 to ", kMaxPayloadBytes));
  }
  CheckAudience(header.audience(), &violations);
  if (!header.has_signed_time()) {
    add("signed_time", "is missing");
  } else if (!IsTime(header.signed_time())) {
    add("signed_time", "is no time between the years 1 and 9999");
  }
  return violations;
}

}  // namespace

absl::StatusOr<v1::StatementHeader> ParseHeader(
    absl::string_view header_bytes) {
  v1::StatementHeader header;
  if (!header.ParseFromArray(header_bytes.data(),
                             static_cast<int>(header_bytes.size()))) {
    return InvalidFields(
        "MALFORMED_STATEMENT",
        {{"header", "is not the bytes of a gaceta.v1.StatementHeader"}});
  }
  if (auto violations = CheckForm(header); !violations.empty()) {
    return InvalidFields("MALFORMED_STATEMENT", violations);
  }
  return header;
}

std::optional<v1::StatementHeader> HeaderOfLeaf(absl::string_view leaf_bytes) {
  v1::Leaf leaf;
  v1::StatementHeader header;
  if (!leaf.ParseFromArray(leaf_bytes.data(),
                           static_cast<int>(leaf_bytes.size())) ||
      !header.ParseFromString(leaf.header())) {
    return std::nullopt;
  }
  return header;
}

bool IsPublic(const v1::StatementHeader& header) {
  const auto scope = header.audience().scope();
  return scope == v1::Audience::SCOPE_UNSPECIFIED ||
         scope == v1::Audience::SCOPE_PUBLIC;
}

absl::Status VerifyHeaderSignature(absl::string_view header_bytes,
                                   absl::string_view signature,
                                   const PublicKey& key) {
  return WithReason(
      key.Verify(DssePae(kStatementHeaderType, header_bytes), signature),
      "BAD_SIGNATURE", {{"key_id", ToHex(key.key_id())}});
}

absl::Status VerifyPayload(const v1::StatementHeader& header,
                           absl::string_view payload) {
  if (payload.size() > kMaxPayloadBytes) {
    return WithReason(absl::InvalidArgumentError(
                          absl::StrCat("payload has ", payload.size(),
                                       " bytes, at most ", kMaxPayloadBytes)),
                      "TOO_LARGE", {{"limit", absl::StrCat(kMaxPayloadBytes)}});
  }
  if (payload.size() != header.payload_size() ||
      Sha256(payload) != header.payload_digest()) {
    return WithReason(
        absl::InvalidArgumentError(absl::StrCat(
            "payload has ", payload.size(), " bytes and digest ",
            ToHex(Sha256(payload)), ", the header says ", header.payload_size(),
            " and ", ToHex(header.payload_digest()))),
        "PAYLOAD_DIGEST_MISMATCH");
  }
  return absl::OkStatus();
}

absl::Status CheckFollows(const ChainHead& head,
                          const v1::StatementHeader& header) {
  const std::uint64_t expected = head.sequence + 1;
  const ErrorMetadata metadata = {
      {"seen_sequence", absl::StrCat(header.sequence())},
      {"expected_sequence", absl::StrCat(expected)},
      {"expected_previous_digest", ToHex(head.header_digest)}};
  if (header.sequence() != expected) {
    const bool gap = header.sequence() > expected;
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "statement ", header.statement_id(), " of ", header.publisher(),
            " has sequence ", header.sequence(), ", expected ", expected)),
        gap ? "SEQUENCE_GAP" : "SEQUENCE_TAKEN", metadata);
  }
  if (header.previous_digest() != head.header_digest) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "statement ", header.statement_id(), " of ", header.publisher(),
            " has predecessor ", ToHex(header.previous_digest()), ", expected ",
            head.header_digest.empty() ? "none" : ToHex(head.header_digest))),
        "WRONG_PREDECESSOR", metadata);
  }
  return absl::OkStatus();
}

std::string NewStatementId() {
  unsigned char b[16];
  RAND_bytes(b, sizeof b);
  b[6] = static_cast<unsigned char>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<unsigned char>((b[8] & 0x3f) | 0x80);
  const std::string hex = ToHex({reinterpret_cast<char*>(b), sizeof b});
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-",
                      hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

bool IsAgencyName(absl::string_view text) { return IsName(text); }

bool IsStatementId(absl::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (dash ? c != '-' : !hex) return false;
  }
  return true;
}

std::string NewPayloadNonce() {
  std::string nonce(kNonceBytes, '\0');
  RAND_bytes(reinterpret_cast<unsigned char*>(nonce.data()), kNonceBytes);
  return nonce;
}

absl::StatusOr<v1::Statement> StatementSigner::Sign(
    const ChainHead& head, const Content& content,
    absl::Time signed_time) const {
  v1::StatementHeader header;
  header.set_log_origin(log_origin_);
  header.set_publisher(publisher_);
  header.set_agency(content.agency);
  header.set_statement_id(content.statement_id);
  header.set_sequence(head.sequence + 1);
  header.set_previous_digest(head.header_digest);
  header.set_payload_type(content.payload_type);
  header.set_payload_digest(Sha256(content.payload));
  header.set_payload_size(content.payload.size());
  if (content.audience.scope() != v1::Audience::SCOPE_UNSPECIFIED) {
    *header.mutable_audience() = content.audience;
  }
  const std::int64_t nanos = absl::ToUnixNanos(signed_time);
  header.mutable_signed_time()->set_seconds(nanos / 1'000'000'000);
  header.mutable_signed_time()->set_nanos(
      static_cast<std::int32_t>(nanos % 1'000'000'000));

  v1::Statement statement;
  statement.set_header(header.SerializeAsString());
  auto signature = key_.Sign(DssePae(kStatementHeaderType, statement.header()));
  if (!signature.ok()) return signature.status();
  statement.set_signature(*std::move(signature));
  statement.set_key_id(key_.public_key().key_id());
  statement.set_payload(content.payload);
  return statement;
}

}  // namespace gaceta
