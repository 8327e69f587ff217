// A log for tests: signers, a tree by the book, and the vectors of others.
#ifndef GACETA_TESTS_CLIENT_VERIFY_TEST_LOG_H_
#define GACETA_TESTS_CLIENT_VERIFY_TEST_LOG_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/struct.pb.h"
#include "tests/client/verify/test_signers.h"  // IWYU pragma: export
#include "verify/merkle.h"
#include "verify/tree_proofs.h"

namespace gaceta::testing {

// RFC 6962 word by word, slowly: roots, PATH and SUBPROOF as it defines them.
class TreeByTheBook {
 public:
  explicit TreeByTheBook(std::int64_t size);

  const TreeHash& leaf(std::int64_t i) const { return leaves_[i]; }
  // MTH(D[begin:end]).
  TreeHash Root(std::int64_t begin, std::int64_t end);
  TreeHash Root(std::int64_t size) { return Root(0, size); }
  // PATH(index, D[begin:end]).
  std::vector<TreeHash> Path(std::int64_t index, std::int64_t begin,
                             std::int64_t end);
  // PROOF(old_size, D[0:new_size]), empty for equal sizes.
  std::vector<TreeHash> Proof(std::int64_t old_size, std::int64_t new_size) {
    return Subproof(old_size, 0, new_size, true);
  }

  absl::StatusOr<TreeHash> Read(const Subtree& subtree) {
    const std::int64_t width = std::int64_t{1} << subtree.level;
    return Root(subtree.index * width, (subtree.index + 1) * width);
  }

 private:
  // SUBPROOF(m, D[begin:end], whole).
  std::vector<TreeHash> Subproof(std::int64_t m, std::int64_t begin,
                                 std::int64_t end, bool whole);

  std::vector<TreeHash> leaves_;
  std::map<std::pair<std::int64_t, std::int64_t>, TreeHash> roots_;
};

// `hash` with one bit flipped.
TreeHash WithBit(TreeHash hash, int bit);

// A file of the folder with vectors; the test fails if it is not there.
std::string ReadVectorFile(const std::string& path);
google::protobuf::Struct ReadVectorJson(const std::string& path);

using JsonList = google::protobuf::RepeatedPtrField<google::protobuf::Value>;
const JsonList& ListOf(const google::protobuf::Struct& one,
                       const std::string& field);
const JsonList& ListOf(const google::protobuf::Value& one,
                       const std::string& field);
std::int64_t NumberOf(const google::protobuf::Value& one,
                      const std::string& field);
// From base64.
std::string BytesOf(const google::protobuf::Value& one,
                    const std::string& field);
TreeHash HashOf(const google::protobuf::Value& one, const std::string& field);
std::vector<TreeHash> HashesOf(const google::protobuf::Value& one,
                               const std::string& field);

}  // namespace gaceta::testing

#endif  // GACETA_TESTS_CLIENT_VERIFY_TEST_LOG_H_
