#include "cli/submission_journal.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "absl/time/clock.h"
#include "pki/pki.h"
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

  static unsigned ModeOf(const std::string& path) {
    struct stat info {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }

  testing::TempFolder folder_;
  const std::string path_ = folder_.Path("journal");
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
  const std::string whole = folder_.Read("journal");
  folder_.Write("journal", whole + kNode + " " + kSecond + " 1");

  SubmissionJournal journal = Open();
  EXPECT_EQ(journal.Find(kSecond), std::nullopt);

  // What comes next begins a line of its own.
  ASSERT_TRUE(journal.Record(kSecond, 13).ok());
  EXPECT_EQ(Open().Find(kSecond), 13);
}

TEST_F(SubmissionJournalTest, NothingIsWrittenBeforeTheFirstSubmission) {
  Open();

  EXPECT_EQ(folder_.Read("journal"), "");
}

TEST_F(SubmissionJournalTest, AFolderThatCannotBeWrittenIsAnError) {
  auto journal = SubmissionJournal::Open("/nowhere/journal", kNode);

  ASSERT_TRUE(journal.ok());
  EXPECT_FALSE(journal->Record(kFirst, 1).ok());
}

TEST_F(SubmissionJournalTest, ItIsForItsOwnerAloneWhateverTheUmask) {
  const mode_t before = umask(0);
  EXPECT_TRUE(Open().Record(kFirst, 12).ok());
  umask(before);

  EXPECT_EQ(ModeOf(path_), 0600U);
}

TEST_F(SubmissionJournalTest, TwoProgramsMayWriteOneFile) {
  SubmissionJournal one = Open();
  SubmissionJournal other = Open();
  ASSERT_TRUE(one.Record(kFirst, 12).ok());
  ASSERT_TRUE(other.Record(kSecond, 13).ok());

  EXPECT_EQ(Open().Find(kFirst), 12);
  EXPECT_EQ(Open().Find(kSecond), 13);
}

class DefaultJournalPathTest : public SubmissionJournalTest {
 protected:
  DefaultJournalPathTest() {
    setenv("XDG_STATE_HOME", folder_.Path("state").c_str(), 1);
  }
  ~DefaultJournalPathTest() override { unsetenv("XDG_STATE_HOME"); }

  std::string PathFor(const std::string& input, const std::string& node = kNode,
                      const std::string& log = "hub.example/log") const {
    auto path = DefaultJournalPath({root_, log}, node, input);
    EXPECT_TRUE(path.ok()) << path.status();
    return path.ok() ? *path : "";
  }

  const std::string root_ = folder_.Write(
      "root.pem",
      pki::MakeRoot("example", absl::Now(), absl::Hours(1))->certificate_pem);
};

TEST_F(DefaultJournalPathTest, IsThatOfTheSameFileHoweverItIsNamed) {
  const std::string file = folder_.Write("u.ndjson", "{}");
  std::filesystem::create_symlink(file, folder_.Path("link"));
  const auto before = std::filesystem::current_path();
  const std::string path = PathFor(file);

  EXPECT_EQ(PathFor(folder_.Path("link")), path);
  EXPECT_EQ(PathFor(folder_.Path("./../") +
                    std::filesystem::path(folder_.path()).filename().native() +
                    "/u.ndjson"),
            path);
  std::filesystem::current_path(folder_.path());
  EXPECT_EQ(PathFor("u.ndjson"), path);
  std::filesystem::current_path(before);
}

TEST_F(DefaultJournalPathTest, EachFileNodeAndLogHasItsOwn) {
  const std::string path = PathFor("/a/u.ndjson");

  EXPECT_NE(PathFor("/b/u.ndjson"), path);
  EXPECT_NE(PathFor("/a/u.ndjson", "spiffe://gt.gaceta.example/node"), path);
  EXPECT_NE(PathFor("/a/u.ndjson", kNode, "other/log"), path);
}

TEST_F(DefaultJournalPathTest, LiesInAPrivateFolderUnderANameToRecognise) {
  const std::filesystem::path path = PathFor("/a/ley de migración.ndjson");

  EXPECT_EQ(path.parent_path().filename(), "submissions");
  EXPECT_TRUE(
      path.native().starts_with(folder_.Path("state/gaceta/hub.example_log-")))
      << path;
  EXPECT_TRUE(
      path.filename().native().starts_with("ley_de_migraci__n.ndjson-"));
  EXPECT_EQ(ModeOf(path.parent_path()), 0700U);
}

TEST_F(DefaultJournalPathTest, AStateFolderThatWasOpenToOthersIsClosed) {
  PathFor("/a/u.ndjson");
  const std::string own = folder_.Path("state/gaceta");
  ASSERT_EQ(chmod(own.c_str(), 0755), 0);

  PathFor("/a/u.ndjson");

  EXPECT_EQ(ModeOf(own), 0700U);
}

}  // namespace
}  // namespace gaceta::cli
