// Statements to publish, signed before anything is measured.
#ifndef GACETA_TESTS_BENCH_STATEMENTS_H_
#define GACETA_TESTS_BENCH_STATEMENTS_H_

#include <string>
#include <vector>

#include "absl/random/random.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gaceta/v1/update.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "verify/keys.h"
#include "verify/statement.h"

namespace gaceta::bench {

inline constexpr std::size_t kPayloadBytes = 1024;

// Updates are of as many classes, one after the other, so that a filter can let
// one of them pass.
inline constexpr int kClasses = 100;

// How the name of every instrument of a class begins; an update with number n
// is of class n % kClasses.
std::string ClassPrefix(absl::string_view publisher, int number);

// A lawful update of kPayloadBytes, of an instrument of its own, with random
// text: nothing in it compresses well or repeats.
v1::Update RandomUpdate(absl::string_view publisher, std::uint64_t number,
                        absl::BitGen& random);

// Returns `count` PublishRequests, ready to send, that continue `head`.
absl::StatusOr<std::vector<grpc::ByteBuffer>> SignRequests(
    absl::string_view publisher, const SigningKey& key, ChainHead head,
    int count);

// One statement that continues `*head`, which moves on to it.
absl::StatusOr<v1::Statement> SignStatement(const StatementSigner& signer,
                                            absl::string_view payload_type,
                                            std::string payload,
                                            ChainHead* head);

// The same as a PublishRequest.
absl::StatusOr<grpc::ByteBuffer> SignRequest(const StatementSigner& signer,
                                             absl::string_view payload_type,
                                             std::string payload,
                                             ChainHead* head);

}  // namespace gaceta::bench

#endif  // GACETA_TESTS_BENCH_STATEMENTS_H_
