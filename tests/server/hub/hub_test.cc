// The hub as a whole: its start and its end.
#include "server/hub/hub.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/test_hub.h"

namespace gaceta {
namespace {

using ::testing::AllOf;
using testing::CheckReceipt;
using ::testing::ElementsAre;
using testing::GoodUpdate;
using ::testing::HasSubstr;
using testing::TestHub;
using ::testing::UnorderedElementsAreArray;

class HubTest : public ::testing::Test {
 protected:
  // Options of a second hub: another folder and port.
  HubOptions Another() const {
    HubOptions options = hub_.hub_options();
    options.data_folder = folder_.path() + "/another";
    options.listen_address = "127.0.0.1:0";
    return options;
  }
  HubOptions CreateAnother() const {
    HubOptions options = Another();
    const auto key = Hub::CreateLog(options);
    EXPECT_TRUE(key.ok()) << key.status();
    return options;
  }
  absl::Status Failure(const HubOptions& options) const {
    return Hub::Start(options).status();
  }

  TestHub hub_;
  const testing::TempFolder folder_;
};

TEST_F(HubTest, TwoHubsOfTwoFoldersRunBesideEachOther) {
  auto other = Hub::Start(CreateAnother());

  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE((*other)->port(), hub_.hub().port());
}

TEST_F(HubTest, AFolderServesOneHub) {
  HubOptions options = Another();
  options.data_folder = hub_.hub_options().data_folder;

  EXPECT_EQ(Failure(options).code(), absl::StatusCode::kUnavailable);
}

TEST_F(HubTest, AnAddressInUseIsRefused) {
  HubOptions options = CreateAnother();
  options.listen_address = hub_.hub_options().listen_address;

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("127.0.0.1"));
}

TEST_F(HubTest, ACertificateThatIsNotAHubsIsRefused) {
  HubOptions options = Another();
  options.tls = hub_.pki().Tls("HN", "node");

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("spiffe://secretariat.gaceta.example/hub"));
  EXPECT_EQ(Hub::Check(options).status(), status);
}

TEST_F(HubTest, AKeyThatOthersMayReadIsRefused) {
  HubOptions options = Another();
  const std::string key = folder_.path() + "/hub.key";
  std::filesystem::copy(options.tls.key_file, key);
  ASSERT_EQ(chmod(key.c_str(), 0640), 0);
  options.tls.key_file = key;

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(status.message()), HasSubstr(key));
}

TEST_F(HubTest, AFileThatIsNotThereIsNamed) {
  HubOptions options = Another();
  options.tls.root_file = "/nowhere/root.pem";

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/nowhere/root.pem"));
}

TEST_F(HubTest, AFolderThatCannotBeMadeIsNamed) {
  HubOptions options = Another();
  options.data_folder = "/proc/gaceta";

  const absl::Status status = Hub::CreateLog(options).status();

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/proc/gaceta"));
}

TEST_F(HubTest, ALogKeepsItsName) {
  hub_.Stop();
  HubOptions options = hub_.hub_options();
  options.listen_address = "127.0.0.1:0";
  options.log_origin = "hub.gaceta.example/another";

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("hub.gaceta.example/log"));
}

TEST_F(HubTest, ALostIndexIsMadeAnewFromTheLog) {
  const Position position = hub_.PublishNext("HN", GoodUpdate("HN"));
  hub_.Stop();
  for (const char* name : {"index.db", "index.db-wal", "index.db-shm"}) {
    std::filesystem::remove(hub_.folder() + "/data/" + name);
  }
  hub_.Start();

  EXPECT_EQ(hub_.hub().log_size(), position + 1);
  EXPECT_EQ(hub_.PublishNext("HN", GoodUpdate("HN", 2)), position + 1);
}

// --- The log's key, and its last checkpoint
// --------------------------------------

TEST_F(HubTest, ANewLogGetsAKeyThatIsItsOwn) {
  const std::string key = hub_.folder() + "/data/log.key";
  struct stat info;
  ASSERT_EQ(stat(key.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(hub_.log_key().ToString(), hub_.hub().log_key().ToString());
  EXPECT_EQ(hub_.log_key().name(), "hub.gaceta.example/log");

  hub_.Restart();

  EXPECT_EQ(hub_.log_key().ToString(), hub_.hub().log_key().ToString());
}

TEST_F(HubTest, ALogWithoutItsKeyIsNotServed) {
  const std::string key = hub_.folder() + "/data/log.key";
  hub_.Stop();
  std::filesystem::rename(key, key + ".away");

  const absl::Status status = Failure(hub_.hub_options());

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(key));
  EXPECT_FALSE(std::filesystem::exists(key));
  std::filesystem::rename(key + ".away", key);
  hub_.Start();
}

TEST_F(HubTest, ALogWithAnotherKeyIsNotServed) {
  auto other = Hub::Start(CreateAnother());
  ASSERT_TRUE(other.ok()) << other.status();
  hub_.Stop();
  HubOptions options = hub_.hub_options();
  options.log_key_file = Another().data_folder + "/log.key";

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("log_key_file"));
}

TEST_F(HubTest, ALogThatIsNotThatOfItsLastCheckpointIsNotServed) {
  hub_.PublishNext("HN", GoodUpdate("HN"));
  const std::string data = hub_.folder() + "/data";
  hub_.Stop();
  const std::filesystem::path backup = folder_.path() + "/backup";
  std::filesystem::copy(data, backup, std::filesystem::copy_options::recursive);
  hub_.Start();
  hub_.PublishNext("HN", GoodUpdate("HN", 2));
  hub_.Stop();
  // An old copy of the log alone, as of a restore that was not complete.
  for (const char* name : {"log.db", "log.db-wal", "log.db-shm"}) {
    std::filesystem::remove(data + "/" + name);
    if (std::filesystem::exists(backup / name)) {
      std::filesystem::copy(backup / name, data + "/" + name);
    }
  }

  const absl::Status status = Failure(hub_.hub_options());

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("has 2 entries"), HasSubstr("3 were shown"),
                    HasSubstr("--rebuild-from")));

  // The same if the record of its size is as old.
  std::filesystem::copy(backup / "log.size", data + "/log.size",
                        std::filesystem::copy_options::overwrite_existing);

  const absl::Status older = Failure(hub_.hub_options());

  EXPECT_EQ(older.code(), absl::StatusCode::kDataLoss) << older;
  EXPECT_THAT(std::string(older.message()),
              AllOf(HasSubstr("has 2 entries"), HasSubstr("checkpoint has 3"),
                    HasSubstr("--rebuild-from")));
}

// --- A log begins when somebody says so, and never else

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

TEST_F(HubTest, AFolderThatIsNotThereIsRefusedAndNotMade) {
  const absl::Status status = Failure(Another());

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(Another().data_folder),
                    HasSubstr("found no such folder, expected log.db"),
                    HasSubstr("--create-log")));
  EXPECT_FALSE(std::filesystem::exists(Another().data_folder));
}

TEST_F(HubTest, AnEmptyFolderIsRefusedAndStaysEmptyWhateverTheKey) {
  std::filesystem::create_directory(Another().data_folder);
  HubOptions with_key = Another();
  with_key.log_key_file = hub_.folder() + "/data/log.key";

  for (const HubOptions& options : {Another(), with_key}) {
    const absl::Status status = Failure(options);

    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_THAT(std::string(status.message()), HasSubstr("an empty folder"));
    EXPECT_TRUE(std::filesystem::is_empty(options.data_folder));
  }
}

TEST_F(HubTest, EachPartThatIsMissingIsNamed) {
  hub_.Stop();
  for (const char* name :
       {"log.db", "checkpoints.db", "log.key", "log.size", "documents"}) {
    const std::string path = hub_.folder() + "/data/" + name;
    std::filesystem::rename(path, folder_.path() + "/away");

    const absl::Status status = Failure(hub_.hub_options());

    EXPECT_FALSE(status.ok()) << name;
    EXPECT_THAT(std::string(status.message()), HasSubstr(name));
    EXPECT_FALSE(std::filesystem::exists(path)) << name;
    std::filesystem::rename(folder_.path() + "/away", path);
  }
  hub_.Start();
}

TEST_F(HubTest, AKeyWithoutItsLogIsRefused) {
  HubOptions options = Another();
  std::filesystem::create_directory(options.data_folder);
  std::filesystem::copy(hub_.folder() + "/data/log.key", options.data_folder);

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("has no log.db: found log.key, expected"),
                    HasSubstr("--rebuild-from")));
  EXPECT_THAT(NamesIn(options.data_folder), ElementsAre("log.key"));
}

TEST_F(HubTest, TheFolderOfANodeIsRefused) {
  HubOptions options = CreateAnother();
  std::ofstream(options.data_folder + "/outbox.db") << "x";

  const absl::Status status = Failure(options);

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("is that of a node"));
}

TEST_F(HubTest, ALogIsNotBegunWhereAnythingIs) {
  const HubOptions options = CreateAnother();
  std::vector<std::string> before = NamesIn(options.data_folder);

  const absl::Status again = Hub::CreateLog(options).status();

  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(again.message()),
              AllOf(HasSubstr("log.db"), HasSubstr("is not empty")));
  EXPECT_THAT(NamesIn(options.data_folder), UnorderedElementsAreArray(before));
}

TEST_F(HubTest, ALogIsBegunInAnEmptyMountPoint) {
  std::filesystem::create_directories(Another().data_folder + "/lost+found");

  EXPECT_TRUE(Hub::Start(CreateAnother()).ok());
}

TEST_F(HubTest, AKeyThatIsThereIsUsedForANewLogOnlyWhenThatIsSaid) {
  HubOptions options = Another();
  options.log_key_file = hub_.folder() + "/data/log.key";

  const absl::Status unsaid = Hub::CreateLog(options).status();

  EXPECT_EQ(unsaid.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(unsaid.message()),
              AllOf(HasSubstr(options.log_key_file), HasSubstr("--reuse-key")));
  EXPECT_FALSE(std::filesystem::exists(options.data_folder));

  const auto key = Hub::CreateLog(options, /*reuse_key=*/true);

  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->ToString(), hub_.log_key().ToString());
  EXPECT_TRUE(Hub::Start(options).ok());
}

TEST_F(HubTest, AKeyThatCannotBeMadeLeavesNothing) {
  HubOptions options = Another();
  options.log_key_file = folder_.path() + "/nowhere/log.key";

  EXPECT_FALSE(Hub::CreateLog(options).ok());

  EXPECT_TRUE(std::filesystem::is_empty(options.data_folder));
  options.log_key_file = folder_.path() + "/log.key";
  EXPECT_TRUE(Hub::CreateLog(options).ok());
}

TEST_F(HubTest, AStatementWhoseCheckpointCannotBeWrittenIsNotShownNorLost) {
  const v1::Statement statement = hub_.PublisherOf("HN").Next(GoodUpdate("HN"));
  sqlite3* blocker = nullptr;
  ASSERT_EQ(
      sqlite3_open((hub_.folder() + "/data/checkpoints.db").c_str(), &blocker),
      SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(blocker, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr),
            SQLITE_OK);

  const auto refused = hub_.Publish("HN", {statement});

  EXPECT_EQ(refused[0].status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(hub_.hub().log_size(), 1);

  ASSERT_EQ(sqlite3_exec(blocker, "ROLLBACK", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(blocker);
  const auto again = hub_.Publish("HN", {statement});

  ASSERT_TRUE(again[0].ok()) << again[0].status();
  EXPECT_EQ(again[0]->position(), 1);
  EXPECT_TRUE(CheckReceipt(*again[0], hub_.log_key()).ok());
  EXPECT_EQ(hub_.hub().log_size(), 2);
}

TEST_F(HubTest, DrainingWithoutCallsIsQuickAndMayComeTwice) {
  const absl::Time begin = absl::Now();

  hub_.hub().Drain(absl::Now() + absl::Seconds(30));
  hub_.hub().Drain(absl::Now() + absl::Seconds(30));

  EXPECT_LT(absl::Now() - begin, absl::Seconds(10));
}

TEST_F(HubTest, StartsAndStopsManyTimes) {
  for (int i = 0; i < 20; ++i) {
    hub_.PublishNext("HN", GoodUpdate("HN", i + 1));
    hub_.Restart();
  }

  EXPECT_EQ(hub_.hub().log_size(), 21);
}

}  // namespace
}  // namespace gaceta
