#include "cli/submission_journal.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/temp_folder.h"

namespace gaceta::cli {
namespace {

constexpr char kNode[] = "spiffe://hn.gaceta.example/node";
constexpr char kFirst[] = "0b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10";
constexpr char kSecond[] = "1b7c2c3e-5f0a-4c1e-9a55-2f8f1d1f4a10";

class SubmissionJournalTest : public ::testing::Test {
 protected:
  SubmissionJournal Open(const std::string& node = kNode) {
    auto journal = SubmissionJournal::Open(path_, node);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

  testing::TempFolder folder_;
  const std::string path_ = folder_.Path("u.ndjson.submissions");
};

TEST_F(SubmissionJournalTest, RemembersWhatWasAccepted) {
  ASSERT_TRUE(Open().Record(kFirst, 12).ok());

  const SubmissionJournal journal = Open();

  EXPECT_EQ(journal.Find(kFirst), 12);
  EXPECT_EQ(journal.Find(kSecond), std::nullopt);
  EXPECT_EQ(journal.AnyId(), kFirst);
}

TEST_F(SubmissionJournalTest, EachNodeHasItsOwn) {
  ASSERT_TRUE(Open().Record(kFirst, 12).ok());
  ASSERT_TRUE(Open("spiffe://gt.gaceta.example/node").Record(kSecond, 13).ok());

  EXPECT_EQ(Open().Find(kSecond), std::nullopt);
  EXPECT_EQ(Open().Find(kFirst), 12);
}

TEST_F(SubmissionJournalTest, ALineThatWasCutOffIsPassedOver) {
  ASSERT_TRUE(Open().Record(kFirst, 12).ok());
  const std::string whole = folder_.Read("u.ndjson.submissions");
  folder_.Write("u.ndjson.submissions", whole + kNode + " " + kSecond + " 1");

  SubmissionJournal journal = Open();
  EXPECT_EQ(journal.Find(kSecond), std::nullopt);

  // What comes next begins a line of its own.
  ASSERT_TRUE(journal.Record(kSecond, 13).ok());
  EXPECT_EQ(Open().Find(kSecond), 13);
}

TEST_F(SubmissionJournalTest, NothingIsWrittenBeforeTheFirstSubmission) {
  Open();

  EXPECT_EQ(folder_.Read("u.ndjson.submissions"), "");
}

TEST_F(SubmissionJournalTest, AFolderThatCannotBeWrittenIsAnError) {
  auto journal = SubmissionJournal::Open("/nowhere/x.submissions", kNode);

  ASSERT_TRUE(journal.ok());
  EXPECT_FALSE(journal->Record(kFirst, 1).ok());
}

}  // namespace
}  // namespace gaceta::cli
