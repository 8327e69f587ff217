#include "verify/later_version.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/unknown_field_set.h"

namespace gaceta {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

std::string UnknownEnumValue(const Message& message,
                             const FieldDescriptor* field,
                             const std::string& path) {
  const Reflection* reflection = message.GetReflection();
  const int count =
      field->is_repeated() ? reflection->FieldSize(message, field) : 1;
  for (int i = 0; i < count; ++i) {
    const int value = field->is_repeated()
                          ? reflection->GetRepeatedEnumValue(message, field, i)
                          : reflection->GetEnumValue(message, field);
    if (field->enum_type()->FindValueByNumber(value) == nullptr) {
      return absl::StrCat(path, " = ", value);
    }
  }
  return "";
}

std::string Find(const Message& message, const std::string& prefix);

std::string FindBelow(const Message& message, const FieldDescriptor* field,
                      const std::string& path) {
  const Reflection* reflection = message.GetReflection();
  if (!field->is_repeated()) {
    return Find(reflection->GetMessage(message, field),
                absl::StrCat(path, "."));
  }
  for (int i = 0; i < reflection->FieldSize(message, field); ++i) {
    std::string found = Find(reflection->GetRepeatedMessage(message, field, i),
                             absl::StrCat(path, "[", i, "]."));
    if (!found.empty()) return found;
  }
  return "";
}

std::string Find(const Message& message, const std::string& prefix) {
  const Reflection* reflection = message.GetReflection();
  if (const auto& unknown = reflection->GetUnknownFields(message);
      !unknown.empty()) {
    return absl::StrCat(prefix, "field ", unknown.field(0).number());
  }
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string path = absl::StrCat(prefix, field->name());
    std::string found;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_ENUM) {
      found = UnknownEnumValue(message, field, path);
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      found = FindBelow(message, field, path);
    }
    if (!found.empty()) return found;
  }
  return "";
}

}  // namespace

std::string FindLaterVersion(const Message& message) {
  return Find(message, "");
}

}  // namespace gaceta
