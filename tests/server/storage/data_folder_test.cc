#include "server/storage/data_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "spdlog/sinks/ostream_sink.h"
#include "spdlog/spdlog.h"
#include "tests/support/temp_folder.h"

namespace gaceta {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Somebody who is neither root nor who runs the tests.
constexpr uid_t kStranger = 65533;

class DataFolderTest : public ::testing::Test {
 protected:
  DataFolderTest() {
    // Nothing else decides on the rights of what a test makes.
    umask(0);
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(log_)));
  }

  // A file of a data folder, open to all.
  void Write(const std::string& name) const {
    std::filesystem::create_directories(
        std::filesystem::path(Path(name)).parent_path());
    temp_.Write("data/" + name, "something");
  }
  std::string Path(const std::string& name) const {
    return temp_.Path("data/" + name);
  }
  unsigned Mode(const std::string& name) const {
    struct stat info {};
    EXPECT_EQ(lstat(Path(name).c_str(), &info), 0) << name;
    return info.st_mode & 07777;
  }
  void SetMode(const std::string& name, mode_t mode) const {
    ASSERT_EQ(chmod(Path(name).c_str(), mode), 0);
  }
  absl::Status Open() const { return OpenDataFolder(Path("")); }

  const testing::TempFolder temp_;
  std::ostringstream log_;
};

TEST_F(DataFolderTest, ANewOneIsForItsOwnerAlone) {
  ASSERT_TRUE(OpenDataFolder(Path("deep/below")).ok());

  EXPECT_EQ(Mode(""), 0700U);
  EXPECT_EQ(Mode("deep"), 0700U);
  EXPECT_EQ(Mode("deep/below"), 0700U);
  EXPECT_THAT(log_.str(), IsEmpty());
}

TEST_F(DataFolderTest, AnEmptyOneOfAServiceManagerIsClosed) {
  ASSERT_TRUE(std::filesystem::create_directory(Path("")));
  SetMode("", 0755);

  EXPECT_TRUE(Open().ok());

  EXPECT_EQ(Mode(""), 0700U);
}

TEST_F(DataFolderTest, WhatAnEarlierVersionLeftOpenIsClosedAndSaidOnce) {
  for (const char* name :
       {"log.db", "log.db-wal", "log.db-shm", "log.db.lock", "outbox.db",
        "documents/sha256/0a/0a1b", "documents/incoming/0c2d",
        "documents/mirrored_position", "evidence/log-forked-0a1b.json",
        "evidence/dismissed/log-forked-0c2d.json"}) {
    Write(name);
  }
  SetMode("", 0755);

  EXPECT_TRUE(Open().ok());

  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(Path(""))) {
    const std::string name =
        std::filesystem::relative(entry.path(), Path("")).native();
    EXPECT_EQ(Mode(name), entry.is_directory() ? 0700U : 0600U) << name;
  }
  EXPECT_EQ(Mode(""), 0700U);
  EXPECT_THAT(log_.str(), HasSubstr("mode_before=0755 folders_changed=7 "
                                    "files_changed=10"));
  log_.str("");
  EXPECT_TRUE(Open().ok());
  EXPECT_THAT(log_.str(), IsEmpty());
}

TEST_F(DataFolderTest, AFileThatWasCopiedIntoAPrivateFolderIsClosed) {
  Write("log.db");
  Write("documents/sha256/0a/0a1b");
  SetMode("", 0700);

  EXPECT_TRUE(Open().ok());

  EXPECT_EQ(Mode("log.db"), 0600U);
  EXPECT_EQ(Mode("documents/sha256/0a/0a1b"), 0600U);
}

TEST_F(DataFolderTest, PublicHalvesKeysLinksAndStrangersFilesStayAsTheyAre) {
  temp_.Write("elsewhere.db", "of somebody else");
  Write("log.db");
  Write("log.key");
  Write("log.key.pub");
  Write("backup.sh");
  std::filesystem::create_symlink(temp_.Path("elsewhere.db"), Path("tree.db"));
  SetMode("", 0755);
  SetMode("backup.sh", 0755);

  EXPECT_TRUE(Open().ok());

  EXPECT_EQ(Mode("log.key"), 0666U);  // Refused where it is read.
  EXPECT_EQ(Mode("log.key.pub"), 0666U);
  EXPECT_EQ(Mode("backup.sh"), 0755U);
  EXPECT_EQ(Mode("../elsewhere.db"), 0666U);
  EXPECT_EQ(Mode("log.db"), 0600U);
}

TEST_F(DataFolderTest, AFolderThatIsNoServersIsRefusedAndNotChanged) {
  Write("thesis.txt");
  SetMode("", 0755);

  const absl::Status status = Open();

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("none of a server, and other users may use it (mode "
                        "0755)"));
  EXPECT_EQ(Mode(""), 0755U);
  EXPECT_EQ(Mode("thesis.txt"), 0666U);
}

TEST_F(DataFolderTest, TheRootOfAFileSystemMayBeADataFolder) {
  ASSERT_TRUE(std::filesystem::create_directories(Path("lost+found")));
  SetMode("", 0755);

  EXPECT_TRUE(Open().ok());

  EXPECT_EQ(Mode(""), 0700U);
}

TEST_F(DataFolderTest, ALinkToTheFolderIsFollowed) {
  Write("log.db");
  SetMode("", 0755);
  std::filesystem::create_directory_symlink(Path(""), temp_.Path("link"));

  EXPECT_TRUE(OpenDataFolder(temp_.Path("link")).ok());

  EXPECT_EQ(Mode(""), 0700U);
}

// Gives away a folder, or a file in it, and opens the folder as somebody else.
class StrangersDataFolderTest : public DataFolderTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "only root gives files away";
    ASSERT_EQ(chmod(temp_.path().c_str(), 0777), 0);
  }

  absl::Status OpenAsStranger() const {
    EXPECT_EQ(seteuid(kStranger), 0);
    absl::Status status = Open();
    EXPECT_EQ(seteuid(0), 0);
    return status;
  }
};

TEST_F(StrangersDataFolderTest, AFolderOfAnotherUserIsRefused) {
  Write("log.db");
  SetMode("", 0777);

  const absl::Status status = OpenAsStranger();

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("(mode 0777): Operation not permitted; it belongs to "
                        "user 0, the server runs as user 65533"));
  EXPECT_EQ(Mode(""), 0777U);
  EXPECT_EQ(Mode("log.db"), 0666U);
}

TEST_F(StrangersDataFolderTest, AFileOfAnotherUserIsRefused) {
  Write("log.db");
  SetMode("", 0700);
  ASSERT_EQ(chown(Path("").c_str(), kStranger, kStranger), 0);

  const absl::Status status = OpenAsStranger();

  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/log.db"));
}

}  // namespace
}  // namespace gaceta
