#include "verify/merkle.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"
#include "tests/support/vectors.h"
#include "verify/digest.h"
#include "verify/frontier.h"

namespace gaceta {
namespace {

using testing::TreeByTheBook;
using testing::WithBit;

TEST(MerkleTest, RootsAreThePublishedOnes) {
  const std::pair<const char*, const char*> leaves_and_roots[] = {
      {"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
      {"00",
       "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
      {"10",
       "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
      {"2021",
       "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
      {"3031",
       "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"},
      {"40414243",
       "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef"},
      {"5051525354555657",
       "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"},
      {"606162636465666768696a6b6c6d6e6f",
       "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}};

  Frontier tree;
  for (const auto& [leaf, root] : leaves_and_roots) {
    tree.Append(HashLeaf(absl::HexStringToBytes(leaf)));

    EXPECT_EQ(ToHex(View(tree.Root())), root) << tree.size();
  }
}

TEST(MerkleTest, TheEmptyTreeHasTheHashOfNothing) {
  EXPECT_EQ(View(EmptyRoot()), Sha256(""));
  EXPECT_EQ(Frontier().Root(), EmptyRoot());
}

TEST(MerkleTest, LeavesAndNodesHashApart) {
  const TreeHash left = HashLeaf("left");
  const TreeHash right = HashLeaf("right");

  EXPECT_EQ(View(left), Sha256(std::string("\0left", 5)));
  EXPECT_EQ(
      View(HashChildren(left, right)),
      Sha256("\x01" + std::string(View(left)) + std::string(View(right))));
}

TEST(MerkleTest, HashesAreJoinedAndSplit) {
  const std::vector<TreeHash> hashes = {HashLeaf("a"), HashLeaf("b")};

  const std::string joined = JoinHashes(hashes);

  EXPECT_EQ(joined.size(), 64u);
  EXPECT_EQ(SplitHashes(joined).value(), hashes);
  EXPECT_TRUE(SplitHashes("").value().empty());
  EXPECT_EQ(SplitHashes(joined.substr(1)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// What a proof can be spoiled into: a hash altered, missing, twice or added,
// and neighbours exchanged.
std::vector<std::vector<TreeHash>> Spoiled(const std::vector<TreeHash>& proof,
                                           int bit) {
  std::vector<std::vector<TreeHash>> all;
  for (std::size_t i = 0; i < proof.size(); ++i) {
    auto at = [&](std::vector<TreeHash>& copy) {
      return copy.begin() + static_cast<std::ptrdiff_t>(i);
    };
    all.push_back(proof);
    all.back()[i] = WithBit(proof[i], bit);
    all.push_back(proof);
    all.back().erase(at(all.back()));
    all.push_back(proof);
    all.back().insert(at(all.back()), proof[i]);
    if (i > 0) {
      all.push_back(proof);
      std::swap(all.back()[i], all.back()[i - 1]);
    }
  }
  all.push_back(proof);
  all.back().push_back(TreeHash{});
  return all;
}

TEST(VerifyInclusionTest, HoldsForEveryLeafOfEveryTree) {
  constexpr std::int64_t kMaxSize = 300;
  TreeByTheBook tree(kMaxSize);
  int bit = 0;

  for (std::int64_t size = 1; size <= kMaxSize; ++size) {
    const TreeHash root = tree.Root(size);
    for (std::int64_t index = 0; index < size; ++index) {
      const std::vector<TreeHash> proof = tree.Path(index, 0, size);

      ASSERT_TRUE(
          VerifyInclusion(tree.leaf(index), index, size, proof, root).ok())
          << index << " of " << size;
      const TreeHash altered = WithBit(tree.leaf(index), bit);
      ASSERT_FALSE(VerifyInclusion(altered, index, size, proof, root).ok());
      bit = (bit + 1) % 256;
      // Each bit comes, though not at each place of each tree.
      if (size % 3 != 0) continue;
      for (const auto& spoiled : Spoiled(proof, bit)) {
        ASSERT_FALSE(
            VerifyInclusion(tree.leaf(index), index, size, spoiled, root).ok())
            << index << " of " << size;
      }
    }
  }
}

TEST(VerifyInclusionTest, EveryAlteredBitIsFound) {
  for (const std::int64_t size : {1, 2, 3, 7, 8, 9, 13, 16, 17}) {
    TreeByTheBook tree(size);
    const TreeHash root = tree.Root(size);
    for (std::int64_t index = 0; index < size; ++index) {
      std::vector<TreeHash> proof = tree.Path(index, 0, size);
      for (int bit = 0; bit < 256; ++bit) {
        for (TreeHash& hash : proof) {
          hash = WithBit(hash, bit);
          ASSERT_FALSE(
              VerifyInclusion(tree.leaf(index), index, size, proof, root).ok());
          hash = WithBit(hash, bit);
        }
        ASSERT_FALSE(VerifyInclusion(tree.leaf(index), index, size, proof,
                                     WithBit(root, bit))
                         .ok());
      }
    }
  }
}

TEST(VerifyInclusionTest, AnotherIndexIsRefused) {
  constexpr std::int64_t kSize = 21;
  TreeByTheBook tree(kSize);

  for (std::int64_t index = 0; index < kSize; ++index) {
    const auto proof = tree.Path(index, 0, kSize);
    for (std::int64_t other = -2; other < kSize + 2; ++other) {
      EXPECT_EQ(VerifyInclusion(tree.leaf(index), other, kSize, proof,
                                tree.Root(kSize))
                    .ok(),
                other == index)
          << index << " as " << other;
    }
  }
}

TEST(VerifyInclusionTest, SaysWhatFailed) {
  TreeByTheBook tree(5);

  const absl::Status status = VerifyInclusion(tree.leaf(1), 1, 5, {}, {});

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Reason(status), "BAD_INCLUSION_PROOF");
  EXPECT_FALSE(VerifyInclusion(tree.leaf(0), 0, 0, {}, EmptyRoot()).ok());
  EXPECT_FALSE(VerifyInclusion(tree.leaf(0), 0, -1, {}, EmptyRoot()).ok());
}

TEST(VerifyConsistencyTest, HoldsForEveryPairOfSizes) {
  constexpr std::int64_t kMaxSize = 300;
  TreeByTheBook tree(kMaxSize);
  int bit = 0;

  for (std::int64_t to = 0; to <= kMaxSize; ++to) {
    for (std::int64_t from = 1; from <= to; ++from) {
      const std::vector<TreeHash> proof = tree.Proof(from, to);
      const TreeHash old_root = tree.Root(from);
      const TreeHash new_root = tree.Root(to);

      ASSERT_TRUE(VerifyConsistency(from, old_root, to, new_root, proof).ok())
          << from << " to " << to;
      bit = (bit + 1) % 256;
      ASSERT_FALSE(
          VerifyConsistency(from, WithBit(old_root, bit), to, new_root, proof)
              .ok());
      ASSERT_FALSE(
          VerifyConsistency(from, old_root, to, WithBit(new_root, bit), proof)
              .ok());
      if (to % 3 != 0) continue;
      for (const auto& spoiled : Spoiled(proof, bit)) {
        ASSERT_FALSE(
            VerifyConsistency(from, old_root, to, new_root, spoiled).ok())
            << from << " to " << to;
      }
    }
  }
}

TEST(VerifyConsistencyTest, EveryAlteredBitIsFound) {
  TreeByTheBook tree(17);
  for (const std::int64_t to : {2, 3, 7, 8, 9, 13, 16, 17}) {
    for (std::int64_t from = 1; from < to; ++from) {
      std::vector<TreeHash> proof = tree.Proof(from, to);
      for (int bit = 0; bit < 256; ++bit) {
        for (TreeHash& hash : proof) {
          hash = WithBit(hash, bit);
          ASSERT_FALSE(
              VerifyConsistency(from, tree.Root(from), to, tree.Root(to), proof)
                  .ok());
          hash = WithBit(hash, bit);
        }
      }
    }
  }
}

TEST(VerifyConsistencyTest, TheEmptyTreeIsInEveryTree) {
  TreeByTheBook tree(3);

  EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), 3, tree.Root(3), {}).ok());
  EXPECT_TRUE(VerifyConsistency(0, EmptyRoot(), 0, EmptyRoot(), {}).ok());
  EXPECT_FALSE(VerifyConsistency(0, tree.Root(1), 3, tree.Root(3), {}).ok());
  EXPECT_FALSE(VerifyConsistency(0, EmptyRoot(), 0, tree.Root(1), {}).ok());
  EXPECT_FALSE(
      VerifyConsistency(0, EmptyRoot(), 3, tree.Root(3), {tree.Root(3)}).ok());
}

TEST(VerifyConsistencyTest, OneSizeHasOneRootAndNeedsNoProof) {
  TreeByTheBook tree(3);
  const TreeHash root = tree.Root(3);

  EXPECT_TRUE(VerifyConsistency(3, root, 3, root, {}).ok());
  EXPECT_FALSE(VerifyConsistency(3, root, 3, root, {root}).ok());
  EXPECT_FALSE(VerifyConsistency(3, root, 3, tree.Root(2), {}).ok());
}

TEST(VerifyConsistencyTest, ATreeNeverShrinks) {
  TreeByTheBook tree(4);

  const absl::Status shrunk =
      VerifyConsistency(4, tree.Root(4), 3, tree.Root(3), tree.Proof(3, 4));

  EXPECT_EQ(shrunk.code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(Reason(shrunk), "BAD_CONSISTENCY_PROOF");
  EXPECT_FALSE(VerifyConsistency(-1, EmptyRoot(), 4, tree.Root(4), {}).ok());
}

TEST(PrefixRootTest, AProofShowsWhatTheNewTreeBeginsWith) {
  TreeByTheBook tree(40);
  for (std::int64_t old_size = 1; old_size < 40; ++old_size) {
    for (std::int64_t size = old_size + 1; size <= 40; ++size) {
      const std::vector<TreeHash> proof = tree.Proof(old_size, size);
      const bool shows = (old_size & (old_size - 1)) != 0;

      auto root = PrefixRoot(old_size, size, tree.Root(size), proof);

      ASSERT_EQ(root.ok(), shows) << old_size << " of " << size;
      if (shows) {
        EXPECT_EQ(*root, tree.Root(old_size));
      }
      EXPECT_EQ(PrefixRoot(old_size, size, tree.Root(old_size), proof)
                    .status()
                    .code(),
                absl::StatusCode::kNotFound);
    }
  }
  EXPECT_FALSE(PrefixRoot(3, 3, tree.Root(3), {}).ok());
  EXPECT_FALSE(PrefixRoot(3, 4, tree.Root(4), {}).ok());
  EXPECT_FALSE(PrefixRoot(0, 4, tree.Root(4), {}).ok());
}

TEST(MerkleVectorsTest, RootsAgreeWithGo) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const auto vectors = testing::ReadVectorJson("tree.json");

  Frontier tree;
  for (const auto& one : testing::ListOf(vectors, "roots")) {
    while (tree.size() < testing::NumberOf(one, "size")) {
      tree.Append(HashLeaf(absl::StrCat("shared leaf ", tree.size())));
    }

    EXPECT_EQ(tree.Root(), testing::HashOf(one, "root")) << tree.size();
  }
  EXPECT_GT(tree.size(), 1000);
}

TEST(MerkleVectorsTest, ProofsAgreeWithGo) {
  if (!testing::HaveVectors()) GTEST_SKIP() << testing::kNoVectors;
  const auto vectors = testing::ReadVectorJson("proofs.json");

  for (const auto& one : testing::ListOf(vectors, "inclusion")) {
    EXPECT_EQ(VerifyInclusion(testing::HashOf(one, "leaf_hash"),
                              testing::NumberOf(one, "index"),
                              testing::NumberOf(one, "size"),
                              testing::HashesOf(one, "proof"),
                              testing::HashOf(one, "root"))
                  .ok(),
              testing::TruthOf(one, "valid"))
        << one.ShortDebugString();
  }
  for (const auto& one : testing::ListOf(vectors, "consistency")) {
    EXPECT_EQ(VerifyConsistency(testing::NumberOf(one, "old_size"),
                                testing::HashOf(one, "old_root"),
                                testing::NumberOf(one, "new_size"),
                                testing::HashOf(one, "new_root"),
                                testing::HashesOf(one, "proof"))
                  .ok(),
              testing::TruthOf(one, "valid"))
        << one.ShortDebugString();
  }
  EXPECT_GT(testing::ListOf(vectors, "inclusion").size(), 100);
  EXPECT_GT(testing::ListOf(vectors, "consistency").size(), 100);
}

}  // namespace
}  // namespace gaceta
