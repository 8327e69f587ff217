#include "server/relay/relayed_entry.h"

#include <string>
#include <thread>
#include <vector>

#include "gaceta/v1/relay.pb.h"
#include "gtest/gtest.h"
#include "tests/server/relay/relay_scene.h"

namespace gaceta {
namespace {

using testing::EntryOf;
using testing::GoodUpdate;
using testing::StoredUpdate;

std::string Bytes(const grpc::Slice& slice) {
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

// What protobuf itself makes of a message with this one entry.
std::string Encoded(const v1::Entry& entry) {
  v1::SubscribeResponse response;
  *response.add_entries() = entry;
  return response.SerializeAsString();
}

std::vector<StoredEntry> Samples() {
  std::vector<StoredEntry> samples(6);
  samples[0] = StoredUpdate("HN", GoodUpdate("HN"));
  samples[1] = testing::StoredRegistryChange();
  samples[2] = samples[0];
  samples[2].payload.clear();
  samples[2].omission = v1::Entry::OMISSION_NOT_KEPT;
  samples[3].leaf = std::string(32 * 1024, 'l');
  samples[3].payload = std::string(64 * 1024, 'p');
  samples[4].payload = "no leaf";
  return samples;
}

constexpr Position kPositions[] = {0, 1, 127, 128, 1'000'000, 1LL << 40};

TEST(RelayedEntryTest, ItsBytesAreThoseThatProtobufMakes) {
  for (const StoredEntry& stored : Samples()) {
    for (const Position position : kPositions) {
      const RelayedEntry entry(position, stored);

      EXPECT_TRUE(Bytes(entry.full_slice()) ==
                  Encoded(EntryOf(position, stored)));
      EXPECT_EQ(entry.bytes(), entry.full_slice().size());
    }
  }
}

TEST(RelayedEntryTest, ItsBareBytesAreThoseThatProtobufMakes) {
  for (const StoredEntry& stored : Samples()) {
    for (const Position position : kPositions) {
      for (const auto omission :
           {v1::Entry::OMISSION_NOT_REQUESTED, v1::Entry::OMISSION_RESTRICTED,
            v1::Entry::OMISSION_NOT_KEPT}) {
        const RelayedEntry entry(position, stored);
        v1::Entry bare = EntryOf(position, stored);
        bare.clear_payload();
        bare.set_omission(omission);

        EXPECT_TRUE(Bytes(entry.BareSlice(omission)) == Encoded(bare));
        EXPECT_EQ(entry.ToProto(omission).SerializeAsString(),
                  bare.SerializeAsString());
      }
    }
  }
}

TEST(RelayedEntryTest, ForUnaryAnswersItIsTheSameEntry) {
  for (const StoredEntry& stored : Samples()) {
    EXPECT_EQ(RelayedEntry(5, stored)
                  .ToProto(v1::Entry::OMISSION_UNSPECIFIED)
                  .SerializeAsString(),
              EntryOf(5, stored).SerializeAsString());
  }
}

TEST(RelayedEntryTest, SlicesMakeAMessageByStandingInARow) {
  std::string message;
  const std::vector<StoredEntry> samples = Samples();
  for (std::size_t i = 0; i < samples.size(); ++i) {
    message +=
        Bytes(RelayedEntry(static_cast<Position>(i), samples[i]).full_slice());
  }

  v1::SubscribeResponse response;
  ASSERT_TRUE(response.ParseFromString(message));

  ASSERT_EQ(response.entries_size(), static_cast<int>(samples.size()));
  for (int i = 0; i < response.entries_size(); ++i) {
    EXPECT_EQ(
        response.entries(i).SerializeAsString(),
        EntryOf(i, samples[static_cast<std::size_t>(i)]).SerializeAsString());
  }
}

TEST(RelayedEntryTest, KnowsWhatItsStatementSays) {
  const RelayedEntry entry(
      7, StoredUpdate("HN", GoodUpdate("HN", 9), "migracion"));

  EXPECT_EQ(entry.position(), 7);
  EXPECT_EQ(entry.header().publisher(), "HN");
  EXPECT_EQ(entry.header().agency(), "migracion");
  EXPECT_EQ(entry.recorded_time(), testing::TestTime());
  EXPECT_TRUE(entry.is_update());
  EXPECT_FALSE(entry.is_registry());
  ASSERT_NE(entry.update(), nullptr);
  EXPECT_EQ(entry.update()->instrument().uri(),
            "urn:lex:hn:estado:ley:2004-03-03;9");
}

TEST(RelayedEntryTest, KnowsTheRegistry) {
  const RelayedEntry entry(0, testing::StoredRegistryChange());

  EXPECT_TRUE(entry.is_registry());
  EXPECT_FALSE(entry.is_update());
  EXPECT_EQ(entry.update(), nullptr);
}

TEST(RelayedEntryTest, HasNoUpdateIfThePayloadIsNotKeptOrDoesNotParse) {
  StoredEntry stored = StoredUpdate("HN", GoodUpdate("HN"));
  stored.payload = "\xff\xff";
  EXPECT_EQ(RelayedEntry(0, stored).update(), nullptr);

  stored.payload.clear();
  stored.omission = v1::Entry::OMISSION_NOT_KEPT;
  EXPECT_EQ(RelayedEntry(0, stored).update(), nullptr);
}

TEST(RelayedEntryTest, TheUpdateIsParsedOnceForAllThreads) {
  const RelayedEntry entry(0, StoredUpdate("HN", GoodUpdate("HN")));
  std::vector<const v1::Update*> seen(4);
  std::vector<std::thread> threads;
  for (auto& one : seen) {
    threads.emplace_back([&] { one = entry.update(); });
  }
  for (std::thread& thread : threads) thread.join();

  for (const v1::Update* one : seen) EXPECT_EQ(one, seen[0]);
  EXPECT_NE(seen[0], nullptr);
}

}  // namespace
}  // namespace gaceta
