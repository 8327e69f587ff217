#include "server/relay/stream_prover.h"

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "tests/server/relay/proof_reader.h"
#include "tests/server/relay/proved_log.h"

namespace gaceta {
namespace {

using testing::ProofReader;
using testing::ProvedLog;

StoredEntry Numbered(Position number) {
  StoredEntry entry;
  entry.leaf = "leaf " + std::to_string(number);
  return entry;
}

void AppendTo(ProvedLog* log, Position end) {
  std::vector<StoredEntry> entries;
  for (Position p = log->store().Size(); p < end; ++p) {
    entries.push_back(Numbered(p));
  }
  if (!entries.empty()) log->Append(entries);
}

// One stream of a log, and who checks it.
class Stream {
 public:
  explicit Stream(const ProvedLog& log,
                  std::optional<Checkpoint> known = std::nullopt)
      : prover_(log.proofs()),
        known_size_(known.has_value() ? known->size : 0),
        reader_(std::move(known)) {}

  absl::Status Open(Position start, Position log_size) {
    v1::SubscribeResponse message;
    message.mutable_opened()->set_start_position(start);
    message.mutable_opened()->set_log_size(log_size);
    auto proof = prover_.Prove(start);
    if (!proof.ok()) return proof.status();
    *message.mutable_proof() = *std::move(proof);
    if (known_size_ > 0) {
      auto known = prover_.ProveKnown(known_size_);
      if (!known.ok()) return known.status();
      message.mutable_opened()->set_known_consistency(*known);
    }
    return reader_.Read(message);
  }

  // One message.
  absl::Status Send(const std::vector<Position>& shown, Position next) {
    last_.Clear();
    for (const Position position : shown) {
      v1::Entry* entry = last_.add_entries();
      entry->set_position(position);
      entry->set_leaf(Numbered(position).leaf);
      if (absl::Status s = prover_.Shows(position); !s.ok()) return s;
    }
    last_.mutable_progress()->set_next_position(next);
    auto proof = prover_.Prove(next);
    if (!proof.ok()) return proof.status();
    *last_.mutable_proof() = *std::move(proof);
    return reader_.Read(last_);
  }

  const v1::SubscribeResponse& last() const { return last_; }
  const ProofReader& reader() const { return reader_; }
  const StreamProver& prover() const { return prover_; }

 private:
  StreamProver prover_;
  const Position known_size_;
  ProofReader reader_;
  v1::SubscribeResponse last_;
};

TEST(StreamProverTest, AnEmptyLogNeedsNoProof) {
  ProvedLog log;
  Stream stream(log);

  EXPECT_TRUE(stream.Open(0, 0).ok());
  EXPECT_TRUE(stream.Send({}, 0).ok());
  EXPECT_TRUE(stream.last().proof().checkpoint().empty());

  AppendTo(&log, 3);
  log.Publish();
  EXPECT_TRUE(stream.Send({0, 1, 2}, 3).ok());
  EXPECT_EQ(stream.reader().known(), log.CheckpointAt(3));
}

// Whatever is shown or left out, in whatever messages.
TEST(StreamProverTest, EveryCombinationOfSmallLogsHolds) {
  for (Position size = 1; size <= 7; ++size) {
    ProvedLog log;
    AppendTo(&log, size);
    log.Publish();
    for (Position start = 0; start <= size; ++start) {
      const unsigned count = static_cast<unsigned>(size - start);
      for (unsigned shows = 0; shows < 1u << count; ++shows) {
        for (unsigned ends = 0; ends < 1u << count; ++ends) {
          Stream stream(log);
          ASSERT_TRUE(stream.Open(start, size).ok());
          std::vector<Position> shown;
          for (unsigned i = 0; i < count; ++i) {
            const Position position = start + i;
            if ((shows >> i & 1) != 0) shown.push_back(position);
            if ((ends >> i & 1) == 0 && i + 1 < count) continue;
            const absl::Status status = stream.Send(shown, position + 1);
            ASSERT_TRUE(status.ok())
                << status << " size " << size << " start " << start << " shows "
                << shows << " ends " << ends;
            shown.clear();
          }
        }
      }
    }
  }
}

TEST(StreamProverTest, ACheckpointIsSentOnceAndAgainWhenItHasGrown) {
  ProvedLog log;
  AppendTo(&log, 4);
  log.Publish();
  Stream stream(log);
  ASSERT_TRUE(stream.Open(0, 4).ok());

  ASSERT_TRUE(stream.Send({0}, 1).ok());
  EXPECT_TRUE(stream.last().proof().checkpoint().empty());

  AppendTo(&log, 9);
  log.Publish();
  ASSERT_TRUE(stream.Send({1}, 2).ok());
  EXPECT_FALSE(stream.last().proof().checkpoint().empty());
  EXPECT_FALSE(stream.last().proof().growth_consistency().empty());
  EXPECT_EQ(stream.reader().known(), log.CheckpointAt(9));

  // At the end of the one before, what is shown proves the growth.
  ASSERT_TRUE(stream.Send({}, 9).ok());
  AppendTo(&log, 11);
  log.Publish();
  ASSERT_TRUE(stream.Send({9, 10}, 11).ok());
  EXPECT_FALSE(stream.last().proof().checkpoint().empty());
  EXPECT_TRUE(stream.last().proof().growth_consistency().empty());
  EXPECT_TRUE(stream.last().proof().skipped().empty());
}

TEST(StreamProverTest, ACosignedCheckpointIsSentOnceWhereverTheStreamIs) {
  ProvedLog log;
  AppendTo(&log, 8);
  log.Publish();
  Stream stream(log);
  ASSERT_TRUE(stream.Open(0, 8).ok());
  EXPECT_FALSE(stream.prover().has_cosigned());

  // Beyond where the stream is, below it, and again without growth.
  log.Cosign(6);
  EXPECT_TRUE(stream.prover().has_cosigned());
  ASSERT_TRUE(stream.Send({0}, 2).ok());
  EXPECT_EQ(stream.reader().cosigned(), log.CheckpointAt(6));
  EXPECT_FALSE(stream.prover().has_cosigned());
  ASSERT_TRUE(stream.Send({}, 8).ok());
  EXPECT_TRUE(stream.last().proof().cosigned_checkpoint().empty());

  log.Cosign(7);
  ASSERT_TRUE(stream.Send({}, 8).ok());
  EXPECT_EQ(stream.reader().cosigned(), log.CheckpointAt(7));
  log.Cosign(7);
  EXPECT_TRUE(stream.prover().has_cosigned());
  ASSERT_TRUE(stream.Send({}, 8).ok());
  EXPECT_FALSE(stream.last().proof().cosigned_checkpoint().empty());

  // A stream that opens gets it at once.
  Stream later(log);
  ASSERT_TRUE(later.Open(8, 8).ok());
  EXPECT_EQ(later.reader().cosigned(), log.CheckpointAt(7));
}

TEST(StreamProverTest, AStreamProvesThatTheLogStillBeginsAsItWasKnown) {
  ProvedLog log;
  AppendTo(&log, 20);
  for (Position known = 1; known <= 20; ++known) {
    log.Publish();
    for (Position start = 0; start <= 20; ++start) {
      Stream stream(log, log.CheckpointAt(known));

      const absl::Status status = stream.Open(start, 20);

      ASSERT_TRUE(status.ok()) << status << known << " " << start;
    }
  }
}

TEST(StreamProverTest, BeyondTheCheckpointNothingCanBeProved) {
  ProvedLog log;
  AppendTo(&log, 5);
  log.Publish(3);
  Stream stream(log);
  ASSERT_TRUE(stream.Open(0, 3).ok());

  EXPECT_EQ(stream.Send({0, 1, 2, 3}, 4).code(), absl::StatusCode::kOutOfRange);
}

// Streams that come and go while the log grows by leaps.
TEST(StreamProverTest, RandomStreamsOverAGrowingLogHold) {
  std::mt19937 random(9162);
  const auto below = [&random](Position end) {
    return static_cast<Position>(random() % static_cast<std::uint64_t>(end));
  };
  ProvedLog log;
  std::optional<Checkpoint> known;
  for (int round = 0; round < 60; ++round) {
    AppendTo(&log, log.store().Size() + 1 + below(300));
    log.Publish();
    Position end = log.store().Size();
    Position next = below(end + 1);
    Stream stream(log, known);
    absl::Status status = stream.Open(next, end);
    ASSERT_TRUE(status.ok()) << status;
    for (int message = 0; message < 30; ++message) {
      if (below(4) == 0) {
        AppendTo(&log, end + 1 + below(700));
        log.Publish();
        end = log.store().Size();
      }
      if (below(5) == 0) log.Cosign(1 + below(end));
      std::vector<Position> shown;
      const Position until = std::min(end, next + below(100));
      const Position one_in = 1 + below(20);
      for (; next < until; ++next) {
        if (below(one_in) == 0) shown.push_back(next);
      }
      status = stream.Send(shown, next);
      ASSERT_TRUE(status.ok()) << status << " round " << round;
    }
    EXPECT_EQ(stream.reader().known()->size, end);
    known = stream.reader().known();
  }
}

}  // namespace
}  // namespace gaceta
