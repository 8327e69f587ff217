#include "base/file_rights.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <functional>
#include <string>

#include "tests/support/temp_folder.h"

namespace gaceta {
namespace {

// As 0600; 0 if there is nothing.
unsigned ModeOf(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
}

// Every test sets the umask, so each does its work in a process of its own.
class FileRightsTest : public ::testing::Test {
 protected:
  // Runs `work` in a child whose umask is `mask`.
  static void WithUmask(mode_t mask, const std::function<void()>& work) {
    EXPECT_EXIT(
        {
          umask(mask);
          work();
          std::exit(::testing::Test::HasFailure() ? 1 : 0);
        },
        ::testing::ExitedWithCode(0), "");
  }

  void Make(const std::string& name, FileRights rights) const {
    const int fd = MakeFile(Path(name), O_RDWR, rights);
    EXPECT_GE(fd, 0) << name;
    close(fd);
  }
  void OpenOrMake(const std::string& name, FileRights rights) const {
    const int fd = OpenOrMakeFile(Path(name), O_RDWR, rights);
    EXPECT_GE(fd, 0) << name;
    close(fd);
  }
  std::string Path(const std::string& name) const { return folder_.Path(name); }
  unsigned Mode(const std::string& name) const { return ModeOf(Path(name)); }

  const testing::TempFolder folder_;
};

TEST_F(FileRightsTest, WhatIsPrivateIsSoWhateverTheUmask) {
  for (const mode_t mask : {0000, 0022, 0077}) {
    const std::string name = std::to_string(mask);
    WithUmask(mask, [&] {
      Make(name + "file", FileRights::kPrivate);
      OpenOrMake(name + "opened", FileRights::kPrivate);
      EXPECT_EQ(MakeFolder(Path(name), FileRights::kPrivate), 0);
    });
    EXPECT_EQ(Mode(name + "file"), 0600U);
    EXPECT_EQ(Mode(name + "opened"), 0600U);
    EXPECT_EQ(Mode(name), 0700U);
  }
}

TEST_F(FileRightsTest, OutputFollowsTheUmaskOfTheProcess) {
  for (const mode_t mask : {0000, 0022, 0027, 0077}) {
    const std::string name = std::to_string(mask);
    WithUmask(mask, [&] {
      Make(name + "file", FileRights::kOutput);
      OpenOrMake(name + "opened", FileRights::kOutput);
      EXPECT_EQ(MakeFolder(Path(name), FileRights::kOutput), 0);
    });
    EXPECT_EQ(Mode(name + "file"), 0666U & ~mask);
    EXPECT_EQ(Mode(name + "opened"), 0666U & ~mask);
    EXPECT_EQ(Mode(name), 0777U & ~mask);
  }
}

TEST_F(FileRightsTest, OutputOfAPrivateProcessFollowsTheUmaskThatItHad) {
  for (const mode_t mask : {0000, 0022, 0027, 0077}) {
    const std::string name = std::to_string(mask);
    WithUmask(mask, [&] {
      MakeFilesPrivate();
      MakeFilesPrivate();  // Changes nothing more.
      Make(name + "file", FileRights::kOutput);
      OpenOrMake(name + "opened", FileRights::kOutput);
      EXPECT_EQ(MakeFolder(Path(name), FileRights::kOutput), 0);
    });
    EXPECT_EQ(Mode(name + "file"), 0666U & ~mask);
    EXPECT_EQ(Mode(name + "opened"), 0666U & ~mask);
    EXPECT_EQ(Mode(name), 0777U & ~mask);
  }
}

TEST_F(FileRightsTest, FilesOfOtherLibrariesInAPrivateProcessArePrivate) {
  WithUmask(0, [&] {
    MakeFilesPrivate();
    folder_.Write("file", "");
    EXPECT_EQ(mkdir(Path("folder").c_str(), 0777), 0);
  });

  EXPECT_EQ(Mode("file"), 0600U);
  EXPECT_EQ(Mode("folder"), 0700U);
}

TEST_F(FileRightsTest, AFolderKeepsTheGroupThatItsParentGives) {
  ASSERT_EQ(chmod(folder_.path().c_str(), 02700), 0);
  WithUmask(0022, [&] {
    MakeFilesPrivate();
    EXPECT_EQ(MakeFolder(Path("folder"), FileRights::kOutput), 0);
  });

  EXPECT_EQ(Mode("folder"), 02755U);
}

TEST_F(FileRightsTest, APrivateFileThatWasOpenToOthersIsClosed) {
  folder_.Write("file", "what is there");
  ASSERT_EQ(chmod(Path("file").c_str(), 0664), 0);

  OpenOrMake("file", FileRights::kPrivate);

  EXPECT_EQ(Mode("file"), 0600U);
  EXPECT_EQ(folder_.Read("file"), "what is there");
}

TEST_F(FileRightsTest, OutputIntoAFileThatIsThereLeavesItsRights) {
  folder_.Write("file", "");
  ASSERT_EQ(chmod(Path("file").c_str(), 0640), 0);

  OpenOrMake("file", FileRights::kOutput);

  EXPECT_EQ(Mode("file"), 0640U);
}

TEST_F(FileRightsTest, ADeviceKeepsItsRights) {
  const unsigned before = ModeOf("/dev/null");

  const int fd = OpenOrMakeFile("/dev/null", O_RDWR, FileRights::kPrivate);

  EXPECT_GE(fd, 0);
  close(fd);
  EXPECT_EQ(ModeOf("/dev/null"), before);
}

TEST_F(FileRightsTest, AFileThatMustBeNewIsNotOpened) {
  folder_.Write("file", "");
  ASSERT_EQ(symlink("nowhere", Path("link").c_str()), 0);

  for (const char* name : {"file", "link"}) {
    EXPECT_EQ(MakeFile(Path(name), O_RDWR, FileRights::kOutput), -1);
    EXPECT_EQ(errno, EEXIST);
  }
}

TEST_F(FileRightsTest, ALinkToAFileThatIsNotThereMakesTheFile) {
  ASSERT_EQ(symlink(Path("target").c_str(), Path("link").c_str()), 0);

  OpenOrMake("link", FileRights::kPrivate);

  EXPECT_EQ(Mode("target"), 0600U);
}

TEST_F(FileRightsTest, RightsAreTakenOnce) {
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  const int fd = open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY);

  EXPECT_EQ(TakeRightsOfOthers(fd), 1);
  EXPECT_EQ(TakeRightsOfOthers(fd), 0);

  EXPECT_EQ(ModeOf(folder_.path()), 0700U);
  close(fd);
}

}  // namespace
}  // namespace gaceta
