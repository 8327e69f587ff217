// Lists of the registry and of updates, over mutual TLS from a real hub.
#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "errors/errors.h"
#include "errors/grpc_status.h"
#include "gaceta/v1/registry.grpc.pb.h"
#include "gaceta/v1/updates.grpc.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/services/page_token.h"
#include "tests/server/relay/test_subscription.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using testing::GoodUpdate;
using testing::SetDeadline;
using testing::StatementParts;
using testing::TestHub;
using testing::TestSubscription;
using testing::TopicItem;
using testing::UpdateParts;

class ListsTest : public ::testing::Test {
 protected:
  ListsTest()
      : channel_(hub_.As("HN", "subscriber/monitor")),
        registry_(v1::RegistryService::NewStub(channel_)),
        updates_(v1::UpdatesService::NewStub(channel_)) {}

  // All pages of a list, by `call`, whose items are read by `take`.
  template <typename Request, typename Response, typename Call, typename Take>
  void ForPages(Request request, Call call, Take take) {
    do {
      grpc::ClientContext context;
      SetDeadline(&context);
      Response response;
      const grpc::Status status = call(&context, request, &response);
      ASSERT_TRUE(status.ok()) << status.error_message();
      take(response);
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
  }

  std::vector<Position> RegistryPositions(int page_size, Position start = 0) {
    std::vector<Position> positions;
    v1::ListRegistryEntriesRequest request;
    request.set_page_size(page_size);
    request.set_start_position(start);
    ForPages<v1::ListRegistryEntriesRequest, v1::ListRegistryEntriesResponse>(
        request,
        [&](auto* context, const auto& one, auto* response) {
          return registry_->ListRegistryEntries(context, one, response);
        },
        [&](const v1::ListRegistryEntriesResponse& page) {
          EXPECT_LE(page.entries_size(), page_size);
          EXPECT_EQ(page.next_position() != 0, page.next_page_token().empty());
          for (const v1::Entry& entry : page.entries()) {
            EXPECT_NE(entry.payload(), "");
            CheckProof(entry, page.checkpoint());
            positions.push_back(entry.position());
          }
        });
    return positions;
  }

  std::vector<v1::Entry> List(const v1::Filter& filter, bool ascending,
                              int page_size) {
    std::vector<v1::Entry> entries;
    v1::ListUpdatesRequest request;
    *request.mutable_filter() = filter;
    request.set_ascending(ascending);
    request.set_page_size(page_size);
    ForPages<v1::ListUpdatesRequest, v1::ListUpdatesResponse>(
        request,
        [&](auto* context, const auto& one, auto* response) {
          return updates_->ListUpdates(context, one, response);
        },
        [&](const v1::ListUpdatesResponse& page) {
          EXPECT_LE(page.entries_size(), page_size);
          for (const v1::Entry& entry : page.entries()) {
            CheckProof(entry, page.checkpoint());
            entries.push_back(entry);
            entries.back().clear_inclusion_proof();
          }
        });
    return entries;
  }

  // Each entry is in the tree of the checkpoint that comes with it.
  void CheckProof(const v1::Entry& entry, const std::string& note) {
    const absl::Status status =
        testing::CheckInLog(entry.leaf(), entry.position(),
                            entry.inclusion_proof(), note, hub_.log_key());
    EXPECT_TRUE(status.ok()) << status;
  }

  absl::Status ListStatus(const v1::ListUpdatesRequest& request) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::ListUpdatesResponse response;
    return FromGrpc(updates_->ListUpdates(&context, request, &response));
  }

  absl::StatusOr<v1::Entry> Get(const v1::GetUpdateRequest& request) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::GetUpdateResponse response;
    const grpc::Status status =
        updates_->GetUpdate(&context, request, &response);
    if (!status.ok()) return FromGrpc(status);
    CheckProof(response.entry(), response.checkpoint());
    response.mutable_entry()->clear_inclusion_proof();
    return response.entry();
  }
  absl::StatusOr<v1::Entry> GetAt(Position position) {
    v1::GetUpdateRequest request;
    request.set_position(position);
    return Get(request);
  }
  absl::StatusOr<v1::Entry> GetById(const std::string& id) {
    v1::GetUpdateRequest request;
    request.set_statement_id(id);
    return Get(request);
  }

  TestHub hub_;
  const std::shared_ptr<grpc::Channel> channel_;
  const std::unique_ptr<v1::RegistryService::Stub> registry_;
  const std::unique_ptr<v1::UpdatesService::Stub> updates_;
};

std::vector<Position> PositionsOf(const std::vector<v1::Entry>& entries) {
  std::vector<Position> positions;
  for (const v1::Entry& entry : entries) positions.push_back(entry.position());
  return positions;
}

TEST_F(ListsTest, MembersComeInOrderOfTheirIdOnPagesOfAnySize) {
  for (const int page_size : {1, 2, 5, 1000}) {
    std::vector<std::string> ids;
    v1::ListMembersRequest request;
    request.set_page_size(page_size);
    ForPages<v1::ListMembersRequest, v1::ListMembersResponse>(
        request,
        [&](auto* context, const auto& one, auto* response) {
          return registry_->ListMembers(context, one, response);
        },
        [&](const v1::ListMembersResponse& page) {
          EXPECT_LE(page.members_size(), page_size);
          for (const auto& member : page.members()) ids.push_back(member.id());
        });

    EXPECT_THAT(ids, ElementsAre("GT", "HN", "MX", "OAS", "acnur"));
  }
}

TEST_F(ListsTest, TopicsAndCorridorsComeInOrder) {
  hub_.ChangeRegistry(
      {TopicItem("asylum"), testing::CorridorItem("andes", {"GT", "HN"})});
  std::vector<std::string> topics;
  v1::ListTopicsRequest topics_request;
  topics_request.set_page_size(2);
  ForPages<v1::ListTopicsRequest, v1::ListTopicsResponse>(
      topics_request,
      [&](auto* context, const auto& one, auto* response) {
        return registry_->ListTopics(context, one, response);
      },
      [&](const v1::ListTopicsResponse& page) {
        for (const auto& topic : page.topics()) topics.push_back(topic.id());
      });
  std::vector<std::string> corridors;
  v1::ListCorridorsRequest corridors_request;
  corridors_request.set_page_size(1);
  ForPages<v1::ListCorridorsRequest, v1::ListCorridorsResponse>(
      corridors_request,
      [&](auto* context, const auto& one, auto* response) {
        return registry_->ListCorridors(context, one, response);
      },
      [&](const v1::ListCorridorsResponse& page) {
        for (const auto& one : page.corridors()) corridors.push_back(one.id());
      });

  EXPECT_THAT(topics, ElementsAre("asylum", "education", "entry-visa"));
  EXPECT_THAT(corridors, ElementsAre("andes", "north"));
}

TEST_F(ListsTest, TheRegistrysEntriesAreListedWithTheirPlaces) {
  hub_.PublishNext("HN", GoodUpdate("HN", 1));
  hub_.ChangeRegistry({TopicItem("asylum")});
  hub_.PublishNext("HN", GoodUpdate("HN", 2));
  hub_.ChangeRegistry({TopicItem("work")});

  for (const int page_size : {1, 2, 3, 100}) {
    EXPECT_THAT(RegistryPositions(page_size), ElementsAre(0, 2, 4));
    EXPECT_THAT(RegistryPositions(page_size, 1), ElementsAre(2, 4));
    EXPECT_THAT(RegistryPositions(page_size, 5), ElementsAre());
  }
}

TEST_F(ListsTest, AStartBeyondTheEndIsRefused) {
  for (const Position start : {Position{-1}, Position{2}}) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::ListRegistryEntriesRequest request;
    request.set_start_position(start);
    v1::ListRegistryEntriesResponse response;

    const absl::Status status =
        FromGrpc(registry_->ListRegistryEntries(&context, request, &response));

    EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
    EXPECT_EQ(Reason(status), "POSITION_BEYOND_END");
  }
}

TEST_F(ListsTest, TokensOfOtherRpcsAreRefused) {
  for (const std::string& token :
       {std::string("x"), MakePageToken("ListCorridors", "north"),
        MakePageToken("ListUpdates ascending", "0")}) {
    grpc::ClientContext context;
    SetDeadline(&context);
    v1::ListMembersRequest request;
    request.set_page_token(token);
    v1::ListMembersResponse response;

    EXPECT_EQ(registry_->ListMembers(&context, request, &response).error_code(),
              grpc::StatusCode::INVALID_ARGUMENT);
  }
  // Ascending and descending are two lists.
  v1::ListUpdatesRequest request;
  request.set_page_token(MakePageToken("ListUpdates ascending", "0"));
  EXPECT_EQ(ListStatus(request).code(), absl::StatusCode::kInvalidArgument);
  request.set_ascending(true);
  EXPECT_TRUE(ListStatus(request).ok());
  request.set_page_token(MakePageToken("ListUpdates ascending", "999999"));
  EXPECT_TRUE(ListStatus(request).ok());
}

TEST_F(ListsTest, APageBelowZeroIsRefused) {
  v1::ListUpdatesRequest request;
  request.set_page_size(-1);

  EXPECT_EQ(ListStatus(request).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ListsTest, AFilterOfWhatIsNotThereIsNotFound) {
  v1::ListUpdatesRequest request;
  request.mutable_filter()->add_topics("nothing");

  EXPECT_EQ(Reason(ListStatus(request)), "UNKNOWN_TOPIC");
}

TEST_F(ListsTest, UpdatesAreListedNewestFirstAndOldestFirst) {
  for (int i = 1; i <= 3; ++i) hub_.PublishNext("HN", GoodUpdate("HN", i));
  hub_.ChangeRegistry({TopicItem("asylum")});
  hub_.PublishNext("GT", GoodUpdate("GT", 1));

  for (const int page_size : {1, 2, 3, 4, 500}) {
    EXPECT_THAT(PositionsOf(List({}, false, page_size)),
                ElementsAre(5, 3, 2, 1));
    EXPECT_THAT(PositionsOf(List({}, true, page_size)),
                ElementsAre(1, 2, 3, 5));
  }
}

TEST_F(ListsTest, AnEmptyLogHasNoUpdates) {
  EXPECT_THAT(List({}, false, 10), ElementsAre());
  EXPECT_THAT(List({}, true, 10), ElementsAre());
}

// A statement of something that filters look at.
StatementParts RandomParts(std::mt19937& random, const std::string& state,
                           int number) {
  v1::Update update = GoodUpdate(state, number % 7 + 1);
  if (random() % 3 == 0) update.mutable_instrument()->add_topics("education");
  if (random() % 4 == 0) update.set_kind(v1::UPDATE_KIND_POLICY);
  if (random() % 4 == 0) {
    update.mutable_instrument()->mutable_titles(0)->set_language("pt-BR");
  }
  StatementParts parts = UpdateParts(update);
  if (random() % 3 == 0) parts.agency = "migracion";
  switch (random() % 6) {
    case 0:
      parts.audience.set_scope(v1::Audience::SCOPE_MEMBERS);
      break;
    case 1:
      parts.audience.set_scope(v1::Audience::SCOPE_LISTED);
      parts.audience.add_states(random() % 2 == 0 ? "HN" : "MX");
      break;
    default:
      break;
  }
  return parts;
}

v1::Filter RandomFilter(std::mt19937& random) {
  v1::Filter filter;
  if (random() % 2 == 0) filter.add_states("HN");
  if (random() % 4 == 0) filter.add_states("GT");
  if (random() % 4 == 0) filter.add_corridors()->set_corridor("north");
  if (random() % 3 == 0) filter.add_topics("education");
  if (random() % 4 == 0) filter.add_kinds(v1::UPDATE_KIND_POLICY);
  if (random() % 4 == 0) filter.add_languages("pt");
  if (random() % 4 == 0) filter.add_agencies("migracion");
  return filter;
}

TEST_F(ListsTest, ListsAndStreamsAgreeForAnyFilter) {
  std::mt19937 random(20260301);
  for (const std::string state : {"HN", "GT", "MX"}) {
    std::vector<StatementParts> all;
    for (int i = 0; i < 60; ++i) all.push_back(RandomParts(random, state, i));
    hub_.PublishMany(state, all);
  }

  for (int round = 0; round < 20; ++round) {
    v1::Open open = testing::OpenAt(1);
    *open.mutable_filter() = RandomFilter(random);
    TestSubscription subscription(channel_, open);
    ASSERT_TRUE(subscription.ReadUntilLive());
    const std::vector<v1::Entry>& streamed = subscription.entries();

    for (const int page_size : {7, 500}) {
      const auto ascending = List(open.filter(), true, page_size);
      auto descending = List(open.filter(), false, page_size);
      std::reverse(descending.begin(), descending.end());
      ASSERT_EQ(ascending.size(), streamed.size())
          << open.filter().ShortDebugString();
      for (std::size_t i = 0; i < streamed.size(); ++i) {
        EXPECT_EQ(ascending[i].SerializeAsString(),
                  streamed[i].SerializeAsString());
        EXPECT_EQ(descending[i].SerializeAsString(),
                  streamed[i].SerializeAsString());
      }
    }
  }
}

TEST_F(ListsTest, LongListsComeOnManyPages) {
  std::vector<StatementParts> all;
  for (int i = 0; i < 700; ++i) {
    all.push_back(UpdateParts(testing::BigUpdate("HN", i + 1, 9000)));
  }
  hub_.PublishMany("HN", all);

  EXPECT_EQ(List({}, false, 500).size(), 700U);
  EXPECT_EQ(List({}, true, 500).size(), 700U);
}

TEST_F(ListsTest, AnEntryIsFoundByPositionAndById) {
  StatementParts parts = UpdateParts(GoodUpdate("HN"));
  parts.statement_id = NewStatementId();
  hub_.PublishNext("HN", parts);

  auto by_position = GetAt(1);
  auto by_id = GetById(parts.statement_id);

  ASSERT_TRUE(by_position.ok()) << by_position.status();
  ASSERT_TRUE(by_id.ok()) << by_id.status();
  EXPECT_EQ(by_position->payload(), parts.payload);
  EXPECT_EQ(by_id->SerializeAsString(), by_position->SerializeAsString());
  EXPECT_TRUE(GetAt(0).ok());
}

TEST_F(ListsTest, WhatIsNotThereIsToldApart) {
  EXPECT_EQ(GetAt(1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(GetAt(-1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(GetById(NewStatementId()).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(GetById("no id").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Get({}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ListsTest, ARestrictedPayloadIsHidden) {
  StatementParts parts = UpdateParts(GoodUpdate("GT"));
  parts.statement_id = NewStatementId();
  parts.audience.set_scope(v1::Audience::SCOPE_LISTED);
  parts.audience.add_states("MX");
  hub_.PublishNext("GT", parts);
  v1::Filter by_topic;
  by_topic.add_topics("entry-visa");

  auto got = GetById(parts.statement_id);

  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->payload(), "");
  EXPECT_EQ(got->omission(), v1::Entry::OMISSION_RESTRICTED);
  ASSERT_EQ(List({}, false, 10).size(), 1U);
  EXPECT_EQ(List({}, false, 10)[0].payload(), "");
  // Nor does a filter tell what is in it.
  EXPECT_THAT(List(by_topic, false, 10), ElementsAre());
}

}  // namespace
}  // namespace gaceta
