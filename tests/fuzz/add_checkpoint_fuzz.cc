#include "tests/client/verify/test_signers.h"
#include "tests/fuzz/fuzz.h"
#include "verify/add_checkpoint.h"

namespace gaceta::fuzz {
namespace {

bool IsAnswer(int status) {
  return status == 400 || status == 403 || status == 404 || status == 409 ||
         status == 422;
}

void FuzzRequest(absl::string_view body) {
  static const auto* const log = new NoteSigner(testing::LogSigner());
  const auto request = ParseAddCheckpoint(body);
  if (request.ok()) {
    Require(FormatAddCheckpoint(*request) == body, "a request has one form");
  }
  // A witness that knows nothing, and one at a size that the request names.
  const WitnessedLog at_old{request.ok() ? request->old_size : 0, EmptyRoot()};
  for (const WitnessedLog& known : {WitnessedLog(), at_old}) {
    const WitnessDecision decision =
        DecideAddCheckpoint(body, {log->public_key()}, known);
    if (decision.answer.status == 200) {
      Require(request.ok(), "what is accepted parses");
      Require(decision.checkpoint.size >= known.size, "no log shrinks");
    } else {
      Require(IsAnswer(decision.answer.status), "the answer is one of five");
      Require(request.ok() || decision.answer.status == 400,
              "what does not parse is a bad request");
      Require(decision.note.empty() || decision.answer.status == 422,
              "only what is signed is told of a refusal");
    }
    Require(decision.note.empty() || ParseNote(decision.note).value().text ==
                                         FormatCheckpoint(decision.checkpoint),
            "what is kept is what is cosigned, or the log has signed");
  }
}

}  // namespace
}  // namespace gaceta::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  gaceta::fuzz::FuzzRequest(gaceta::fuzz::TextOf(data, size));
  return 0;
}
