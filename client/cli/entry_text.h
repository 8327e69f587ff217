// Writes verified entries: one line for people, all of it for people, JSON for
// programs.
#ifndef GACETA_CLIENT_CLI_ENTRY_TEXT_H_
#define GACETA_CLIENT_CLI_ENTRY_TEXT_H_

#include <ostream>
#include <string>

#include "cli/messages.h"
#include "gaceta/v1/update.pb.h"
#include "google/protobuf/message.h"
#include "verify/entry_verifier.h"

namespace gaceta::cli {

// Returns the title in `language` if there is one, else in one of the languages
// of the OAS, else the first.
std::string TitleOf(const v1::Update& update, Language language);

// Returns position, time recorded, state, event, instrument, title and the mark
// of verification, without an end of line.
std::string EntryLine(const VerifiedEntry& entry, Language language);

// Writes every field of the header and of the update.
void PrintEntry(std::ostream& out, const VerifiedEntry& entry,
                Language language);

// Returns `{"position":…,"recordedTime":…,"header":{…},"update":{…},
// "verified":true}` in one line. Without a payload, `omission` says why instead
// of `update`.
std::string EntryJson(const VerifiedEntry& entry);

// Writes the fields of a message that are set, one a line, messages indented;
// enums by their short names, bytes in hex.
void PrintFields(std::ostream& out, const google::protobuf::Message& message,
                 int indent);

}  // namespace gaceta::cli

#endif  // GACETA_CLIENT_CLI_ENTRY_TEXT_H_
