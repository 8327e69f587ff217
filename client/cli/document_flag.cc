#include "cli/document_flag.h"

#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/command.h"
#include "cli/filter_flags.h"
#include "gaceta/documents.h"

namespace gaceta::cli {

absl::StatusOr<DocumentFlag> ParseDocumentFlag(absl::string_view text) {
  DocumentFlag document;
  std::error_code error;
  if (std::filesystem::is_regular_file(std::string(text), error)) {
    document.path = std::string(text);
    return document;
  }
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  if (parts[0].empty() || parts.size() > 4) {
    return UsageError(
        absl::StrCat("--document \"", text,
                     "\": expected PATH[:LANGUAGE[:LEGAL_VALUE[:MEDIA_TYPE]]], "
                     "as ley.pdf:es:official"));
  }
  document.path = parts[0];
  if (parts.size() > 1) document.language = parts[1];
  if (parts.size() > 2 && !parts[2].empty()) {
    absl::StatusOr<int> value = ParseEnum(*v1::LegalValue_descriptor(),
                                          "--document legal value", parts[2]);
    if (!value.ok()) return value.status();
    document.legal_value = static_cast<v1::LegalValue>(*value);
  }
  if (parts.size() > 3) document.media_type = parts[3];
  return document;
}

std::string MediaTypeOf(absl::string_view path) {
  struct Ending {
    absl::string_view ending;
    absl::string_view media_type;
  };
  constexpr Ending kEndings[] = {
      {".pdf", "application/pdf"},
      {".xml", "application/xml"},
      {".html", "text/html"},
      {".htm", "text/html"},
      {".txt", "text/plain"},
      {".md", "text/markdown"},
      {".json", "application/json"},
      {".docx",
       "application/"
       "vnd.openxmlformats-officedocument.wordprocessingml.document"},
      {".odt", "application/vnd.oasis.opendocument.text"},
  };
  const std::string lower = absl::AsciiStrToLower(path);
  for (const Ending& known : kEndings) {
    if (absl::EndsWith(lower, known.ending)) {
      return std::string(known.media_type);
    }
  }
  return "application/octet-stream";
}

absl::Status AttachDocument(const DocumentFlag& flag, SubmissionInput* input) {
  absl::StatusOr<client::DocumentRef> file = client::DescribeFile(flag.path);
  if (!file.ok()) return file.status();
  input->document_files[file->sha256] = flag.path;

  v1::Update* update = input->request.mutable_update();
  for (const v1::Document& known : update->documents()) {
    if (known.sha256() == file->sha256) return absl::OkStatus();
  }
  v1::Document* document = update->add_documents();
  document->set_sha256(file->sha256);
  document->set_size(file->size);
  document->set_legal_value(flag.legal_value);
  document->set_media_type(flag.media_type.empty() ? MediaTypeOf(flag.path)
                                                   : flag.media_type);
  if (!flag.language.empty()) {
    document->set_language(flag.language);
  } else if (!update->instrument().titles().empty()) {
    document->set_language(update->instrument().titles(0).language());
  }
  if (input->id_is_derived) DeriveSubmissionId(input->state, &input->request);
  return absl::OkStatus();
}

}  // namespace gaceta::cli
