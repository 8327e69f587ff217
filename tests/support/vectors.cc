#include "tests/support/vectors.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/util/json_util.h"

namespace gaceta::testing {
namespace {

std::string Folder() {
  const char* folder = std::getenv("GACETA_VECTORS_DIR");
  return folder == nullptr ? "" : folder;
}

const google::protobuf::Value& FieldOf(const google::protobuf::Value& one,
                                       const std::string& field) {
  static const auto* none = new google::protobuf::Value;
  const auto& fields = one.struct_value().fields();
  const auto found = fields.find(field);
  return found == fields.end() ? *none : found->second;
}

}  // namespace

bool HaveVectors() {
  return !Folder().empty() && std::ifstream(Folder() + "/dsse.json").good();
}

absl::StatusOr<google::protobuf::Struct> ReadVectors(absl::string_view file) {
  const std::string path = absl::StrCat(Folder(), "/", file);
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  const std::string json(std::istreambuf_iterator<char>(in), {});
  google::protobuf::Struct parsed;
  const auto status =
      google::protobuf::util::JsonStringToMessage(json, &parsed);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", status.ToString()));
  }
  return parsed;
}

const std::string& TextOf(const google::protobuf::Value& one,
                          const std::string& field) {
  return FieldOf(one, field).string_value();
}

bool TruthOf(const google::protobuf::Value& one, const std::string& field) {
  return FieldOf(one, field).bool_value();
}

}  // namespace gaceta::testing
