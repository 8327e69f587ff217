// Documents that a person attaches to an update on the command line.
#ifndef GACETA_CLIENT_CLI_DOCUMENT_FLAG_H_
#define GACETA_CLIENT_CLI_DOCUMENT_FLAG_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/submission_input.h"
#include "gaceta/v1/update.pb.h"

namespace gaceta::cli {

// `PATH[:LANGUAGE[:LEGAL_VALUE[:MEDIA_TYPE]]]`, as typed.
struct DocumentFlag {
  std::string path;
  // Empty: that of the update's first title.
  std::string language;
  v1::LegalValue legal_value = v1::LEGAL_VALUE_UNOFFICIAL;
  // Empty: by the end of the file's name.
  std::string media_type;
};

// A UsageError() says which part is wrong. A path that is a file as it stands
// may have colons.
absl::StatusOr<DocumentFlag> ParseDocumentFlag(absl::string_view text);

// Returns the media type that goes with the end of a file's name.
std::string MediaTypeOf(absl::string_view path);

// Adds the file to the update, with its digest and size, unless the update
// names it already. A derived submission id is derived again.
absl::Status AttachDocument(const DocumentFlag& document,
                            SubmissionInput* input);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_DOCUMENT_FLAG_H_
