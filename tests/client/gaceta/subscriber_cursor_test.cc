#include <sys/stat.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "errors/errors.h"
#include "gaceta/cursor.h"
#include "gmock/gmock.h"
#include "subscriber_fixture.h"

namespace gaceta::client {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SubscriberCursorTest : public SubscriberTest {
 protected:
  SubscriberOptions Options() const {
    SubscriberOptions options = SubscriberTest::Options();
    options.cursor_file = CursorFile();
    return options;
  }

  void WriteFile(const std::string& text) const {
    std::ofstream(CursorFile()) << text;
  }

  // Reads up to `position`, acknowledges it and dies.
  void RunTo(std::int64_t position) {
    Subscribe(Options());
    ReadTo(position);
    ASSERT_TRUE(subscriber_->Acknowledge(position).ok());
    subscriber_.reset();
  }
};

TEST_F(SubscriberCursorTest, GoesOnExactlyWhereverItWasKilled) {
  relay_->PublishMany(12);
  for (int entries : {1, 4}) {
    relay_->SetMessageEntries(entries);
    // In the middle of what was delivered at once, too.
    for (std::int64_t kill = 0; kill <= 13; ++kill) {
      std::filesystem::remove(CursorFile());
      RunTo(kill);

      Subscribe(Options());

      relay_->PublishMany(1);
      EXPECT_EQ(ReadTo(relay_->size()), Range(kill, relay_->size()))
          << "killed at " << kill;
      EXPECT_TRUE(status_.ok()) << status_;
    }
  }
}

TEST_F(SubscriberCursorTest, DeliversAgainWhatWasNotAcknowledged) {
  relay_->PublishMany(5);
  RunTo(3);
  Subscribe(Options());
  ReadTo(6);

  Subscribe(Options());

  EXPECT_EQ(ReadTo(6), Range(3, 6));
}

TEST_F(SubscriberCursorTest, FindsAStatementThatIsWithheldAcrossARestart) {
  relay_->PublishMany(9);
  SubscriberOptions options = Options();
  options.filter.add_states("GT");
  Subscribe(options);
  ReadTo(4);
  ASSERT_TRUE(subscriber_->Acknowledge(4).ok());
  subscriber_.reset();
  // GT published 1, 4 and 7: its second is left out.
  relay_->OnSend([](v1::SubscribeResponse* message) {
    for (int i = 0; i < message->entries_size(); ++i) {
      if (message->entries(i).position() == 4) {
        message->mutable_entries()->DeleteSubrange(i, 1);
        return;
      }
    }
  });

  Subscribe(options);

  EXPECT_THAT(ReadTo(10), IsEmpty());
  EXPECT_EQ(Reason(status_), "CHAIN_GAP") << status_;
}

TEST_F(SubscriberCursorTest, FindsAShortenedLogAfterARestart) {
  relay_->PublishMany(9);
  RunTo(8);
  relay_->Shorten(5);

  Subscribe(Options());

  EXPECT_TRUE(absl::IsDataLoss(Next().status()));
  EXPECT_EQ(Reason(Next().status()), "LOG_SHORTENED");
}

TEST_F(SubscriberCursorTest, FindsARegistryStatementThatIsHeldBack) {
  v1::RegistryChange change;
  v1::Topic* topic = change.add_items()->mutable_topic();
  topic->set_id("health");
  v1::NameText* name = topic->add_names();
  name->set_language("en");
  name->set_text("Health");
  relay_->ChangeRegistry(change);
  relay_->PublishMany(2);
  RunTo(3);
  relay_->HideFromRegistry(1);

  Subscribe(Options());

  EXPECT_EQ(Reason(Next().status()), "CHAIN_GAP");
}

TEST_F(SubscriberCursorTest, IsForItsOwnerAloneWhateverTheUmask) {
  relay_->PublishMany(3);
  const mode_t before = umask(0);
  for (const std::int64_t position : {1, 2}) {
    RunTo(position);
    EXPECT_EQ(std::filesystem::status(CursorFile()).permissions(),
              std::filesystem::perms(0600));
    // As an earlier version left it.
    std::filesystem::permissions(CursorFile(), std::filesystem::perms(0644));
  }
  umask(before);
}

TEST_F(SubscriberCursorTest, IsRefusedForAnotherFilter) {
  RunTo(1);
  SubscriberOptions options = Options();
  options.filter.add_states("HN");

  auto subscriber = Subscriber::Create(options);

  EXPECT_TRUE(absl::IsFailedPrecondition(subscriber.status()));
  EXPECT_THAT(subscriber.status().message(), HasSubstr("another filter"));
}

TEST_F(SubscriberCursorTest, IsForOneProgramAtATime) {
  SubscriberOptions options = Options();
  options.cursor_file = CursorFile();
  Subscribe(options);

  const absl::Status second = Subscriber::Create(options).status();

  EXPECT_TRUE(absl::IsFailedPrecondition(second)) << second;
  EXPECT_EQ(Reason(second), "CURSOR_IN_USE");
  EXPECT_THAT(second.message(), HasSubstr(CursorFile()));
  EXPECT_THAT(second.message(), HasSubstr(absl::StrCat("process ", getpid())));
  subscriber_.reset();
  EXPECT_TRUE(Subscriber::Create(options).ok());
}

TEST_F(SubscriberCursorTest, IsRefusedForAnotherLog) {
  RunTo(1);
  SubscriberOptions options = Options();
  options.source.log_origin = "other.example/log";

  EXPECT_TRUE(absl::IsFailedPrecondition(Subscriber::Create(options).status()));
}

TEST_F(SubscriberCursorTest, DamagedFileIsDataLoss) {
  RunTo(1);
  std::ifstream file(CursorFile());
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    WriteFile(whole.substr(0, size));

    EXPECT_TRUE(absl::IsDataLoss(Subscriber::Create(Options()).status()))
        << size;
  }
}

TEST_F(SubscriberCursorTest, StaysAsItWasIfItCannotBeWritten) {
  relay_->PublishMany(3);
  RunTo(2);
  Subscribe(Options());
  ReadTo(4);
  // The temporary file cannot be made where a folder has its name.
  std::filesystem::create_directory(absl::StrCat(CursorFile(), ".tmp"));

  EXPECT_FALSE(subscriber_->Acknowledge(4).ok());

  EXPECT_EQ(ReadCursor(CursorFile())->next_position, 2);
  std::filesystem::remove(absl::StrCat(CursorFile(), ".tmp"));
  EXPECT_TRUE(subscriber_->Acknowledge(4).ok());
  EXPECT_EQ(ReadCursor(CursorFile())->next_position, 4);
}

TEST_F(SubscriberCursorTest, MirrorGoesOnFromItsOwnState) {
  relay_->PublishMany(6);
  Subscribe(SubscriberTest::Options());
  EntryVerifier::State state;
  for (std::int64_t next = 0; next < 4;) {
    auto delivery = Next();
    ASSERT_TRUE(delivery.ok());
    for (const VerifiedEntry& entry : delivery->entries) {
      if (entry.position >= 4) break;
      state.heads[entry.header.publisher()] = {entry.header.sequence(),
                                               entry.header_digest};
      next = entry.position + 1;
    }
  }
  state.next_position = 4;
  SubscriberOptions options = SubscriberTest::Options();
  options.resume = state;

  Subscribe(options);

  EXPECT_EQ(ReadTo(7), Range(4, 7));
}

// --- The file itself
// ---------------------------------------------------------------

TEST(CursorTest, SurvivesItsText) {
  const Cursor cursor{
      "hub.gaceta.example/log",
      std::string(64, 'a'),
      3,
      17,
      "hub.gaceta.example/log\n17\n"
      "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— a AAAAAAAA\n",
      {{"HN", {4, std::string(32, 'x')}}, {"OAS", {2, std::string(32, '\0')}}}};

  auto parsed = ParseCursor(FormatCursor(cursor));

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(*parsed, cursor);
}

TEST(CursorTest, OrderOfAFilterDoesNotCount) {
  v1::Open one;
  one.mutable_filter()->add_states("HN");
  one.mutable_filter()->add_states("GT");
  one.mutable_filter()->add_corridors()->set_corridor("a");
  one.mutable_filter()->add_corridors()->set_corridor("b");
  v1::Open other;
  other.mutable_filter()->add_corridors()->set_corridor("b");
  other.mutable_filter()->add_corridors()->set_corridor("a");
  other.mutable_filter()->add_states("GT");
  other.mutable_filter()->add_states("HN");
  other.mutable_filter()->add_states("GT");

  EXPECT_EQ(FilterDigest(one), FilterDigest(other));

  other.mutable_filter()->add_states("MX");
  EXPECT_NE(FilterDigest(one), FilterDigest(other));
}

TEST(HeadHistoryTest, KnowsTheHeadsAtEachPosition) {
  HeadHistory history;
  history.Reset(5, {{"HN", {1, "h1"}}});
  history.Add(5, "GT", {1, "g1"});
  history.Add(7, "HN", {2, "h2"});
  ChainHeads heads;

  ASSERT_TRUE(history.MoveTo(5, &heads));
  EXPECT_EQ(heads, (ChainHeads{{"HN", {1, "h1"}}}));
  ASSERT_TRUE(history.MoveTo(7, &heads));
  EXPECT_EQ(heads, (ChainHeads{{"HN", {1, "h1"}}, {"GT", {1, "g1"}}}));
  ASSERT_TRUE(history.MoveTo(8, &heads));
  EXPECT_EQ(heads, (ChainHeads{{"HN", {2, "h2"}}, {"GT", {1, "g1"}}}));
}

TEST(HeadHistoryTest, ForgetsTheOldestOfVeryMany) {
  HeadHistory history;
  history.Reset(0, {});
  const auto count = static_cast<std::int64_t>(HeadHistory::kMaxSteps) + 10;
  for (std::int64_t i = 0; i < count; ++i) {
    history.Add(i, "HN", {static_cast<std::uint64_t>(i) + 1, "h"});
  }
  ChainHeads heads;

  EXPECT_FALSE(history.MoveTo(9, &heads));
  EXPECT_TRUE(history.MoveTo(10, &heads));
  EXPECT_EQ(heads["HN"].sequence, 10);
}

}  // namespace
}  // namespace gaceta::client
