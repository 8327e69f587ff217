#include "server/relay/entry_stream.h"

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/relay/proof_reader.h"
#include "tests/server/relay/proved_log.h"
#include "tests/server/relay/relay_scene.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using testing::GoodUpdate;
using ::testing::IsEmpty;
using testing::ReaderOf;
using testing::StoredUpdate;

using Step = EntryStream::Step;

v1::SubscribeResponse Parsed(grpc::ByteBuffer message) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(message.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  v1::SubscribeResponse response;
  EXPECT_TRUE(response.ParseFromString(bytes));
  return response;
}

// A stream whose every message is checked by its proof.
struct ProvedStream {
  EntryStream stream;
  testing::ProofReader reader;
};

class EntryStreamTest : public ::testing::Test {
 protected:
  EntryStreamTest() { StartCache(); }

  // What is in the log now has to be loaded, what is appended later has not.
  void StartCache(EntryCache::Options options = {}) {
    cache_ = std::make_unique<EntryCache>(&log_.store(), options);
    cache_->SetListener([this] {
      absl::MutexLock lock(&mu_);
      ++changes_;
    });
  }

  void Append(const StoredEntry& entry) {
    const Position at = log_.store().Size();
    log_.Append({&entry, 1});
    cache_->Append(at, {&entry, 1});
    log_.Publish();
    cache_->SetEnd(at + 1);
  }

  void AppendUpdates(const std::string& publisher, int count) {
    for (int i = 0; i < count; ++i) {
      Append(StoredUpdate(publisher, GoodUpdate(publisher, i)));
    }
  }

  std::shared_ptr<const CompiledFilter> Compile(const v1::Filter& filter,
                                                const std::string& reader) {
    auto compiled = CompiledFilter::Compile(filter, ReaderOf(reader),
                                            testing::RelayFederation());
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return *compiled;
  }

  ProvedStream Stream(Position start = 0, EntryStream::Options options = {}) {
    ProvedStream proved{EntryStream(cache_.get(), log_.proofs(),
                                    Compile(filter_, "GT"), start, options),
                        testing::ProofReader()};
    v1::SubscribeResponse opened;
    opened.mutable_opened()->set_start_position(start);
    opened.mutable_opened()->set_log_size(cache_->Size());
    EXPECT_TRUE(proved.stream.ProveStart(0, &opened).ok());
    const absl::Status read = proved.reader.Read(opened);
    EXPECT_TRUE(read.ok()) << read;
    return proved;
  }

  int Changes() {
    absl::MutexLock lock(&mu_);
    return changes_;
  }

  // Takes one step that must not fail.
  static std::pair<Step, v1::SubscribeResponse> Next(ProvedStream& proved) {
    grpc::ByteBuffer message;
    auto step = proved.stream.Next(&message);
    EXPECT_TRUE(step.ok()) << step.status();
    if (!step.ok()) return {Step::kAtEnd, {}};
    if (*step != Step::kMessage) return {*step, {}};
    v1::SubscribeResponse response = Parsed(message);
    const absl::Status read = proved.reader.Read(response);
    EXPECT_TRUE(read.ok()) << read;
    return {*step, std::move(response)};
  }

  // Goes on to the end of the log and returns every entry that came; checks
  // order and progress on the way.
  std::vector<v1::Entry> ReadToTheEnd(ProvedStream& proved) {
    EntryStream& stream = proved.stream;
    std::vector<v1::Entry> all;
    Position told = stream.sent_position();
    while (true) {
      const int seen = Changes();
      auto [step, response] = Next(proved);
      if (step == Step::kAtEnd) return all;
      if (step == Step::kLoading) AwaitChangesBeyond(seen);
      if (step != Step::kMessage) continue;
      EXPECT_GT(response.entries_size(), 0);
      for (const v1::Entry& entry : response.entries()) {
        // In order, each once, and never below what was told.
        EXPECT_GE(entry.position(), told);
        EXPECT_TRUE(all.empty() || entry.position() > all.back().position());
        all.push_back(entry);
      }
      EXPECT_TRUE(response.has_progress());
      told = response.progress().next_position();
      EXPECT_GT(told, all.back().position());
      EXPECT_EQ(told, stream.position());
      EXPECT_EQ(told, stream.sent_position());
      EXPECT_EQ(response.progress().live(), told == cache_->Size());
    }
  }

  void AwaitChangesBeyond(int seen) {
    absl::MutexLock lock(&mu_);
    const auto more = [&] {
      mu_.AssertHeld();
      return changes_ > seen;
    };
    ASSERT_TRUE(
        mu_.AwaitWithTimeout(absl::Condition(&more), absl::Seconds(20)));
  }

  static std::vector<Position> Positions(
      const std::vector<v1::Entry>& entries) {
    std::vector<Position> positions;
    for (const v1::Entry& entry : entries)
      positions.push_back(entry.position());
    return positions;
  }

  testing::ProvedLog log_;
  v1::Filter filter_;
  absl::Mutex mu_;
  int changes_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<EntryCache> cache_;
};

TEST_F(EntryStreamTest, OfAnEmptyLogIsAtTheEnd) {
  ProvedStream stream = Stream();

  EXPECT_EQ(Next(stream).first, Step::kAtEnd);
  EXPECT_EQ(stream.stream.position(), 0);
}

TEST_F(EntryStreamTest, SendsWhatIsThereInOneMessageThenIsAtTheEnd) {
  AppendUpdates("HN", 3);
  ProvedStream stream = Stream();

  auto [step, response] = Next(stream);

  EXPECT_EQ(step, Step::kMessage);
  ASSERT_EQ(response.entries_size(), 3);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(response.entries(i).SerializeAsString(),
              testing::EntryOf(i, (*log_.store().Read(i, 1, 1))[0])
                  .SerializeAsString());
  }
  EXPECT_EQ(response.progress().next_position(), 3);
  EXPECT_TRUE(response.progress().live());
  EXPECT_EQ(Next(stream).first, Step::kAtEnd);
}

TEST_F(EntryStreamTest, GoesOnWhenTheLogHasGrown) {
  ProvedStream stream = Stream();
  ASSERT_EQ(Next(stream).first, Step::kAtEnd);

  AppendUpdates("HN", 1);
  EXPECT_THAT(Positions(ReadToTheEnd(stream)), ElementsAre(0));

  AppendUpdates("HN", 2);
  EXPECT_THAT(Positions(ReadToTheEnd(stream)), ElementsAre(1, 2));
}

TEST_F(EntryStreamTest, BeginsWhereItIsTold) {
  AppendUpdates("HN", 5);
  ProvedStream stream = Stream(3);

  EXPECT_THAT(Positions(ReadToTheEnd(stream)), ElementsAre(3, 4));
}

TEST_F(EntryStreamTest, AStartBeyondTheEndFails) {
  EntryStream stream(cache_.get(), log_.proofs(), Compile(filter_, "GT"), 1,
                     {});
  grpc::ByteBuffer message;

  EXPECT_EQ(stream.Next(&message).status().code(),
            absl::StatusCode::kOutOfRange);
}

TEST_F(EntryStreamTest, MessagesAreClosedAtTheirLimits) {
  AppendUpdates("HN", 10);
  EntryStream::Options options;
  options.max_message_entries = 4;
  ProvedStream by_entries = Stream(0, options);
  EXPECT_EQ(Next(by_entries).second.entries_size(), 4);
  EXPECT_EQ(Next(by_entries).second.entries_size(), 4);
  EXPECT_EQ(Next(by_entries).second.entries_size(), 2);

  options.max_message_entries = 64;
  options.max_message_bytes = 1;
  ProvedStream by_bytes = Stream(0, options);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Next(by_bytes).second.entries_size(), 1);
  }
  EXPECT_EQ(Next(by_bytes).first, Step::kAtEnd);
}

TEST_F(EntryStreamTest, ALongRunThatDoesNotPassIsTakenInSteps) {
  filter_.add_states("GT");
  AppendUpdates("HN", 300);
  AppendUpdates("GT", 1);
  EntryStream::Options options;
  options.max_scan = 100;
  ProvedStream stream = Stream(0, options);

  int steps = 0;
  while (Next(stream).first == Step::kMore) {
    ++steps;
    // Decided, but not told yet.
    EXPECT_GT(stream.stream.position(), stream.stream.sent_position());
  }

  EXPECT_GE(steps, 2);
  EXPECT_EQ(stream.stream.sent_position(), 301);
}

TEST_F(EntryStreamTest, ProgressIsToldAlsoWhenNothingPasses) {
  filter_.add_states("GT");
  AppendUpdates("HN", 5);
  ProvedStream stream = Stream();
  ASSERT_EQ(Next(stream).first, Step::kAtEnd);
  EXPECT_EQ(stream.stream.position(), 5);
  EXPECT_EQ(stream.stream.sent_position(), 0);

  const v1::SubscribeResponse response =
      Parsed(*stream.stream.ProgressMessage());

  EXPECT_THAT(response.entries(), IsEmpty());
  EXPECT_EQ(response.progress().next_position(), 5);
  EXPECT_TRUE(response.progress().live());
  EXPECT_EQ(stream.stream.sent_position(), 5);
  EXPECT_TRUE(stream.reader.Read(response).ok());
}

TEST_F(EntryStreamTest, WaitsForWhatIsNotInMemory) {
  AppendUpdates("HN", 100);
  StartCache();
  ProvedStream stream = Stream();

  EXPECT_EQ(Next(stream).first, Step::kLoading);

  EXPECT_EQ(ReadToTheEnd(stream).size(), 100u);
}

TEST_F(EntryStreamTest, HeadersOnlySendsNoPayloadsButTheRegistrys) {
  AppendUpdates("HN", 1);
  Append(testing::StoredRegistryChange());
  EntryStream::Options options;
  options.headers_only = true;
  ProvedStream stream = Stream(0, options);

  const auto entries = ReadToTheEnd(stream);

  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].omission(), v1::Entry::OMISSION_NOT_REQUESTED);
  EXPECT_THAT(entries[0].payload(), IsEmpty());
  EXPECT_EQ(entries[0].leaf(), (*log_.store().Read(0, 1, 1))[0].leaf);
  EXPECT_EQ(entries[1].omission(), v1::Entry::OMISSION_UNSPECIFIED);
  EXPECT_EQ(entries[1].payload(), (*log_.store().Read(1, 1, 1))[0].payload);
}

TEST_F(EntryStreamTest, UnmatchedHeadersComeInTheirPlaceWithoutPayload) {
  filter_.add_states("GT");
  AppendUpdates("HN", 1);
  AppendUpdates("GT", 1);
  AppendUpdates("MX", 1);
  EntryStream::Options options;
  options.include_unmatched_headers = true;
  ProvedStream stream = Stream(0, options);

  const auto entries = ReadToTheEnd(stream);

  ASSERT_THAT(Positions(entries), ElementsAre(0, 1, 2));
  EXPECT_EQ(entries[0].omission(), v1::Entry::OMISSION_NOT_REQUESTED);
  EXPECT_EQ(entries[1].omission(), v1::Entry::OMISSION_UNSPECIFIED);
  EXPECT_EQ(entries[2].omission(), v1::Entry::OMISSION_NOT_REQUESTED);
  for (const v1::Entry& entry : entries) {
    EXPECT_EQ(entry.leaf(),
              (*log_.store().Read(entry.position(), 1, 1))[0].leaf);
    EXPECT_EQ(entry.payload().empty(),
              entry.omission() != v1::Entry::OMISSION_UNSPECIFIED);
  }
}

TEST_F(EntryStreamTest, ARestrictedPayloadStaysBehindAndSaysSo) {
  v1::Audience audience;
  audience.set_scope(v1::Audience::SCOPE_LISTED);
  audience.add_states("MX");
  Append(StoredUpdate("HN", GoodUpdate("HN"), "", audience));
  StoredEntry not_kept = StoredUpdate("HN", GoodUpdate("HN"));
  not_kept.payload.clear();
  not_kept.omission = v1::Entry::OMISSION_NOT_KEPT;
  Append(not_kept);
  for (const bool headers_only : {false, true}) {
    EntryStream::Options options;
    options.headers_only = headers_only;
    ProvedStream stream = Stream(0, options);

    const auto entries = ReadToTheEnd(stream);

    ASSERT_EQ(entries.size(), 2u);
    EXPECT_EQ(entries[0].omission(), v1::Entry::OMISSION_RESTRICTED);
    EXPECT_EQ(entries[1].omission(), v1::Entry::OMISSION_NOT_KEPT);
    EXPECT_THAT(entries[0].payload(), IsEmpty());
  }
}

TEST_F(EntryStreamTest, AnotherFilterCountsFromThereOn) {
  AppendUpdates("HN", 2);
  ProvedStream stream = Stream();
  ASSERT_EQ(ReadToTheEnd(stream).size(), 2u);
  filter_.add_states("GT");

  stream.stream.set_filter(Compile(filter_, "GT"));
  AppendUpdates("HN", 2);
  AppendUpdates("GT", 1);

  EXPECT_THAT(Positions(ReadToTheEnd(stream)), ElementsAre(4));
}

// For any filter: what comes is what Decide() passes, and whoever stops at any
// progress and resumes there gets exactly the rest.
TEST_F(EntryStreamTest, ResumesAnywhereWithExactlyTheRest) {
  std::mt19937 random(2141);
  std::vector<StoredEntry> entries;
  for (int i = 0; i < 400; ++i) {
    entries.push_back(testing::RandomStoredEntry(random));
  }
  log_.Append(absl::MakeConstSpan(entries).subspan(0, 250));
  log_.Publish();
  EntryCache::Options small;
  small.tail_bytes = 20'000;
  small.block_bytes = 40'000;
  StartCache(small);
  for (std::size_t i = 250; i < entries.size(); ++i) Append(entries[i]);

  for (int round = 0; round < 40; ++round) {
    filter_ = testing::RandomFilter(random);
    EntryStream::Options options;
    options.include_unmatched_headers = random() % 4 == 0;
    options.headers_only = random() % 4 == 0;
    options.max_message_entries = 1 + static_cast<int>(random() % 20);
    options.max_message_bytes = 1 + random() % 5000;
    options.max_scan = 1 + static_cast<int>(random() % 100);
    const auto compiled = Compile(filter_, "GT");
    std::vector<Position> expected;
    for (Position p = 0; p < 400; ++p) {
      const RelayedEntry entry(p, entries[static_cast<std::size_t>(p)]);
      if (options.include_unmatched_headers ||
          compiled->Decide(entry) != Passage::kNone) {
        expected.push_back(p);
      }
    }

    ProvedStream whole = Stream(0, options);
    const auto all = ReadToTheEnd(whole);
    ASSERT_EQ(Positions(all), expected) << filter_.ShortDebugString();

    // In two halves, cut at a message.
    std::vector<v1::Entry> halves;
    ProvedStream first = Stream(0, options);
    const auto stop_at = static_cast<Position>(random() % 400);
    while (first.stream.sent_position() < stop_at) {
      const int seen = Changes();
      auto [step, response] = Next(first);
      if (step == Step::kAtEnd) break;
      if (step == Step::kLoading) AwaitChangesBeyond(seen);
      halves.insert(halves.end(), response.entries().begin(),
                    response.entries().end());
    }
    ProvedStream second = Stream(first.stream.sent_position(), options);
    for (v1::Entry& entry : ReadToTheEnd(second)) {
      halves.push_back(std::move(entry));
    }

    ASSERT_EQ(halves.size(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      ASSERT_EQ(halves[i].SerializeAsString(), all[i].SerializeAsString());
    }
  }
}

}  // namespace
}  // namespace gaceta
