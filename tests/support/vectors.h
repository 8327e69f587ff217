// Bytes that other implementations made, where a copy of them is at hand.
#ifndef GACETA_TESTS_SUPPORT_VECTORS_H_
#define GACETA_TESTS_SUPPORT_VECTORS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/struct.pb.h"

namespace gaceta::testing {

// Whether the environment names a folder with vectors (GACETA_VECTORS_DIR).
// Tests that need it are skipped elsewhere, with kNoVectors as the reason.
bool HaveVectors();
inline constexpr absl::string_view kNoVectors =
    "no vectors: set GACETA_VECTORS_DIR to a folder that has dsse.json and "
    "spiffe.json";

// Returns one JSON file of that folder.
absl::StatusOr<google::protobuf::Struct> ReadVectors(absl::string_view file);

// A text, or a truth value, of one case. Empty or false if it has none.
const std::string& TextOf(const google::protobuf::Value& one,
                          const std::string& field);
bool TruthOf(const google::protobuf::Value& one, const std::string& field);

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SUPPORT_VECTORS_H_
