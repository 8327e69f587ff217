#include "cli/entry_text.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "cli/filter_flags.h"
#include "cli/output.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"
#include "verify/digest.h"
#include "verify/statement.h"

namespace gaceta::cli {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// In the order in which a title is looked for.
std::vector<absl::string_view> LanguagesFor(Language language) {
  switch (language) {
    case Language::kSpanish:
      return {"es", "en", "pt", "fr"};
    case Language::kPortuguese:
      return {"pt", "es", "en", "fr"};
    case Language::kFrench:
      return {"fr", "en", "es", "pt"};
    case Language::kEnglish:
      break;
  }
  return {"en", "es", "pt", "fr"};
}

// Whether `tag` is `language` or one of its variants, as `pt-BR`.
bool IsOfLanguage(absl::string_view tag, absl::string_view language) {
  return absl::StartsWith(tag, language) &&
         (tag.size() == language.size() || tag[language.size()] == '-');
}

// What stands for an update that is not there.
std::string WithoutPayload(const VerifiedEntry& entry, Language language) {
  if (entry.entry.omission() == v1::Entry::OMISSION_RESTRICTED) {
    return absl::StrCat("(", Say(language, Phrase::kRestricted), ")");
  }
  if (entry.entry.omission() == v1::Entry::OMISSION_ERASED) {
    return absl::StrCat("(", Say(language, Phrase::kErased), ")");
  }
  return absl::StrCat("(", entry.header.payload_type(), ")");
}

// Returns one value of a field that is no message; `index` is -1 for a field
// that is not repeated.
std::string ValueText(const Message& message, const FieldDescriptor* field,
                      int index) {
  const Reflection* reflection = message.GetReflection();
  const bool one = index < 0;
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          one ? reflection->GetString(message, field)
              : reflection->GetRepeatedString(message, field, index);
      return field->type() == FieldDescriptor::TYPE_BYTES ? ToHex(text)
                                                          : OneLine(text);
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return EnumName(
          *field->enum_type(),
          one ? reflection->GetEnumValue(message, field)
              : reflection->GetRepeatedEnumValue(message, field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return absl::StrCat(reflection->GetInt64(message, field));
    case FieldDescriptor::CPPTYPE_UINT64:
      return absl::StrCat(reflection->GetUInt64(message, field));
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrCat(reflection->GetInt32(message, field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection->GetBool(message, field) ? "true" : "false";
    default:
      return "";
  }
}

void PrintMessageField(std::ostream& out, const std::string& margin,
                       const std::string& name, const Message& value,
                       int indent) {
  if (value.GetDescriptor() == google::protobuf::Timestamp::descriptor()) {
    google::protobuf::Timestamp time;
    time.CopyFrom(value);
    out << margin << name << ": "
        << google::protobuf::util::TimeUtil::ToString(time) << '\n';
    return;
  }
  out << margin << name << '\n';
  PrintFields(out, value, indent + 2);
}

}  // namespace

std::string TitleOf(const v1::Update& update, Language language) {
  for (absl::string_view wanted : LanguagesFor(language)) {
    for (const v1::Title& title : update.instrument().titles()) {
      if (IsOfLanguage(title.language(), wanted)) return title.text();
    }
  }
  return update.instrument().titles().empty()
             ? ""
             : update.instrument().titles(0).text();
}

std::string EntryLine(const VerifiedEntry& entry, Language language) {
  std::string what;
  if (entry.update != nullptr) {
    what = absl::StrCat(NameOf(entry.update->event()), "  ",
                        entry.update->instrument().uri(), "  ",
                        TitleOf(*entry.update, language));
  } else {
    what = WithoutPayload(entry, language);
  }
  return OneLine(absl::StrCat(entry.position, "  ",
                              TimeText(entry.recorded_time), "  ",
                              entry.header.publisher(), "  ", what, "  ✓ ",
                              Say(language, Phrase::kVerified)));
}

void PrintFields(std::ostream& out, const Message& message, int indent) {
  const Reflection* reflection = message.GetReflection();
  const std::string margin(static_cast<std::size_t>(indent), ' ');
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(message, &fields);
  for (const FieldDescriptor* field : fields) {
    const std::string& name = field->name();
    // Random bytes tell nobody anything.
    if (name == "nonce") continue;
    const bool is_message =
        field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (!field->is_repeated()) {
      if (is_message) {
        PrintMessageField(out, margin, name,
                          reflection->GetMessage(message, field), indent);
      } else {
        out << margin << name << ": " << ValueText(message, field, -1) << '\n';
      }
      continue;
    }
    const int count = reflection->FieldSize(message, field);
    std::vector<std::string> values;
    for (int i = 0; i < count; ++i) {
      if (is_message) {
        PrintMessageField(out, margin, name,
                          reflection->GetRepeatedMessage(message, field, i),
                          indent);
      } else {
        values.push_back(ValueText(message, field, i));
      }
    }
    if (!is_message) {
      out << margin << name << ": " << absl::StrJoin(values, ", ") << '\n';
    }
  }
}

void PrintEntry(std::ostream& out, const VerifiedEntry& entry,
                Language language) {
  out << "position: " << entry.position << '\n'
      << "recorded_time: " << TimeText(entry.recorded_time) << '\n'
      << "verified: ✓ " << Say(language, Phrase::kVerified) << '\n'
      << "header\n";
  PrintFields(out, entry.header, 2);
  if (entry.update == nullptr) {
    out << "payload: " << WithoutPayload(entry, language) << '\n';
    return;
  }
  out << "update\n";
  PrintFields(out, *entry.update, 2);
}

std::string EntryJson(const VerifiedEntry& entry) {
  std::string payload;
  if (entry.update != nullptr) {
    payload = absl::StrCat(",\"update\":", ToJson(*entry.update));
  } else if (entry.entry.omission() != v1::Entry::OMISSION_UNSPECIFIED) {
    payload = absl::StrCat(
        ",\"omission\":",
        JsonString(v1::Entry::Omission_Name(entry.entry.omission())));
  }
  return absl::StrCat(
      "{\"position\":", entry.position, ",\"recordedTime\":",
      JsonString(absl::FormatTime(absl::RFC3339_full, entry.recorded_time,
                                  absl::UTCTimeZone())),
      ",\"header\":", ToJson(entry.header), payload, ",\"verified\":true}");
}

}  // namespace gaceta::cli
