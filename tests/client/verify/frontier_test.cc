#include "verify/frontier.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::TreeByTheBook;

std::vector<TreeHash> HashesOf(const std::vector<Subtree>& cover,
                               TreeByTheBook* tree) {
  std::vector<TreeHash> hashes;
  for (const Subtree& subtree : cover) {
    hashes.push_back(tree->Read(subtree).value());
  }
  return hashes;
}

TEST(CoverTest, IsTheFewestFullSubtrees) {
  EXPECT_THAT(CoverOf(0, 0), IsEmpty());
  EXPECT_THAT(CoverOf(5, 5), IsEmpty());
  EXPECT_THAT(CoverOf(0, 1), ElementsAre(Subtree{0, 0}));
  EXPECT_THAT(CoverOf(0, 8), ElementsAre(Subtree{3, 0}));
  EXPECT_THAT(CoverOf(0, 7),
              ElementsAre(Subtree{2, 0}, Subtree{1, 2}, Subtree{0, 6}));
  EXPECT_THAT(CoverOf(3, 13), ElementsAre(Subtree{0, 3}, Subtree{2, 1},
                                          Subtree{2, 2}, Subtree{0, 12}));
}

TEST(CoverTest, TilesEveryRangeWithoutAGap) {
  constexpr std::int64_t kMax = 130;
  for (std::int64_t begin = 0; begin <= kMax; ++begin) {
    for (std::int64_t end = begin; end <= kMax; ++end) {
      std::int64_t next = begin;
      int last_level = -1;
      int rises_and_falls = 0;
      for (const Subtree& subtree : CoverOf(begin, end)) {
        ASSERT_EQ(subtree.index << subtree.level, next);
        next += std::int64_t{1} << subtree.level;
        rises_and_falls += subtree.level == last_level ? 1 : 0;
        last_level = subtree.level;
      }
      ASSERT_EQ(next, end) << begin;
      // Two neighbours of one level are the middle, where it turns.
      ASSERT_LE(rises_and_falls, 1) << begin << " " << end;
    }
  }
}

TEST(CoverTest, ReachesTheLastPosition) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

  EXPECT_EQ(CoverOf(0, kMax).size(), 63u);
  EXPECT_THAT(CoverOf(kMax - 1, kMax), ElementsAre(Subtree{0, kMax - 1}));
}

TEST(FrontierTest, HasTheRootOfEverySize) {
  constexpr std::int64_t kMax = 300;
  TreeByTheBook tree(kMax);

  Frontier frontier;
  for (std::int64_t size = 0; size <= kMax; ++size) {
    ASSERT_EQ(frontier.size(), size);
    ASSERT_EQ(frontier.Root(), tree.Root(size)) << size;
    ASSERT_EQ(frontier.hashes(), HashesOf(CoverOf(0, size), &tree));
    if (size < kMax) frontier.Append(tree.leaf(size));
  }
}

TEST(FrontierTest, GrowsByRangesAsByLeaves) {
  constexpr std::int64_t kMax = 150;
  TreeByTheBook tree(kMax);

  for (std::int64_t size = 0; size <= kMax; ++size) {
    const auto start =
        Frontier::Create(size, HashesOf(CoverOf(0, size), &tree));
    ASSERT_TRUE(start.ok()) << start.status();
    for (std::int64_t end = size; end <= kMax; ++end) {
      std::vector<TreeHash> hashes = HashesOf(CoverOf(size, end), &tree);
      // What follows is not touched.
      hashes.push_back(HashLeaf("next"));
      absl::Span<const TreeHash> rest = hashes;
      Frontier grown = *start;

      ASSERT_TRUE(grown.AppendRange(end, &rest).ok());

      ASSERT_EQ(grown.size(), end);
      ASSERT_EQ(grown.Root(), tree.Root(end)) << size << " to " << end;
      ASSERT_THAT(rest, ElementsAre(HashLeaf("next")));
    }
  }
}

TEST(FrontierTest, RandomStepsLeadToTheSameTree) {
  constexpr std::int64_t kMax = 3000;
  TreeByTheBook tree(kMax);
  std::mt19937 random(20261);

  for (int round = 0; round < 100; ++round) {
    Frontier frontier;
    while (frontier.size() < kMax) {
      const std::int64_t end =
          std::min<std::int64_t>(kMax, frontier.size() + 1 + random() % 500);
      if (random() % 3 == 0) {
        frontier.Append(tree.leaf(frontier.size()));
        continue;
      }
      const auto hashes = HashesOf(CoverOf(frontier.size(), end), &tree);
      absl::Span<const TreeHash> rest = hashes;
      ASSERT_TRUE(frontier.AppendRange(end, &rest).ok());
    }
    ASSERT_EQ(frontier.Root(), tree.Root(kMax));
  }
}

TEST(FrontierTest, WrongRangesChangeNothing) {
  TreeByTheBook tree(8);
  Frontier frontier;
  for (int i = 0; i < 5; ++i) frontier.Append(tree.leaf(i));
  const std::vector<TreeHash> hashes = {tree.leaf(5)};

  for (const std::int64_t end : {4, 8, -1}) {
    absl::Span<const TreeHash> rest = hashes;
    EXPECT_EQ(frontier.AppendRange(end, &rest).code(),
              absl::StatusCode::kInvalidArgument)
        << end;
    EXPECT_EQ(rest.size(), 1u);
  }
  EXPECT_EQ(frontier.size(), 5);
  EXPECT_EQ(frontier.Root(), tree.Root(5));
}

TEST(FrontierTest, IsNotMadeOfTheWrongNumberOfHashes) {
  for (const auto& [size, count] : std::vector<std::pair<std::int64_t, int>>{
           {0, 1}, {1, 0}, {3, 1}, {4, 2}, {-1, 64}, {-1, 0}}) {
    EXPECT_EQ(
        Frontier::Create(size, std::vector<TreeHash>(count)).status().code(),
        absl::StatusCode::kInvalidArgument)
        << size << " " << count;
  }
}

}  // namespace
}  // namespace gaceta
