#include "server/relay/relayed_entry.h"

#include <optional>
#include <string>
#include <thread>
#include <utility>
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
  EXPECT_TRUE(entry.is_public());
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

// A leaf whose header is `bytes`.
StoredEntry WithHeader(const std::string& bytes) {
  v1::Leaf leaf;
  leaf.set_header(bytes);
  StoredEntry stored;
  stored.leaf = leaf.SerializeAsString();
  stored.payload = "payload";
  return stored;
}

std::string HeaderOf(const std::string& publisher, const std::string& type,
                     std::optional<v1::Audience::Scope> scope = std::nullopt) {
  v1::StatementHeader header;
  header.set_publisher(publisher);
  header.set_payload_type(type);
  header.set_sequence(300);
  if (scope.has_value()) header.mutable_audience()->set_scope(*scope);
  header.mutable_signed_time()->set_seconds(1);
  return header.SerializeAsString();
}

TEST(RelayedEntryTest, SeesInTheBytesOfAHeaderWhatProtobufSees) {
  const std::string registry = HeaderOf(
      std::string(kSecretariat), std::string(kRegistryChangePayloadType));
  const std::string update = HeaderOf("HN", std::string(kUpdatePayloadType));
  const std::string listed = HeaderOf("HN", std::string(kUpdatePayloadType),
                                      v1::Audience::SCOPE_LISTED);
  const std::string open = HeaderOf("HN", std::string(kUpdatePayloadType),
                                    v1::Audience::SCOPE_PUBLIC);
  const std::string members = HeaderOf("", "", v1::Audience::SCOPE_MEMBERS);
  // Fields that nobody knows: a number, 8 and 4 bytes, bytes, and a group that
  // has an audience in it.
  const std::string unknown = std::string("\xa0\x06\x01", 3) +
                              "\xa1\x06"
                              "eightbyt"
                              "\xa5\x06"
                              "four" +
                              "\xa2\x06\x02no"
                              "\xa3\x06\x52\x02\x08\x03\xa4\x06";
  // The tag of a publisher in two bytes, which parsers take as well.
  const std::string roundabout = std::string("\x92\x00\x02GT", 5);
  // A publisher that is a number is none.
  const std::string number = "\x10\x05";

  for (const std::string& bytes :
       {registry, update, listed, open, members, update + registry,
        registry + update, registry + members, listed + open, open + listed,
        update + unknown, unknown + registry, registry + roundabout,
        registry + number, std::string()}) {
    v1::StatementHeader header;
    ASSERT_TRUE(header.ParseFromString(bytes));
    const RelayedEntry entry(3, WithHeader(bytes));

    EXPECT_EQ(entry.is_registry(),
              header.publisher() == kSecretariat &&
                  header.payload_type() == kRegistryChangePayloadType);
    EXPECT_EQ(entry.is_update(), header.payload_type() == kUpdatePayloadType);
    EXPECT_EQ(entry.is_public(), IsPublic(header));
    EXPECT_EQ(entry.header().SerializeAsString(), header.SerializeAsString());
  }
}

TEST(RelayedEntryTest, OfAHeaderThatDoesNotParseItKnowsNothing) {
  const std::string registry = HeaderOf(
      std::string(kSecretariat), std::string(kRegistryChangePayloadType));
  for (const std::string& damage :
       {// Cut off, a field of no length, the end of no group, and a zero.
        registry.substr(0, registry.size() - 1), registry + "\x12",
        registry + "\x12\x7f", registry + "\xa4\x06",
        registry + std::string("\0", 1)}) {
    const RelayedEntry entry(3, WithHeader(damage));

    EXPECT_FALSE(entry.is_registry());
    EXPECT_FALSE(entry.is_update());
    EXPECT_EQ(entry.header().publisher(), "");
  }
}

TEST(RelayedEntryTest, HeaderAndUpdateAreParsedOnceForAllThreads) {
  const RelayedEntry entry(0, StoredUpdate("HN", GoodUpdate("HN")));
  using Seen = std::pair<const v1::StatementHeader*, const v1::Update*>;
  std::vector<Seen> seen(4);
  std::vector<std::thread> threads;
  for (Seen& one : seen) {
    threads.emplace_back([&] { one = {&entry.header(), entry.update()}; });
  }
  for (std::thread& thread : threads) thread.join();

  for (const Seen& one : seen) EXPECT_EQ(one, seen[0]);
  EXPECT_EQ(seen[0].first->publisher(), "HN");
  EXPECT_NE(seen[0].second, nullptr);
}

}  // namespace
}  // namespace gaceta
