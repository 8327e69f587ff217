// Reads configuration files in protobuf text format, and reports what is wrong
// with line and column.
#ifndef GACETA_SERVER_CONFIG_CONFIG_FILE_H_
#define GACETA_SERVER_CONFIG_CONFIG_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"
#include "google/protobuf/text_format.h"

namespace gaceta {

// One file under reading. Collects what is wrong, so that all of it can be put
// right at once.
class ConfigFile {
 public:
  explicit ConfigFile(std::string path) : path_(std::move(path)) {}

  // Reads the file into `config`. kNotFound if it cannot be read;
  // kInvalidArgument lists what does not parse, as `file:line:column: text`.
  absl::Status Parse(google::protobuf::Message* config);

  // Adds what is wrong with `field` (as `tls.key_file`) of `config`, which
  // Parse() filled: reported where the field stands, or its nearest parent.
  void Wrong(const google::protobuf::Message& config, absl::string_view field,
             absl::string_view text);

  // Wrong() if the string field is not set or empty.
  void Require(const google::protobuf::Message& config, absl::string_view field,
               absl::string_view expected);
  // Wrong() if the value is outside of [least, most].
  void RequireRange(const google::protobuf::Message& config,
                    absl::string_view field, double value, double least,
                    double most);

  // kInvalidArgument with all that was added; OK if nothing was.
  absl::Status status() const;

 private:
  void Add(int line, int column, absl::string_view text);

  const std::string path_;
  google::protobuf::TextFormat::ParseInfoTree locations_;
  std::vector<std::string> wrong_;
};

}  // namespace gaceta

#endif  // GACETA_SERVER_CONFIG_CONFIG_FILE_H_
