// What a program does with a registry change that a later version wrote.
#include "verify/later_version.h"

#include <functional>
#include <string>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/statements.h"
#include "verify/entry_verifier.h"
#include "verify/federation.h"

namespace gaceta {
namespace {

using testing::EntryOf;
using ::testing::HasSubstr;
using testing::RegistryParts;
using testing::StoredEntryOf;
using testing::TestFederation;
using testing::TestPublisher;

constexpr char kOrigin[] = "hub.gaceta.example/log";
// A field number that no message of this version has.
constexpr int kLaterField = 900;

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation;
  return *federation;
}

void AddLaterField(google::protobuf::Message* message) {
  message->GetReflection()->MutableUnknownFields(message)->AddVarint(
      kLaterField, 1);
}

struct LaterChange {
  std::string name;
  std::function<void(v1::RegistryItem*)> make;
  // Where the program says that it stopped.
  std::string path;
};

void PrintTo(const LaterChange& one, std::ostream* out) { *out << one.name; }

v1::RegistryItem CorridorItem() {
  const v1::RegistryChange first = TheFederation().FirstChange();
  for (const v1::RegistryItem& item : first.items()) {
    if (item.has_corridor()) return item;
  }
  return {};
}

class LaterChangeTest : public ::testing::TestWithParam<LaterChange> {
 protected:
  static v1::RegistryChange Change() {
    v1::RegistryChange change;
    *change.add_items() = testing::TopicItem("health");
    GetParam().make(change.add_items());
    return change;
  }
};

TEST_P(LaterChangeTest, StopsTheRegistryAndChangesNothing) {
  Federation federation = TheFederation().Full();

  const absl::Status status = federation.Apply(Change(), 1);

  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(Reason(status), kRegistryNewer);
  EXPECT_THAT(std::string(status.message()), HasSubstr(GetParam().path));
  EXPECT_FALSE(federation.HasTopic("health"));
}

INSTANTIATE_TEST_SUITE_P(
    Every, LaterChangeTest,
    ::testing::Values(
        LaterChange{"Kind", [](auto* item) { AddLaterField(item); },
                    "items[1].field 900"},
        LaterChange{"Field",
                    [](auto* item) {
                      *item = TheFederation().MemberItem("HN");
                      AddLaterField(item->mutable_member());
                    },
                    "items[1].member.field 900"},
        LaterChange{"FieldOfAPart",
                    [](auto* item) {
                      *item = TheFederation().MemberItem("HN");
                      AddLaterField(item->mutable_member()->mutable_names(0));
                    },
                    "items[1].member.names[0].field 900"},
        LaterChange{"Status",
                    [](auto* item) {
                      *item = TheFederation().MemberItem("HN");
                      item->mutable_member()->set_status(
                          static_cast<v1::Member::Status>(9));
                    },
                    "items[1].member.status = 9"},
        LaterChange{"MemberKind",
                    [](auto* item) {
                      *item = TheFederation().MemberItem("HN");
                      item->mutable_member()->set_kind(
                          static_cast<v1::Member::Kind>(9));
                    },
                    "items[1].member.kind = 9"},
        LaterChange{"Role",
                    [](auto* item) {
                      *item = CorridorItem();
                      item->mutable_corridor()->mutable_stops(0)->add_roles(
                          static_cast<v1::CorridorRole>(9));
                    },
                    "items[1].corridor.stops[0].roles = 9"},
        LaterChange{"ErasureTarget",
                    [](auto* item) {
                      item->mutable_erasure()->set_ground("order");
                      AddLaterField(item->mutable_erasure());
                    },
                    "items[1].erasure.field 900"}),
    [](const auto& one) { return one.param.name; });

TEST(LaterVersionTest, WhatThisVersionKnowsIsNotOfALaterOne) {
  EXPECT_EQ(FindLaterVersion(TheFederation().FirstChange()), "");
}

// A reader as a program: it stops at the entry, and its successor goes on.
class LaterVersionReaderTest : public ::testing::Test {
 protected:
  v1::Entry Append(const v1::RegistryChange& change) {
    return EntryOf(next_++,
                   StoredEntryOf(secretariat_.Next(RegistryParts(change))));
  }

  EntryVerifier verifier_{{kOrigin, true}, TheFederation().Empty()};

 private:
  TestPublisher secretariat_ = TheFederation().PublisherOf("OAS");
  Position next_ = 0;
};

TEST_F(LaterVersionReaderTest, StopsBeforeTheEntryAndAccusesNobody) {
  ASSERT_TRUE(verifier_.Check(Append(TheFederation().FirstChange())).ok());
  v1::RegistryChange later;
  AddLaterField(later.add_items());
  const v1::Entry entry = Append(later);

  const absl::Status status = verifier_.Check(entry).status();

  // kDataLoss would be kept as evidence against the hub.
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_EQ(Reason(status), kRegistryNewer);
  EXPECT_EQ(ReasonMetadata(status, "position"), "1");
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("upgrade to read on from position 1"));
  EXPECT_EQ(verifier_.state().next_position, 1);
}

TEST_F(LaterVersionReaderTest, GoesOnFromThereAfterTheUpgrade) {
  const v1::Entry first = Append(TheFederation().FirstChange());
  ASSERT_TRUE(verifier_.Check(first).ok());
  v1::RegistryChange later;
  *later.add_items() = testing::TopicItem("health");
  const v1::Entry entry = Append(later);
  const EntryVerifier::State kept = verifier_.state();

  // The upgraded program: it knows all of the change.
  EntryVerifier upgraded({kOrigin, true}, TheFederation().Empty());
  ASSERT_TRUE(upgraded.ApplyRegistryEntry(first).ok());
  upgraded.set_state(kept);

  EXPECT_TRUE(upgraded.Check(entry).ok());
  EXPECT_TRUE(upgraded.registry()->HasTopic("health"));
}

}  // namespace
}  // namespace gaceta
