#include "verify/tile.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"
#include "tests/support/vectors.h"
#include "verify/checkpoint.h"
#include "verify/digest.h"
#include "verify/frontier.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(TilePathTest, IsInGroupsOfThreeDigits) {
  EXPECT_EQ(TilePath({0, 0, 256}), "tile/0/000");
  EXPECT_EQ(TilePath({1, 1234067, 256}), "tile/1/x001/x234/067");
  EXPECT_EQ(TilePath({0, 1234, 5}), "tile/0/x001/234.p/5");
  EXPECT_EQ(TilePath({Tile::kEntries, 1000, 255}),
            "tile/entries/x001/000.p/255");
}

TEST(TilePathTest, IsWrittenAndReadAgain) {
  for (const int level : {Tile::kEntries, 0, 1, 3}) {
    for (const std::int64_t index :
         {0, 1, 255, 256, 999, 1000, 999'999, 1'000'000, 8'388'607}) {
      for (const int width : {1, 17, 255, 256}) {
        const Tile tile{level, index, width};

        const auto parsed = ParseTilePath(TilePath(tile));

        ASSERT_TRUE(parsed.ok()) << parsed.status();
        EXPECT_EQ(*parsed, tile);
      }
    }
  }
}

TEST(TilePathTest, ATileWhoseLeavesHavePositionsHasAPath) {
  EXPECT_TRUE(ParseTilePath("tile/5/x032/767").ok());
  EXPECT_FALSE(ParseTilePath("tile/5/x032/768").ok());
  EXPECT_TRUE(ParseTilePath("tile/7/000.p/127").ok());
}

TEST(TilePathTest, WhatIsMalformedIsRefused) {
  for (const std::string path : {
           "",
           "tile",
           "tile/",
           "tile/0",
           "tile/0/",
           "tile/0/0",
           "tile/0/00",
           "tile/0/0000",
           "tile/0/x000",
           "tile/0/x000/",
           "tile/0/x000/001",
           "tile/0/001/",
           "tile/0/001/002",
           "tile/0/001.p",
           "tile/0/001.p/",
           "tile/0/001.p/0",
           "tile/0/001.p/01",
           "tile/0/001.p/256",
           "tile/0/001.p/-1",
           "tile/0/001.p/1/",
           "tile/0/001.p/1 ",
           "tile/0/001/1",
           "tile/0/x001.p/001",
           "tile/0/x001.p/001.p/1",
           "tile/0/-01",
           "tile/0/+01",
           "tile/0/ 01",
           "tile/00/001",
           "tile/8/001",
           "tile/-1/001",
           "tile/x/001",
           "tile/Entries/001",
           "tiles/0/001",
           "/tile/0/001",
           "tile/0/x999/x999/x999/x999/x999/x999/999",
           "tile/0/x036/x028/x797/x018/x963/968",
           "tile/7/001",
           "tile/0/../000",
           "checkpoint",
       }) {
    EXPECT_EQ(ParseTilePath(path).status().code(),
              absl::StatusCode::kInvalidArgument)
        << path;
  }
}

TEST(TilesTest, OfASmallLogArePartial) {
  EXPECT_THAT(TilesBetween(0, 0), IsEmpty());
  EXPECT_THAT(TilesBetween(7, 7), IsEmpty());
  EXPECT_THAT(TilesBetween(0, 7),
              ElementsAre(Tile{Tile::kEntries, 0, 7}, Tile{0, 0, 7}));
  EXPECT_THAT(TilesBetween(7, 256),
              ElementsAre(Tile{Tile::kEntries, 0, 256}, Tile{0, 0, 256},
                          Tile{1, 0, 1}));
  EXPECT_THAT(
      TilesBetween(255, 257),
      ElementsAre(Tile{Tile::kEntries, 0, 256}, Tile{Tile::kEntries, 1, 1},
                  Tile{0, 0, 256}, Tile{0, 1, 1}, Tile{1, 0, 1}));
  EXPECT_THAT(TilesBetween(257, 258),
              ElementsAre(Tile{Tile::kEntries, 1, 2}, Tile{0, 1, 2}));
}

// Every tile that a log of this size holds, were it written at once.
std::set<std::string> PathsOf(std::int64_t old_size, std::int64_t new_size) {
  std::set<std::string> paths;
  for (const Tile& tile : TilesBetween(old_size, new_size)) {
    EXPECT_TRUE(paths.insert(TilePath(tile)).second) << TilePath(tile);
  }
  return paths;
}

TEST(TilesTest, WhatALogHoldsAfterEachStepIsWhatItWouldHoldAtOnce) {
  std::mt19937 random(20263);
  for (int round = 0; round < 30; ++round) {
    std::set<std::string> held;
    for (std::int64_t size = 0; size < 200'000;) {
      const std::int64_t next =
          size + 1 +
          static_cast<std::int64_t>(random() % (1U << random() % 17));
      const std::set<std::string> before = PathsOf(0, size);
      for (const std::string& path : PathsOf(size, next)) {
        ASSERT_EQ(before.count(path), 0u) << path << " twice, at " << size;
        held.insert(path);
      }
      const std::set<std::string> all = PathsOf(0, next);
      ASSERT_TRUE(
          std::includes(held.begin(), held.end(), all.begin(), all.end()))
          << size << " to " << next;
      size = next;
    }
  }
}

TEST(EntryBundleTest, IsWrittenAndReadAgain) {
  const std::vector<std::string> leaves = {"a", "", std::string(65'535, 'x'),
                                           std::string("\0\xff", 2)};

  const std::string bundle = FormatEntryBundle(leaves).value();

  EXPECT_EQ(bundle.substr(0, 5), std::string("\0\1a\0\0", 5));
  EXPECT_EQ(ParseEntryBundle(bundle).value(), leaves);
  EXPECT_THAT(ParseEntryBundle("").value(), IsEmpty());
}

TEST(EntryBundleTest, WhatIsCutOrTooLongIsRefused) {
  const std::string bundle = FormatEntryBundle({"abc"}).value();
  for (std::size_t size = 1; size < bundle.size(); ++size) {
    EXPECT_EQ(ParseEntryBundle(bundle.substr(0, size)).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_FALSE(ParseEntryBundle(bundle + "x").ok());
  EXPECT_EQ(FormatEntryBundle({std::string(65'536, 'x')}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// The content of every tile, from a tree's leaves alone.
class TileWriter {
 public:
  std::string Content(const Tile& tile) {
    if (tile.level != Tile::kEntries) return Hashes(tile);
    std::vector<std::string> leaves;
    for (std::int64_t i = 0; i < tile.width; ++i) {
      leaves.push_back(LeafOf(tile.index * kTileWidth + i));
    }
    return FormatEntryBundle(leaves).value();
  }

 private:
  static std::string LeafOf(std::int64_t i) {
    return absl::StrCat("shared leaf ", i);
  }

  std::string Hashes(const Tile& tile) {
    std::vector<TreeHash> hashes;
    for (std::int64_t i = 0; i < tile.width; ++i) {
      hashes.push_back(Node(tile.level, tile.index * kTileWidth + i));
    }
    return JoinHashes(hashes);
  }

  TreeHash Node(int level, std::int64_t index) {
    if (level == 0) return HashLeaf(LeafOf(index));
    const auto known = nodes_.find({level, index});
    if (known != nodes_.end()) return known->second;
    Frontier below;
    for (std::int64_t i = 0; i < kTileWidth; ++i) {
      below.Append(Node(level - 1, index * kTileWidth + i));
    }
    return nodes_[{level, index}] = below.Root();
  }

  std::map<std::pair<int, std::int64_t>, TreeHash> nodes_;
};

TEST(TileVectorsTest, PathsAgreeWithGo) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const auto vectors = testing::ReadVectorJson("tiles.json");

  for (const auto& one : testing::ListOf(vectors, "paths")) {
    const std::int64_t n = testing::NumberOf(one, "n");

    EXPECT_EQ(TilePath({0, n, 256}), testing::TextOf(one, "tile_level_0"));
    EXPECT_EQ(TilePath({1, n, 17}),
              testing::TextOf(one, "tile_level_1_partial_17"));
    EXPECT_EQ(TilePath({Tile::kEntries, n, 255}),
              testing::TextOf(one, "entries_partial_255"));
  }
  EXPECT_GT(testing::ListOf(vectors, "paths").size(), 3);
}

TEST(TileVectorsTest, FilesAgreeWithTessera) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const auto vectors = testing::ReadVectorJson("tiles.json");
  TileWriter writer;

  for (const auto& log : testing::ListOf(vectors, "logs")) {
    std::map<std::string, std::string> digests;
    for (const auto& file : testing::ListOf(log, "files")) {
      digests[testing::TextOf(file, "path")] = testing::TextOf(file, "sha256");
    }
    digests.erase("checkpoint");

    std::map<std::string, std::string> ours;
    for (const Tile& tile : TilesBetween(0, testing::NumberOf(log, "size"))) {
      ours[TilePath(tile)] = ToHex(Sha256(writer.Content(tile)));
    }

    EXPECT_EQ(ours, digests) << testing::NumberOf(log, "size");
  }
  EXPECT_GT(testing::ListOf(vectors, "logs").size(), 3);
}

TEST(TileVectorsTest, AWholeStaticLogVerifies) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const std::string key = testing::ReadVectorFile("log.vkey");
  const auto checkpoint =
      OpenCheckpoint(testing::ReadVectorFile("log-600/checkpoint"),
                     {NoteKey::Parse(key.substr(0, key.find('\n'))).value()});
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  EXPECT_EQ(checkpoint->size, 600);

  std::map<int, std::vector<TreeHash>> levels;
  std::vector<TreeHash> leaves;
  for (const Tile& tile : TilesBetween(0, checkpoint->size)) {
    const std::string bytes =
        testing::ReadVectorFile(absl::StrCat("log-600/", TilePath(tile)));
    if (tile.level == Tile::kEntries) {
      const auto bundle = ParseEntryBundle(bytes).value();
      for (const std::string& leaf : bundle) {
        leaves.push_back(HashLeaf(leaf));
      }
      continue;
    }
    const auto hashes = SplitHashes(bytes).value();
    ASSERT_EQ(hashes.size(), static_cast<std::size_t>(tile.width));
    levels[tile.level].insert(levels[tile.level].end(), hashes.begin(),
                              hashes.end());
  }

  EXPECT_EQ(levels[0], leaves);
  Frontier tree;
  std::vector<TreeHash> above;
  Frontier tile;
  for (const TreeHash& leaf : leaves) {
    tree.Append(leaf);
    tile.Append(leaf);
    if (tile.size() < kTileWidth) continue;
    above.push_back(tile.Root());
    tile = Frontier();
  }
  EXPECT_EQ(levels[1], above);
  EXPECT_EQ(tree.size(), checkpoint->size);
  EXPECT_EQ(tree.Root(), checkpoint->root);
}

}  // namespace
}  // namespace gaceta
