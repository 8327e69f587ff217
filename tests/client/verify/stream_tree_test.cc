#include "verify/stream_tree.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "errors/errors.h"
#include "gtest/gtest.h"
#include "tests/client/verify/test_log.h"
#include "verify/tree_proofs.h"

namespace gaceta {
namespace {

using testing::TreeByTheBook;
using testing::WithBit;

// What a stream sends at once.
struct Message {
  v1::Opened opened;
  std::vector<ShownLeaf> leaves;
  std::int64_t next = 0;
  v1::StreamProof proof;
  std::optional<Checkpoint> checkpoint;
};

std::string* Field(Message* message, const std::string& name) {
  if (name == "known_consistency") {
    return message->opened.mutable_known_consistency();
  }
  v1::StreamProof* proof = &message->proof;
  if (name == "skipped") return proof->mutable_skipped();
  if (name == "consistency") return proof->mutable_consistency();
  if (name == "growth_consistency") return proof->mutable_growth_consistency();
  return proof->mutable_cosigned_consistency();
}

class StreamTreeTest : public ::testing::Test {
 protected:
  Checkpoint At(std::int64_t size) { return {"log", size, tree_.Root(size)}; }
  // One of another log of the same name.
  Checkpoint ForkedAt(std::int64_t size) {
    return {"log", size, WithBit(tree_.Root(size), 77)};
  }

  std::string Cover(std::int64_t begin, std::int64_t end) {
    return JoinHashes(*ReadCover(
        begin, end, [this](const Subtree& one) { return tree_.Read(one); }));
  }
  std::string Consistency(std::int64_t old_size, std::int64_t new_size) {
    if (old_size == 0 || old_size > new_size) return "";
    return JoinHashes(tree_.Proof(old_size, new_size));
  }

  // Opens at `start` of `size`; the client knew `known`.
  Message Opening(std::int64_t start, std::int64_t size,
                  std::int64_t known = 0) {
    Message message;
    message.opened.set_start_position(start);
    message.opened.set_log_size(size);
    message.opened.set_known_consistency(Consistency(known, size));
    message.proof.set_skipped(Cover(0, start));
    message.proof.set_consistency(Consistency(start, size));
    message.checkpoint = At(size);
    return message;
  }
  // From `begin` to `next` of `size`, showing the leaves at `shown`.
  Message Progress(std::int64_t begin, const std::vector<std::int64_t>& shown,
                   std::int64_t next, std::int64_t size) {
    Message message;
    message.next = next;
    for (const std::int64_t position : shown) {
      message.leaves.emplace_back(position, tree_.leaf(position));
      message.proof.mutable_skipped()->append(Cover(begin, position));
      begin = position + 1;
    }
    message.proof.mutable_skipped()->append(Cover(begin, next));
    message.proof.set_consistency(Consistency(next, size));
    return message;
  }
  // The same, and the log has grown since `before`.
  Message Growth(std::int64_t begin, const std::vector<std::int64_t>& shown,
                 std::int64_t next, std::int64_t before, std::int64_t size) {
    Message message = Progress(begin, shown, next, size);
    message.checkpoint = At(size);
    if (begin != before) {
      message.proof.set_growth_consistency(Consistency(before, size));
    }
    return message;
  }

  static absl::Status Begin(StreamTree* stream, const Message& message) {
    return stream->Begin(message.opened, message.proof, message.checkpoint);
  }
  static absl::Status Advance(StreamTree* stream, const Message& message) {
    return stream->Advance(message.leaves, message.next, message.proof,
                           message.checkpoint);
  }

  // A stream that has begun.
  StreamTree Begun(const Message& opening) {
    StreamTree stream(std::nullopt);
    const absl::Status status = Begin(&stream, opening);
    EXPECT_TRUE(status.ok()) << status;
    return stream;
  }

  // Everything that could be done to a field of hashes fails.
  void ExpectEveryAlterationFails(
      const Message& good, const std::string& field,
      const std::function<absl::Status(const Message&)>& read) {
    ASSERT_TRUE(read(good).ok()) << read(good);
    Message bad = good;
    const std::string whole = *Field(&bad, field);
    const auto try_it = [&](const std::string& bytes, const std::string& what) {
      *Field(&bad, field) = bytes;
      const absl::Status status = read(bad);
      EXPECT_TRUE(absl::IsDataLoss(status)) << field << " " << what;
      EXPECT_NE(Reason(status), "") << status;
    };
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      std::string bytes = whole;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
      try_it(bytes, "with another bit");
    }
    for (std::size_t at = 0; at < whole.size(); at += 32) {
      std::string bytes = whole;
      try_it(bytes.erase(at, 32), "without a hash");
      bytes = whole;
      try_it(bytes.insert(at, std::string(32, 'h')), "with one more");
      if (at >= 32) {
        try_it(whole.substr(0, at - 32) + whole.substr(at, 32) +
                   whole.substr(at - 32, 32) + whole.substr(at + 32),
               "with two that changed places");
      }
    }
    try_it(whole + std::string(32, 'h'), "with one more at the end");
    try_it(whole + "h", "with half a hash");
    if (!whole.empty()) try_it(whole.substr(1), "cut short");
  }

  TreeByTheBook tree_{64};
};

TEST_F(StreamTreeTest, WhatIsShownAndWhatIsLeftOutMakeTheTree) {
  StreamTree stream(std::nullopt);
  EXPECT_EQ(stream.known(), std::nullopt);

  ASSERT_TRUE(Begin(&stream, Opening(3, 20)).ok());
  EXPECT_EQ(stream.known(), At(20));
  ASSERT_TRUE(Advance(&stream, Progress(3, {3, 4, 9}, 11, 20)).ok());
  ASSERT_TRUE(Advance(&stream, Progress(11, {}, 11, 20)).ok());
  ASSERT_TRUE(Advance(&stream, Growth(11, {12}, 13, 20, 31)).ok());
  EXPECT_EQ(stream.known(), At(31));
  ASSERT_TRUE(Advance(&stream, Progress(13, {}, 31, 31)).ok());
  ASSERT_TRUE(Advance(&stream, Growth(31, {31, 32}, 33, 31, 40)).ok());
  EXPECT_EQ(stream.known(), At(40));
}

TEST_F(StreamTreeTest, AnEmptyLogIsShownByNothingAndThenGrows) {
  StreamTree stream(std::nullopt);
  Message empty;

  ASSERT_TRUE(Begin(&stream, empty).ok());
  ASSERT_TRUE(Advance(&stream, empty).ok());
  EXPECT_EQ(stream.known(), std::nullopt);

  ASSERT_TRUE(Advance(&stream, Growth(0, {0, 1}, 2, 0, 2)).ok());
  EXPECT_EQ(stream.known(), At(2));
}

TEST_F(StreamTreeTest, TheNextStreamGoesOnFromWhatWasKnown) {
  StreamTree stream = Begun(Opening(0, 10));

  for (std::int64_t size = 10; size <= 24; ++size) {
    const std::int64_t known = stream.known()->size;
    const absl::Status status = Begin(&stream, Opening(5, size, known));
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(stream.known(), At(size));
  }
}

// --- Lies
// ---------------------------------------------------------------------------

TEST_F(StreamTreeTest, EveryAlteredFieldOfAConfirmationIsFound) {
  for (const std::int64_t start : {0, 1, 8, 13, 21}) {
    const Message good = Opening(start, 21, 13);
    const auto read = [&](const Message& message) {
      StreamTree stream(At(13));
      return Begin(&stream, message);
    };

    ExpectEveryAlterationFails(good, "known_consistency", read);
    ExpectEveryAlterationFails(good, "skipped", read);
    ExpectEveryAlterationFails(good, "consistency", read);
  }
}

TEST_F(StreamTreeTest, EveryAlteredFieldOfAMessageIsFound) {
  const Message good = Growth(5, {7, 8}, 14, 16, 27);
  const auto read = [&](const Message& message) {
    StreamTree stream = Begun(Opening(5, 16));
    return Advance(&stream, message);
  };

  ExpectEveryAlterationFails(good, "skipped", read);
  ExpectEveryAlterationFails(good, "consistency", read);
  ExpectEveryAlterationFails(good, "growth_consistency", read);
}

TEST_F(StreamTreeTest, EveryBitOfALeafCounts) {
  const Message good = Progress(5, {7, 8}, 14, 16);
  for (std::size_t leaf = 0; leaf < good.leaves.size(); ++leaf) {
    for (int bit = 0; bit < 256; ++bit) {
      Message bad = good;
      bad.leaves[leaf].second = WithBit(bad.leaves[leaf].second, bit);
      StreamTree stream = Begun(Opening(5, 16));

      EXPECT_EQ(Reason(Advance(&stream, bad)), "BAD_CONSISTENCY_PROOF");
      EXPECT_EQ(stream.known(), At(16));
    }
  }
}

TEST_F(StreamTreeTest, AnotherRootIsFound) {
  for (int bit = 0; bit < 256; ++bit) {
    Message opening = Opening(5, 16);
    opening.checkpoint->root = WithBit(opening.checkpoint->root, bit);
    StreamTree stream(std::nullopt);
    EXPECT_EQ(Reason(Begin(&stream, opening)), "BAD_CONSISTENCY_PROOF");
    EXPECT_EQ(stream.known(), std::nullopt);

    StreamTree begun = Begun(Opening(5, 16));
    Message growth = Growth(5, {7}, 14, 16, 27);
    growth.checkpoint->root = WithBit(growth.checkpoint->root, bit);
    EXPECT_EQ(Reason(Advance(&begun, growth)), "LOG_FORKED");
    EXPECT_EQ(begun.known(), At(16));
  }
}

TEST_F(StreamTreeTest, ALeafMayNotBeDroppedOrComeTwiceOrElsewhere) {
  const Message good = Progress(5, {6, 7, 8}, 12, 16);
  for (std::size_t i = 0; i < good.leaves.size(); ++i) {
    Message dropped = good;
    dropped.leaves.erase(dropped.leaves.begin() + static_cast<long>(i));
    Message twice = good;
    twice.leaves.insert(twice.leaves.begin() + static_cast<long>(i),
                        good.leaves[i]);
    Message elsewhere = good;
    elsewhere.leaves[i].first += i == 2 ? 1 : -1;
    Message swapped = good;
    std::swap(swapped.leaves[i].second, swapped.leaves[(i + 1) % 3].second);
    for (const Message& bad : {dropped, twice, elsewhere, swapped}) {
      StreamTree stream = Begun(Opening(5, 16));

      EXPECT_TRUE(absl::IsDataLoss(Advance(&stream, bad))) << i;
    }
  }
}

TEST_F(StreamTreeTest, WhatIsPassedOverCannotBeShownLater) {
  StreamTree stream = Begun(Opening(0, 16));
  ASSERT_TRUE(Advance(&stream, Progress(0, {0}, 8, 16)).ok());

  EXPECT_EQ(Reason(Advance(&stream, Progress(5, {5}, 9, 16))),
            "MALFORMED_STREAM");
}

TEST_F(StreamTreeTest, ProgressDoesNotGoBackNorBeyondTheCheckpoint) {
  StreamTree back = Begun(Opening(8, 16));
  Message message = Progress(8, {}, 8, 16);
  message.next = 7;
  EXPECT_EQ(Reason(Advance(&back, message)), "MALFORMED_STREAM");

  StreamTree beyond = Begun(Opening(8, 16));
  EXPECT_EQ(Reason(Advance(&beyond, Progress(8, {8, 16}, 17, 17))),
            "BAD_CONSISTENCY_PROOF");

  Message late = Opening(17, 17);
  late.checkpoint = At(16);
  StreamTree stream(std::nullopt);
  EXPECT_TRUE(absl::IsDataLoss(Begin(&stream, late)));
}

TEST_F(StreamTreeTest, WithoutACheckpointNothingIsShown) {
  Message opening = Opening(0, 16);
  opening.checkpoint.reset();
  StreamTree stream(std::nullopt);
  EXPECT_EQ(Reason(Begin(&stream, opening)), "MALFORMED_STREAM");

  Message empty;
  ASSERT_TRUE(Begin(&stream, empty).ok());
  EXPECT_EQ(Reason(Advance(&stream, Progress(0, {0}, 1, 1))),
            "MALFORMED_STREAM");
  ASSERT_TRUE(Begin(&stream, empty).ok());
  EXPECT_EQ(Reason(Advance(&stream, Progress(0, {}, 1, 1))),
            "MALFORMED_STREAM");
}

// --- Another history
// -------------------------------------------------------------

TEST_F(StreamTreeTest, ALogThatDoesNotExtendWhatWasKnownIsForked) {
  for (std::int64_t known = 1; known <= 16; ++known) {
    StreamTree stream(ForkedAt(known));

    const absl::Status status = Begin(&stream, Opening(3, 16, known));

    EXPECT_EQ(Reason(status), "LOG_FORKED") << known << " " << status;
    // What was known stays known.
    EXPECT_EQ(stream.known(), ForkedAt(known));
  }
}

TEST_F(StreamTreeTest, AForkInTheMiddleOfAStreamIsFound) {
  StreamTree stream = Begun(Opening(3, 16));
  Message fork = Progress(3, {3}, 5, 16);
  fork.checkpoint = ForkedAt(16);
  EXPECT_EQ(Reason(Advance(&stream, fork)), "LOG_FORKED");

  // At the end of what was known, it is what is shown that does not fit.
  StreamTree at_end = Begun(Opening(16, 16));
  fork = Growth(16, {16}, 17, 16, 18);
  fork.checkpoint = ForkedAt(18);
  EXPECT_EQ(Reason(Advance(&at_end, fork)), "BAD_CONSISTENCY_PROOF");
  EXPECT_EQ(at_end.known(), At(16));
}

TEST_F(StreamTreeTest, ALogDoesNotGrowShorter) {
  StreamTree stream(At(17));
  EXPECT_EQ(Reason(Begin(&stream, Opening(3, 16))), "LOG_SHORTENED");
  EXPECT_EQ(Reason(Begin(&stream, Message())), "LOG_SHORTENED");

  StreamTree begun = Begun(Opening(3, 16));
  EXPECT_EQ(Reason(Advance(&begun, Growth(3, {}, 4, 16, 15))), "LOG_SHORTENED");
  EXPECT_EQ(begun.known(), At(16));
}

TEST_F(StreamTreeTest, AStreamThatFailedIsFollowedByAnother) {
  StreamTree stream = Begun(Opening(3, 16));
  Message bad = Growth(3, {4}, 6, 16, 20);
  bad.leaves[0].second = WithBit(bad.leaves[0].second, 0);
  ASSERT_FALSE(Advance(&stream, bad).ok());
  EXPECT_EQ(stream.known(), At(16));

  ASSERT_TRUE(Begin(&stream, Opening(3, 20, 16)).ok());
  EXPECT_TRUE(Advance(&stream, Progress(3, {4}, 6, 20)).ok());
}

// --- What witnesses have cosigned
// ------------------------------------------------

TEST_F(StreamTreeTest, ACosignedCheckpointIsABeginningOfTheLog) {
  StreamTree stream = Begun(Opening(3, 21));
  for (std::int64_t size = 1; size <= 21; ++size) {
    Message message;
    message.proof.set_cosigned_consistency(Consistency(size, 21));

    EXPECT_TRUE(stream.CheckCosigned(At(size), message.proof).ok()) << size;
    EXPECT_EQ(Reason(stream.CheckCosigned(ForkedAt(size), message.proof)),
              "LOG_FORKED");
    ExpectEveryAlterationFails(
        message, "cosigned_consistency", [&](const Message& one) {
          return stream.CheckCosigned(At(size), one.proof);
        });
  }
  EXPECT_EQ(Reason(stream.CheckCosigned(At(22), {})), "MALFORMED_STREAM");
}

TEST_F(StreamTreeTest, AnEmptyLogHasNoCosignedCheckpoint) {
  StreamTree stream(std::nullopt);
  ASSERT_TRUE(Begin(&stream, Message()).ok());

  EXPECT_EQ(Reason(stream.CheckCosigned(At(1), {})), "MALFORMED_STREAM");
}

// --- What is shown to others ---

TEST_F(StreamTreeTest, ProvesEachLeafThatTheLastMessageHasShown) {
  for (const std::int64_t start : {0, 1, 5, 8, 13}) {
    for (const std::int64_t next : {14, 16, 21, 29}) {
      StreamTree stream = Begun(Opening(start, 29));
      std::vector<std::int64_t> shown = {13};
      if (start == 0) shown = {0, 3, 4, 13};
      ASSERT_TRUE(Advance(&stream, Progress(start, shown, next, 29)).ok());

      for (const std::int64_t position : shown) {
        auto proof = stream.Prove(position);
        ASSERT_TRUE(proof.ok()) << proof.status();
        EXPECT_EQ(proof->size, next);
        EXPECT_TRUE(VerifyInclusion(tree_.leaf(position), position, next,
                                    proof->inclusion, proof->root)
                        .ok());
        EXPECT_TRUE(VerifyConsistency(next, proof->root, 29, tree_.Root(29),
                                      proof->consistency)
                        .ok());
      }
      EXPECT_TRUE(absl::IsNotFound(stream.Prove(12).status()));
    }
  }
}

TEST_F(StreamTreeTest, ProvesNothingOfAMessageThatDidNotHold) {
  StreamTree stream = Begun(Opening(0, 20));
  Message bad = Progress(0, {0, 1, 2}, 3, 20);
  bad.leaves[1].second = tree_.leaf(7);

  EXPECT_FALSE(Advance(&stream, bad).ok());

  EXPECT_TRUE(absl::IsNotFound(stream.Prove(0).status()));
}

TEST_F(StreamTreeTest, AForksOwnProofShowsWhatItBeginsWith) {
  for (const std::int64_t known : {3, 5, 8, 11, 20}) {
    StreamTree stream(ForkedAt(known));

    EXPECT_EQ(Reason(Begin(&stream, Opening(0, 20, known))), "LOG_FORKED");

    // From a power of two a proof leads everywhere; one size needs none.
    const bool shows = known != 8 && known != 20;
    ASSERT_EQ(stream.fork().has_value(), shows) << known;
    if (!shows) continue;
    EXPECT_EQ(stream.fork()->size, known);
    EXPECT_EQ(stream.fork()->root, tree_.Root(known));
    EXPECT_TRUE(VerifyConsistency(known, stream.fork()->root, 20,
                                  tree_.Root(20), stream.fork()->consistency)
                    .ok());
  }
}

}  // namespace
}  // namespace gaceta
