#include "tests/bench/statements.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gaceta/v1/publishing.pb.h"
#include "tests/bench/bench_federation.h"
#include "verify/digest.h"

namespace gaceta::bench {
namespace {

// 64 characters, so that each is 6 random bits.
constexpr absl::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";

std::string RandomText(std::size_t size, absl::BitGen& random) {
  std::string text(size, ' ');
  for (char& c : text) {
    c = kLetters[absl::Uniform<std::size_t>(random, 0, kLetters.size())];
  }
  return text;
}

}  // namespace

std::string ClassPrefix(absl::string_view publisher, int number) {
  // As many digits for each class, so that none is the beginning of another.
  return absl::StrCat("urn:lex:", absl::AsciiStrToLower(publisher),
                      ":estado:ley:2004-03-03;", kClasses + number);
}

v1::Update RandomUpdate(absl::string_view publisher, std::uint64_t number,
                        absl::BitGen& random) {
  v1::Update update;
  update.set_nonce(NewPayloadNonce());
  update.set_kind(v1::UPDATE_KIND_LEGISLATION);
  update.set_event(v1::UPDATE_EVENT_PUBLICATION);
  v1::Instrument* instrument = update.mutable_instrument();
  instrument->set_uri(absl::StrCat(
      ClassPrefix(publisher, static_cast<int>(number % kClasses)), number));
  instrument->set_type(v1::INSTRUMENT_TYPE_LAW);
  v1::Title* title = instrument->add_titles();
  title->set_language("es");
  title->set_text("Ley de Migración y Extranjería");
  instrument->add_topics("entry-visa");
  v1::LocalizedText* abstract = update.add_abstracts();
  abstract->set_language("es");
  abstract->set_text(RandomText(kPayloadBytes / 2, random));
  // Sizes of lengths do not change any more, so that the rest fits exactly.
  const std::size_t missing = kPayloadBytes - update.ByteSizeLong();
  absl::StrAppend(abstract->mutable_text(), RandomText(missing, random));
  return update;
}

absl::StatusOr<v1::Statement> SignStatement(const StatementSigner& signer,
                                            absl::string_view payload_type,
                                            std::string payload,
                                            ChainHead* head) {
  StatementSigner::Content content;
  content.statement_id = NewStatementId();
  content.payload_type = std::string(payload_type);
  content.payload = std::move(payload);
  auto statement = signer.Sign(*head, content, absl::Now());
  if (!statement.ok()) return statement.status();
  *head = {head->sequence + 1, Sha256(statement->header())};
  return statement;
}

absl::StatusOr<grpc::ByteBuffer> SignRequest(const StatementSigner& signer,
                                             absl::string_view payload_type,
                                             std::string payload,
                                             ChainHead* head) {
  auto statement =
      SignStatement(signer, payload_type, std::move(payload), head);
  if (!statement.ok()) return statement.status();
  v1::PublishRequest request;
  *request.mutable_statement() = *std::move(statement);
  const grpc::Slice slice(request.SerializeAsString());
  return grpc::ByteBuffer(&slice, 1);
}

absl::StatusOr<std::vector<grpc::ByteBuffer>> SignRequests(
    absl::string_view publisher, const SigningKey& key, ChainHead head,
    int count) {
  const StatementSigner signer(std::string(kLogOrigin), std::string(publisher),
                               key);
  absl::BitGen random;
  std::vector<grpc::ByteBuffer> requests;
  requests.reserve(count);
  for (int i = 0; i < count; ++i) {
    auto request = SignRequest(
        signer, kUpdatePayloadType,
        RandomUpdate(publisher, head.sequence + 1, random).SerializeAsString(),
        &head);
    if (!request.ok()) return request.status();
    requests.push_back(*std::move(request));
  }
  return requests;
}

}  // namespace gaceta::bench
