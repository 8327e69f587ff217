#include "tests/client/verify/test_log.h"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/support/vectors.h"

namespace gaceta::testing {
namespace {

// Largest power of two below n.
std::int64_t SplitOf(std::int64_t n) {
  std::int64_t k = 1;
  while (2 * k < n) k *= 2;
  return k;
}

TreeHash ToHash(absl::string_view bytes) {
  auto hashes = SplitHashes(bytes);
  EXPECT_TRUE(hashes.ok() && hashes->size() == 1) << bytes.size();
  return hashes.ok() && hashes->size() == 1 ? hashes->front() : TreeHash{};
}

std::string Decode(const std::string& base64) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(base64, &bytes)) << base64;
  return bytes;
}

}  // namespace

TreeByTheBook::TreeByTheBook(std::int64_t size) {
  for (std::int64_t i = 0; i < size; ++i) {
    leaves_.push_back(HashLeaf(absl::StrCat("shared leaf ", i)));
  }
}

TreeHash TreeByTheBook::Root(std::int64_t begin, std::int64_t end) {
  if (begin == end) return EmptyRoot();
  if (end - begin == 1) return leaves_[begin];
  const auto known = roots_.find({begin, end});
  if (known != roots_.end()) return known->second;
  const std::int64_t middle = begin + SplitOf(end - begin);
  const TreeHash root = HashChildren(Root(begin, middle), Root(middle, end));
  roots_.emplace(std::make_pair(begin, end), root);
  return root;
}

std::vector<TreeHash> TreeByTheBook::Path(std::int64_t index,
                                          std::int64_t begin,
                                          std::int64_t end) {
  if (end - begin == 1) return {};
  const std::int64_t k = SplitOf(end - begin);
  const std::int64_t middle = begin + k;
  std::vector<TreeHash> path;
  if (index < k) {
    path = Path(index, begin, middle);
    path.push_back(Root(middle, end));
  } else {
    path = Path(index - k, middle, end);
    path.push_back(Root(begin, middle));
  }
  return path;
}

std::vector<TreeHash> TreeByTheBook::Subproof(std::int64_t m,
                                              std::int64_t begin,
                                              std::int64_t end, bool whole) {
  if (m == end - begin) {
    if (whole) return {};
    return {Root(begin, end)};
  }
  const std::int64_t k = SplitOf(end - begin);
  const std::int64_t middle = begin + k;
  std::vector<TreeHash> proof;
  if (m <= k) {
    proof = Subproof(m, begin, middle, whole);
    proof.push_back(Root(middle, end));
  } else {
    proof = Subproof(m - k, middle, end, false);
    proof.push_back(Root(begin, middle));
  }
  return proof;
}

TreeHash WithBit(TreeHash hash, int bit) {
  char& byte = hash[static_cast<std::size_t>(bit) / 8];
  byte = static_cast<char>(byte ^ (1 << bit % 8));
  return hash;
}

std::string ReadVectorFile(const std::string& path) {
  const char* folder = std::getenv("GACETA_VECTORS_DIR");
  std::ifstream in(absl::StrCat(folder == nullptr ? "" : folder, "/", path),
                   std::ios::binary);
  EXPECT_TRUE(in.good()) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

google::protobuf::Struct ReadVectorJson(const std::string& path) {
  auto json = ReadVectors(path);
  EXPECT_TRUE(json.ok()) << json.status();
  return json.ok() ? *std::move(json) : google::protobuf::Struct();
}

const JsonList& ListOf(const google::protobuf::Struct& one,
                       const std::string& field) {
  static const auto* none = new JsonList;
  const auto found = one.fields().find(field);
  return found == one.fields().end() ? *none
                                     : found->second.list_value().values();
}

const JsonList& ListOf(const google::protobuf::Value& one,
                       const std::string& field) {
  return ListOf(one.struct_value(), field);
}

std::int64_t NumberOf(const google::protobuf::Value& one,
                      const std::string& field) {
  const auto& fields = one.struct_value().fields();
  const auto found = fields.find(field);
  EXPECT_NE(found, fields.end()) << field;
  return found == fields.end()
             ? -1
             : static_cast<std::int64_t>(found->second.number_value());
}

std::string BytesOf(const google::protobuf::Value& one,
                    const std::string& field) {
  return Decode(TextOf(one, field));
}

TreeHash HashOf(const google::protobuf::Value& one, const std::string& field) {
  return ToHash(BytesOf(one, field));
}

std::vector<TreeHash> HashesOf(const google::protobuf::Value& one,
                               const std::string& field) {
  std::vector<TreeHash> hashes;
  for (const auto& hash : ListOf(one, field)) {
    hashes.push_back(ToHash(Decode(hash.string_value())));
  }
  return hashes;
}

}  // namespace gaceta::testing
