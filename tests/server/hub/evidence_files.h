// Reads back what the hub keeps as evidence.
#ifndef GACETA_TESTS_SERVER_HUB_EVIDENCE_FILES_H_
#define GACETA_TESTS_SERVER_HUB_EVIDENCE_FILES_H_

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gaceta/v1/statement.pb.h"
#include "google/protobuf/util/json_util.h"
#include "gtest/gtest.h"

namespace gaceta::testing {

inline std::vector<v1::Evidence> EvidenceIn(const std::string& folder) {
  std::vector<v1::Evidence> all;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string json(std::istreambuf_iterator<char>(stream), {});
    v1::Evidence evidence;
    EXPECT_TRUE(
        google::protobuf::util::JsonStringToMessage(json, &evidence).ok())
        << file.path();
    all.push_back(evidence);
  }
  return all;
}

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_SERVER_HUB_EVIDENCE_FILES_H_
