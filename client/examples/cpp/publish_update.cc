// Publishes one update through an agency's node, with its document, and waits
// until it is in the log.
//
//   publish_update SERVER SERVER_ID CERTIFICATE KEY ROOT UPDATE.json [DOCUMENT]
//
// UPDATE.json is a gaceta.v1.Update in the JSON of protobuf, which names the
// document by its SHA-256.
#include <fstream>
#include <iostream>
#include <sstream>

#include "errors/errors.h"
#include "gaceta/documents.h"
#include "gaceta/publisher.h"
#include "google/protobuf/util/json_util.h"
#include "verify/statement.h"

namespace {

int Fail(const absl::Status& status) {
  std::cerr << status << "\n";
  for (const auto& violation : gaceta::Violations(status)) {
    std::cerr << "  " << violation.field << ": " << violation.description
              << "\n";
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 7 && argc != 8) {
    std::cerr << "usage: publish_update SERVER SERVER_ID CERTIFICATE KEY ROOT "
                 "UPDATE.json [DOCUMENT]\n";
    return 2;
  }
  auto channel =
      gaceta::client::Connect({argv[1], argv[2], argv[3], argv[4], argv[5]});
  if (!channel.ok()) return Fail(channel.status());

  gaceta::client::UpdateSubmission submission;
  // A program that may crash keeps this, to send the same again.
  submission.submission_id = gaceta::NewStatementId();
  std::stringstream json;
  json << std::ifstream(argv[6]).rdbuf();
  const auto parsed = google::protobuf::util::JsonStringToMessage(
      json.str(), &submission.update);
  if (!parsed.ok()) return Fail(absl::InvalidArgumentError(parsed.ToString()));
  const absl::Time deadline = absl::Now() + absl::Minutes(1);
  if (argc == 8) {
    auto document = gaceta::client::DocumentClient::Create(*channel)->Upload(
        argv[7], deadline);
    if (!document.ok()) return Fail(document.status());
  }
  auto publisher = gaceta::client::Publisher::Create(*channel);
  auto taken = publisher->Submit(submission, deadline);
  if (!taken.ok()) return Fail(taken.status());
  auto ended = publisher->Wait(submission.submission_id, deadline);
  if (!ended.ok()) return Fail(ended.status());
  const absl::Status refused = gaceta::client::SubmissionError(*ended);
  if (!refused.ok()) return Fail(refused);
  std::cout << "position " << ended->receipt().position() << "\n";
}
