#include "verify/tree_proofs.h"

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"
#include "verify/merkle.h"

namespace gaceta {
namespace {

using testing::TreeByTheBook;

// Full subtrees of a large tree, level by level.
class Levels {
 public:
  explicit Levels(std::int64_t size) : levels_(1) {
    for (std::int64_t i = 0; i < size; ++i) {
      levels_[0].push_back(HashLeaf(absl::StrCat("shared leaf ", i)));
    }
    while (levels_.back().size() > 1) {
      const std::vector<TreeHash>& below = levels_.back();
      std::vector<TreeHash> level(below.size() / 2);
      for (std::size_t i = 0; i < level.size(); ++i) {
        level[i] = HashChildren(below[2 * i], below[2 * i + 1]);
      }
      levels_.push_back(std::move(level));
    }
  }

  absl::StatusOr<TreeHash> operator()(const Subtree& subtree) const {
    const auto level = static_cast<std::size_t>(subtree.level);
    const auto index = static_cast<std::size_t>(subtree.index);
    if (level >= levels_.size() || index >= levels_[level].size()) {
      return absl::NotFoundError("no such subtree");
    }
    return levels_[level][index];
  }

 private:
  std::vector<std::vector<TreeHash>> levels_;
};

TEST(TreeProofsTest, AreThoseOfTheBookForAllSmallTrees) {
  constexpr std::int64_t kMax = 300;
  TreeByTheBook tree(kMax);
  const auto read = [&](const Subtree& subtree) { return tree.Read(subtree); };

  for (std::int64_t size = 0; size <= kMax; ++size) {
    ASSERT_EQ(ReadRoot(size, read).value(), tree.Root(size)) << size;
    for (std::int64_t index = 0; index < size; ++index) {
      ASSERT_EQ(InclusionProof(index, size, read).value(),
                tree.Path(index, 0, size))
          << index << " of " << size;
    }
    for (std::int64_t old_size = 1; old_size <= size; ++old_size) {
      ASSERT_EQ(ConsistencyProof(old_size, size, read).value(),
                tree.Proof(old_size, size))
          << old_size << " to " << size;
    }
    ASSERT_TRUE(ConsistencyProof(0, size, read).value().empty());
  }
}

TEST(TreeProofsTest, HoldForRandomPlacesOfALargeTree) {
  constexpr std::int64_t kMax = 1'000'000;
  const Levels levels(kMax);
  std::mt19937 random(20262);

  for (int round = 0; round < 5000; ++round) {
    const std::int64_t size = 1 + random() % kMax;
    const std::int64_t index = random() % size;
    const std::int64_t old_size = random() % (size + 1);
    const TreeHash root = ReadRoot(size, levels).value();
    const TreeHash old_root = ReadRoot(old_size, levels).value();
    const auto inclusion = InclusionProof(index, size, levels).value();
    const auto consistency = ConsistencyProof(old_size, size, levels).value();
    const TreeHash leaf = levels({0, index}).value();

    ASSERT_TRUE(VerifyInclusion(leaf, index, size, inclusion, root).ok())
        << index << " of " << size;
    ASSERT_TRUE(
        VerifyConsistency(old_size, old_root, size, root, consistency).ok())
        << old_size << " to " << size;
    ASSERT_LE(inclusion.size(), 20u);
    ASSERT_LE(consistency.size(), 21u);
    for (std::size_t i = 0; i < inclusion.size(); ++i) {
      auto altered = inclusion;
      altered[i] = testing::WithBit(altered[i], random() % 256);
      ASSERT_FALSE(VerifyInclusion(leaf, index, size, altered, root).ok());
    }
    for (std::size_t i = 0; i < consistency.size(); ++i) {
      auto altered = consistency;
      altered[i] = testing::WithBit(altered[i], random() % 256);
      ASSERT_FALSE(
          VerifyConsistency(old_size, old_root, size, root, altered).ok());
    }
  }
}

TEST(TreeProofsTest, WhatIsNotInTheTreeHasNoProof) {
  const Levels levels(4);
  const auto out_of_range = absl::StatusCode::kOutOfRange;

  EXPECT_EQ(InclusionProof(4, 4, levels).status().code(), out_of_range);
  EXPECT_EQ(InclusionProof(-1, 4, levels).status().code(), out_of_range);
  EXPECT_EQ(InclusionProof(0, 0, levels).status().code(), out_of_range);
  EXPECT_EQ(ConsistencyProof(4, 3, levels).status().code(), out_of_range);
  EXPECT_EQ(ConsistencyProof(-1, 3, levels).status().code(), out_of_range);
  EXPECT_EQ(ReadCover(3, 2, levels).status().code(), out_of_range);
  EXPECT_EQ(ReadCover(-1, 2, levels).status().code(), out_of_range);
  EXPECT_EQ(ReadRoot(-1, levels).status().code(), out_of_range);
  EXPECT_TRUE(ReadCover(2, 2, levels).value().empty());
}

TEST(TreeProofsTest, ErrorsOfTheReaderArePassedOn) {
  const auto broken = [](const Subtree&) -> absl::StatusOr<TreeHash> {
    return absl::DataLossError("broken");
  };

  EXPECT_EQ(ReadRoot(3, broken).status().message(), "broken");
  EXPECT_EQ(InclusionProof(1, 3, broken).status().message(), "broken");
  EXPECT_EQ(ConsistencyProof(1, 3, broken).status().message(), "broken");
}

}  // namespace
}  // namespace gaceta
