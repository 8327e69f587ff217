#include "server/config/config_file.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/tokenizer.h"

namespace gaceta {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::TextFormat;

// Passes what the parser meets on. Lines and columns come from 0.
class Collector : public google::protobuf::io::ErrorCollector {
 public:
  using Report = std::function<void(int, int, const std::string&)>;
  explicit Collector(Report report) : report_(std::move(report)) {}

  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    report_(line, column, message);
  }

 private:
  const Report report_;
};

}  // namespace

absl::Status ConfigFile::Parse(Message* config) {
  std::ifstream file(path_, std::ios::binary);
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat("cannot read configuration ", path_));
  }
  const std::string text(std::istreambuf_iterator<char>(file), {});
  Collector collector([this](int line, int column, const std::string& what) {
    Add(line, column, what);
  });
  TextFormat::Parser parser;
  parser.RecordErrorsTo(&collector);
  parser.WriteLocationsTo(&locations_);
  if (!parser.ParseFromString(text, config) && wrong_.empty()) {
    Add(0, 0, "is not protobuf text format");
  }
  return status();
}

void ConfigFile::Add(int line, int column, absl::string_view text) {
  wrong_.push_back(
      absl::StrCat(path_, ":", line + 1, ":", column + 1, ": ", text));
}

void ConfigFile::Wrong(const Message& config, absl::string_view field,
                       absl::string_view text) {
  // Goes down the path as far as the file went.
  const google::protobuf::Descriptor* type = config.GetDescriptor();
  const TextFormat::ParseInfoTree* tree = &locations_;
  TextFormat::ParseLocation location(0, 0);
  for (const absl::string_view name : absl::StrSplit(field, '.')) {
    const FieldDescriptor* step = type->FindFieldByName(std::string(name));
    if (step == nullptr || tree == nullptr) break;
    const int index = step->is_repeated() ? 0 : -1;
    const TextFormat::ParseLocation found = tree->GetLocation(step, index);
    if (found.line < 0) break;
    location = found;
    if (step->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) break;
    tree = tree->GetTreeForNested(step, index);
    type = step->message_type();
  }
  Add(location.line, location.column, absl::StrCat(field, ": ", text));
}

void ConfigFile::Require(const Message& config, absl::string_view field,
                         absl::string_view expected) {
  const Message* message = &config;
  std::vector<std::string> path = absl::StrSplit(field, '.');
  for (std::size_t i = 0; i < path.size(); ++i) {
    const FieldDescriptor* step =
        message->GetDescriptor()->FindFieldByName(path[i]);
    if (i + 1 < path.size()) {
      message = &message->GetReflection()->GetMessage(*message, step);
    } else if (message->GetReflection()->GetString(*message, step).empty()) {
      Wrong(config, field, absl::StrCat("is missing, expected ", expected));
    }
  }
}

void ConfigFile::RequireRange(const Message& config, absl::string_view field,
                              double value, double least, double most) {
  if (value >= least && value <= most) return;
  Wrong(config, field,
        absl::StrCat("is ", value, ", expected ", least, " to ", most));
}

absl::Status ConfigFile::status() const {
  if (wrong_.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(wrong_, "\n"));
}

}  // namespace gaceta
