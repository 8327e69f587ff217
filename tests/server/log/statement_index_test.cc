#include "server/log/statement_index.h"

#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/log/memory_log_store.h"
#include "tests/server/log/log_entries.h"
#include "tests/support/statements.h"
#include "tests/support/temp_folder.h"
#include "verify/digest.h"

namespace gaceta {
namespace {

using ::testing::ElementsAre;
using testing::GoodUpdate;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::StoredEntryOf;
using testing::TestPublisher;
using testing::TestTime;

constexpr char kUri[] = "urn:lex:hn:estado:ley:2004-03-03;208";

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class StatementIndexTest : public ::testing::Test {
 protected:
  StatementIndexTest() { Open(); }

  void Open() {
    index_.reset();
    auto index = StatementIndex::Open(path_);
    ASSERT_TRUE(index.ok()) << index.status();
    index_ = *std::move(index);
  }

  // Puts a statement into the log alone. Each is recorded a second later.
  v1::StatementHeader Log(const v1::Statement& statement) {
    const StoredEntry stored =
        StoredEntryOf(statement, TestTime() + absl::Seconds(log_.Size()));
    EXPECT_TRUE(log_.Append(log_.Size(), {&stored, 1}).ok());
    return testing::HeaderOf(statement);
  }

  void CatchUp() {
    const absl::Status status = index_->CatchUp(log_);
    ASSERT_TRUE(status.ok()) << status;
  }

  v1::VersionStatus LastStatus() {
    auto found = index_->FindInstrument(kUri);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() && found->has_value() ? (*found)->last_status
                                            : v1::VERSION_STATUS_UNSPECIFIED;
  }

  // Every statement of the log is found, and nothing else is there.
  void ExpectHasTheLog() {
    EXPECT_EQ(index_->NextPosition(), log_.Size());
    std::map<std::string, int> counts;
    for (Position p = 0; p < log_.Size(); ++p) {
      v1::Leaf leaf;
      ASSERT_TRUE(leaf.ParseFromString((*log_.Read(p, 1, 1))[0].leaf));
      const v1::StatementHeader header = *ParseHeader(leaf.header());
      auto found = index_->FindById(header.statement_id());
      ASSERT_TRUE(found.ok()) << found.status();
      ASSERT_TRUE(found->has_value()) << p;
      EXPECT_EQ((*found)->position, p);
      EXPECT_EQ((*found)->header_digest, Sha256(leaf.header()));
      ++counts[header.publisher()];
    }
    for (const auto& [publisher, count] : counts) {
      EXPECT_EQ(index_->Head(publisher)->sequence,
                static_cast<std::uint64_t>(count));
      EXPECT_EQ(index_->ListByPublisher(publisher, 0, 1000)->size(),
                static_cast<std::size_t>(count));
    }
  }

  const testing::TempFolder folder_;
  const std::string path_ = folder_.path() + "/index.db";
  MemoryLogStore log_;
  std::unique_ptr<StatementIndex> index_;
  TestPublisher honduras_{"HN"};
  TestPublisher mexico_{"MX"};
};

TEST_F(StatementIndexTest, ANewOneHasNothing) {
  EXPECT_EQ(index_->NextPosition(), 0);
  EXPECT_FALSE(index_->FindById(NewStatementId())->has_value());
  EXPECT_FALSE(index_->FindBySequence("HN", 1)->has_value());
  EXPECT_EQ(*index_->Head("HN"), ChainHead());
  EXPECT_THAT(*index_->ListByPublisher("HN", 0, 10), IsEmpty());
  EXPECT_EQ(*index_->FindByTime(TestTime()), 0);
  EXPECT_FALSE(index_->FindInstrument(kUri)->has_value());
}

TEST_F(StatementIndexTest, FindsUpdatesByTheDocumentsThatTheyName) {
  const std::string first = Sha256("first");
  const std::string second = Sha256("second");
  v1::Update update = GoodUpdate("HN");
  for (const std::string& sha256 : {first, second, first}) {
    update.add_documents()->set_sha256(ToHex(sha256));
  }
  Log(honduras_.Next(update));
  Log(honduras_.Next(GoodUpdate("HN")));
  update.mutable_documents()->DeleteSubrange(1, 2);
  Log(honduras_.Next(update));
  CatchUp();

  EXPECT_THAT(*index_->ListByDocument(first, 0, 10), ElementsAre(0, 2));
  EXPECT_THAT(*index_->ListByDocument(first, 0, 1), ElementsAre(0));
  EXPECT_THAT(*index_->ListByDocument(first, 1, 10), ElementsAre(2));
  EXPECT_THAT(*index_->ListByDocument(second, 0, 10), ElementsAre(0));
  EXPECT_THAT(*index_->ListByDocument(Sha256("x"), 0, 10), IsEmpty());
}

TEST_F(StatementIndexTest, FindsStatementsByWhatTheySay) {
  Log(honduras_.Next(GoodUpdate("HN")));
  Log(mexico_.Next(GoodUpdate("MX")));
  const v1::StatementHeader second = Log(honduras_.Next(GoodUpdate("HN")));
  CatchUp();

  IndexedStatement expected;
  expected.position = 2;
  expected.publisher = "HN";
  expected.sequence = 2;
  expected.statement_id = second.statement_id();
  expected.header_digest = honduras_.head().header_digest;
  EXPECT_EQ(*index_->FindById(second.statement_id()), expected);
  EXPECT_EQ(*index_->FindBySequence("HN", 2), expected);
  EXPECT_EQ(*index_->Head("HN"), honduras_.head());
  EXPECT_EQ(*index_->Head("MX"), mexico_.head());
  EXPECT_EQ(*index_->Head("GT"), ChainHead());
  EXPECT_FALSE(index_->FindBySequence("HN", 3)->has_value());
  EXPECT_FALSE(index_->FindBySequence("HN", 0)->has_value());
  ExpectHasTheLog();
}

TEST_F(StatementIndexTest, AnIdIsFoundInItsOneFormAlone) {
  const v1::StatementHeader header = Log(honduras_.Next(GoodUpdate("HN")));
  CatchUp();
  std::string upper = header.statement_id();
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  const std::string& id = header.statement_id();

  for (const std::string& other :
       {upper, id.substr(0, 35), id + "0", std::string(), "-" + id,
        std::string(36, 'z')}) {
    if (other == id) continue;
    EXPECT_FALSE(index_->FindById(other)->has_value()) << other;
  }
}

TEST_F(StatementIndexTest, ListsAPublishersStatementsFromAPositionOn) {
  for (int i = 0; i < 4; ++i) {
    Log(honduras_.Next(GoodUpdate("HN")));
    Log(mexico_.Next(GoodUpdate("MX")));
  }
  CatchUp();

  auto listed = index_->ListByPublisher("MX", 2, 2);
  ASSERT_TRUE(listed.ok()) << listed.status();
  std::vector<Position> positions;
  for (const auto& one : *listed) {
    positions.push_back(one.position);
  }
  EXPECT_THAT(positions, ElementsAre(3, 5));
  EXPECT_THAT(*index_->ListByPublisher("MX", 8, 10), IsEmpty());
}

TEST_F(StatementIndexTest, FindsTheFirstEntryAtOrAfterATime) {
  for (int i = 0; i < 3; ++i) Log(honduras_.Next(GoodUpdate("HN")));
  CatchUp();

  EXPECT_EQ(*index_->FindByTime(absl::UnixEpoch()), 0);
  EXPECT_EQ(*index_->FindByTime(TestTime()), 0);
  EXPECT_EQ(*index_->FindByTime(TestTime() + absl::Milliseconds(1)), 1);
  EXPECT_EQ(*index_->FindByTime(TestTime() + absl::Seconds(2)), 2);
  EXPECT_EQ(*index_->FindByTime(TestTime() + absl::Milliseconds(2001)), 3);
  EXPECT_EQ(*index_->FindByTime(absl::InfiniteFuture()), 3);
}

TEST_F(StatementIndexTest, FollowsAnInstrumentsStatus) {
  v1::Update update = GoodUpdate("HN");
  Log(mexico_.Next(GoodUpdate("MX")));
  Log(honduras_.Next(update));
  CatchUp();
  EXPECT_EQ((*index_->FindInstrument(kUri))->first_position, 1);
  EXPECT_EQ(LastStatus(), v1::VERSION_STATUS_UNSPECIFIED);

  update.mutable_version()->set_status(v1::VERSION_STATUS_IN_FORCE);
  Log(honduras_.Next(update));
  CatchUp();
  EXPECT_EQ(LastStatus(), v1::VERSION_STATUS_IN_FORCE);

  // An update that does not say leaves it as it was.
  update.mutable_version()->clear_status();
  Log(honduras_.Next(update));
  CatchUp();
  EXPECT_EQ(LastStatus(), v1::VERSION_STATUS_IN_FORCE);
  EXPECT_EQ((*index_->FindInstrument(kUri))->first_position, 1);
}

TEST_F(StatementIndexTest, WhatAnErasedPayloadSaidIsGoneFromTheFile) {
  const std::string secret = Sha256("a document with a name in it");
  v1::Update update = GoodUpdate("HN");
  update.mutable_version()->set_status(v1::VERSION_STATUS_IN_FORCE);
  Log(honduras_.Next(update));
  update.mutable_version()->set_status(v1::VERSION_STATUS_REPEALED);
  update.add_documents()->set_sha256(ToHex(secret));
  Log(honduras_.Next(update));
  v1::Update other = GoodUpdate("HN", 5'550'199);
  other.add_documents()->set_sha256(ToHex(secret));
  Log(honduras_.Next(other));
  CatchUp();
  ASSERT_THAT(*index_->ListByDocument(secret, 0, 10), ElementsAre(1, 2));

  for (const Position position : {1, 2}) {
    const absl::Status status =
        index_->Forget(position, (*log_.Read(position, 1, 1))[0]);
    EXPECT_TRUE(status.ok()) << status;
  }

  EXPECT_THAT(*index_->ListByDocument(secret, 0, 10), IsEmpty());
  EXPECT_FALSE(index_->FindInstrument(other.instrument().uri())->has_value());
  // What the first one says of its instrument is in force again.
  EXPECT_EQ(LastStatus(), v1::VERSION_STATUS_IN_FORCE);
  // While the file is open, as an hour later it still will be.
  for (const char* suffix : {"", "-wal"}) {
    const std::string bytes = BytesOf(path_ + suffix);
    EXPECT_THAT(bytes, Not(HasSubstr("5550199"))) << suffix;
    EXPECT_THAT(bytes, Not(HasSubstr(secret))) << suffix;
  }
  // It goes on.
  Log(honduras_.Next(other));
  CatchUp();
  EXPECT_THAT(*index_->ListByDocument(secret, 0, 10), ElementsAre(3));
}

TEST_F(StatementIndexTest, APayloadThatIsNotKeptSaysNothingOfAnInstrument) {
  StoredEntry stored = StoredEntryOf(honduras_.Next(GoodUpdate("HN")));
  stored.payload.clear();
  stored.omission = v1::Entry::OMISSION_NOT_KEPT;
  ASSERT_TRUE(log_.Append(0, {&stored, 1}).ok());
  CatchUp();

  EXPECT_FALSE(index_->FindInstrument(kUri)->has_value());
  EXPECT_EQ(index_->Head("HN")->sequence, 1u);
}

TEST_F(StatementIndexTest, CatchesUpInStepsAfterBeingFarBehind) {
  std::vector<StoredEntry> entries;
  for (int i = 0; i < 2500; ++i) {
    entries.push_back(StoredEntryOf(honduras_.Next(testing::StatementParts())));
  }
  ASSERT_TRUE(log_.Append(0, entries).ok());
  ASSERT_TRUE(index_->Apply(0, absl::MakeSpan(entries).subspan(0, 7)).ok());

  CatchUp();

  EXPECT_EQ(index_->NextPosition(), 2500);
  EXPECT_EQ(*index_->Head("HN"), honduras_.head());
}

TEST_F(StatementIndexTest, EntriesOutOfOrderAreRefused) {
  const StoredEntry entry =
      StoredEntryOf(honduras_.Next(testing::StatementParts()));

  EXPECT_EQ(index_->Apply(1, {&entry, 1}).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(index_->NextPosition(), 0);
}

TEST_F(StatementIndexTest, WhatFailsLeavesNothingAndMayBeTriedAgain) {
  const v1::Statement one = honduras_.Next(testing::StatementParts());
  const v1::Statement two = honduras_.Next(testing::StatementParts());
  const StoredEntry twice[] = {StoredEntryOf(one), StoredEntryOf(one)};
  const StoredEntry both[] = {StoredEntryOf(one), StoredEntryOf(two)};

  EXPECT_FALSE(index_->Apply(0, twice).ok());
  EXPECT_EQ(index_->NextPosition(), 0);
  EXPECT_FALSE(
      index_->FindById(testing::HeaderOf(one).statement_id())->has_value());

  const absl::Status again = index_->Apply(0, both);
  EXPECT_TRUE(again.ok()) << again;
  EXPECT_EQ(index_->Head("HN")->sequence, 2u);
}

TEST_F(StatementIndexTest, IsTheSameAfterReopen) {
  for (int i = 0; i < 5; ++i) Log(honduras_.Next(GoodUpdate("HN")));
  CatchUp();

  Open();

  ExpectHasTheLog();
}

TEST_F(StatementIndexTest, CatchesUpAfterBeingThrownAway) {
  for (int i = 0; i < 5; ++i) Log(honduras_.Next(GoodUpdate("HN")));
  CatchUp();
  index_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::filesystem::remove(path_ + suffix);
  }

  Open();
  CatchUp();

  ExpectHasTheLog();
}

TEST_F(StatementIndexTest, IsMadeAnewFromALogThatIsShorter) {
  for (int i = 0; i < 5; ++i) Log(honduras_.Next(GoodUpdate("HN")));
  CatchUp();
  const MemoryLogStore empty;
  ASSERT_TRUE(index_->CatchUp(empty).ok());
  EXPECT_EQ(index_->NextPosition(), 0);
  EXPECT_EQ(*index_->Head("HN"), ChainHead());

  CatchUp();

  ExpectHasTheLog();
}

TEST_F(StatementIndexTest, IsMadeAnewFromALogThatIsAnother) {
  MemoryLogStore other;
  TestPublisher publisher("GT");
  for (int i = 0; i < 3; ++i) {
    const StoredEntry entry = StoredEntryOf(publisher.Next(GoodUpdate("GT")));
    ASSERT_TRUE(other.Append(i, {&entry, 1}).ok());
  }
  ASSERT_TRUE(index_->CatchUp(other).ok());
  // As long as the other one at first, and longer.
  for (int i = 0; i < 5; ++i) Log(honduras_.Next(GoodUpdate("HN")));

  CatchUp();

  ExpectHasTheLog();
  EXPECT_EQ(*index_->Head("GT"), ChainHead());
}

TEST_F(StatementIndexTest, ADamagedFileIsMadeAnew) {
  for (int i = 0; i < 5; ++i) Log(honduras_.Next(GoodUpdate("HN")));
  CatchUp();
  index_.reset();
  std::ofstream(path_, std::ios::trunc) << std::string(10'000, 'x');

  Open();
  CatchUp();

  ExpectHasTheLog();
}

TEST_F(StatementIndexTest, MayBeKeptInMemory) {
  auto index = StatementIndex::Open(":memory:");
  ASSERT_TRUE(index.ok()) << index.status();
  Log(honduras_.Next(GoodUpdate("HN")));

  EXPECT_TRUE((*index)->CatchUp(log_).ok());

  EXPECT_EQ((*index)->Head("HN")->sequence, 1u);
}

}  // namespace
}  // namespace gaceta
