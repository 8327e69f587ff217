// Recognises messages that a program of a later version wrote.
#ifndef GACETA_CLIENT_VERIFY_LATER_VERSION_H_
#define GACETA_CLIENT_VERIFY_LATER_VERSION_H_

#include <string>

#include "google/protobuf/message.h"

namespace gaceta {

// Returns the path of the first field or value in `message`, or in a message
// below it, that this program does not know: `items[2].field 9` for a field
// number, `items[0].member.status = 7` for a value of an enum. Empty if the
// program knows all of it.
//
// proto3 keeps both when it parses, so a program that acts on a message without
// this question acts on a part of it.
std::string FindLaterVersion(const google::protobuf::Message& message);

}  // namespace gaceta

#endif  // GACETA_CLIENT_VERIFY_LATER_VERSION_H_
