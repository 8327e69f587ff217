// Where certificates and keys are kept, with which rights, and that nothing is
// ever lost by making another.
#include "pki/pki_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "pki/inspect.h"
#include "tests/client/pki/openssl_program.h"

namespace gaceta::pki {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kYear = absl::Hours(24 * 365);

class PkiFolderTest : public ::testing::Test {
 protected:
  PkiFolderTest() : now_(absl::Now()), pki_(temp_.Path("a/pki")) {}

  LeafOptions ForAYear() const {
    LeafOptions options;
    options.not_before = now_;
    options.validity = kYear;
    return options;
  }

  void MakeRootAndCa() {
    ASSERT_TRUE(pki_.AddRoot("gaceta.example", now_, 20 * kYear).ok());
    ASSERT_TRUE(pki_.AddCa("hn", now_, 5 * kYear).ok());
  }

  std::string File(const std::string& name) const {
    return temp_.Path("a/pki/" + name);
  }

  const testing::TempFolder temp_;
  const absl::Time now_;
  const PkiFolder pki_;
};

TEST_F(PkiFolderTest, FilesAreWhereTheLayoutSays) {
  MakeRootAndCa();
  ASSERT_TRUE(pki_.AddLeaf("hn", "node", ForAYear()).ok());
  ASSERT_TRUE(pki_.AddLeaf("hn", "agency/migracion", ForAYear()).ok());

  for (const char* name :
       {"root.pem", "root.key", "hn/ca.pem", "hn/ca.key", "hn/node.pem",
        "hn/node.key", "hn/agency-migracion.pem", "hn/agency-migracion.key"}) {
    EXPECT_TRUE(std::filesystem::is_regular_file(File(name))) << name;
  }
  EXPECT_THAT(
      ReadCertificates(ReadText(File("hn/agency-migracion.pem")))->at(0).uris,
      ElementsAre("spiffe://hn.gaceta.example/agency/migracion"));
}

TEST_F(PkiFolderTest, KeysAreForTheirOwnerAloneAndCertificatesFollowTheUmask) {
  const mode_t before = umask(0002);
  MakeRootAndCa();
  EXPECT_TRUE(pki_.AddLeaf("hn", "signer", ForAYear()).ok());
  umask(before);

  for (const char* key : {"root.key", "hn/ca.key", "hn/signer.key"}) {
    EXPECT_EQ(ModeOf(File(key)), 0600U) << key;
  }
  for (const char* pem : {"root.pem", "hn/ca.pem", "hn/signer.pem"}) {
    EXPECT_EQ(ModeOf(File(pem)), 0664U) << pem;
  }
  EXPECT_EQ(ModeOf(temp_.Path("a")), 0700U);
  EXPECT_EQ(ModeOf(File("")), 0700U);
  EXPECT_EQ(ModeOf(File("hn")), 0700U);
}

TEST_F(PkiFolderTest, NothingIsOverwritten) {
  MakeRootAndCa();
  ASSERT_TRUE(pki_.AddLeaf("hn", "node", ForAYear()).ok());
  std::vector<std::string> before;
  const std::vector<std::string> names = {"root.pem",    "root.key",
                                          "hn/ca.pem",   "hn/ca.key",
                                          "hn/node.pem", "hn/node.key"};
  for (const std::string& name : names) before.push_back(ReadText(File(name)));

  const absl::Status root =
      pki_.AddRoot("gaceta.example", now_, 20 * kYear).status();
  const absl::Status ca = pki_.AddCa("hn", now_, 5 * kYear).status();
  const absl::Status leaf = pki_.AddLeaf("hn", "node", ForAYear()).status();

  EXPECT_TRUE(absl::IsAlreadyExists(root)) << root;
  EXPECT_TRUE(absl::IsAlreadyExists(ca)) << ca;
  EXPECT_TRUE(absl::IsAlreadyExists(leaf)) << leaf;
  EXPECT_THAT(std::string(leaf.message()), HasSubstr(File("hn/node.key")));
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(ReadText(File(names[i])), before[i]) << names[i];
  }
}

TEST_F(PkiFolderTest, ACertificateInTheWayLeavesNoKeyBehind) {
  MakeRootAndCa();
  temp_.Write("a/pki/hn/node.pem", "somebody's");

  const absl::Status status = pki_.AddLeaf("hn", "node", ForAYear()).status();

  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_EQ(ReadText(File("hn/node.pem")), "somebody's");
  EXPECT_FALSE(std::filesystem::exists(File("hn/node.key")));
}

TEST_F(PkiFolderTest, ALinkIsNotFollowed) {
  MakeRootAndCa();
  std::filesystem::create_symlink(temp_.Path("elsewhere"), File("hn/node.key"));

  const absl::Status status = pki_.AddLeaf("hn", "node", ForAYear()).status();

  EXPECT_TRUE(absl::IsAlreadyExists(status)) << status;
  EXPECT_FALSE(std::filesystem::exists(temp_.Path("elsewhere")));
}

TEST_F(PkiFolderTest, WithoutItsIssuerNothingIsMade) {
  const absl::Status ca = pki_.AddCa("hn", now_, 5 * kYear).status();
  const absl::Status leaf = pki_.AddLeaf("hn", "node", ForAYear()).status();

  EXPECT_TRUE(absl::IsNotFound(ca)) << ca;
  EXPECT_THAT(std::string(ca.message()), HasSubstr(File("root.pem")));
  EXPECT_TRUE(absl::IsNotFound(leaf)) << leaf;
  EXPECT_THAT(std::string(leaf.message()), HasSubstr(File("hn/ca.pem")));
  EXPECT_FALSE(std::filesystem::exists(File("hn")));
}

TEST_F(PkiFolderTest, AMemberNeedsItsOwnFolderAlone) {
  MakeRootAndCa();
  std::filesystem::create_directory(temp_.Path("honduras"));
  std::filesystem::rename(File("hn"), temp_.Path("honduras/hn"));

  auto made =
      PkiFolder(temp_.Path("honduras")).AddLeaf("hn", "node", ForAYear());

  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_TRUE(
      CheckChain(made->pair.certificate_pem, ReadText(File("root.pem")), now_)
          .ok());
}

TEST_F(PkiFolderTest, NamesThatLeaveTheFolderAreRefused) {
  MakeRootAndCa();
  for (const char* member : {"..", "../x", "hn/..", "", "HN", "h n"}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(pki_.AddCa(member, now_, kYear).status()))
        << member;
    EXPECT_TRUE(absl::IsInvalidArgument(
        pki_.AddLeaf(member, "node", ForAYear()).status()))
        << member;
  }
  for (const char* path : {"../node", "agency/..", "", "a//b", "/node"}) {
    EXPECT_TRUE(
        absl::IsInvalidArgument(pki_.AddLeaf("hn", path, ForAYear()).status()))
        << path;
  }
}

// While it lives, writing beyond so many bytes of a file fails, as on a full
// disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit = {bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, signal_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int);
};

TEST_F(PkiFolderTest, WhatCannotBeWrittenWholeIsTakenAway) {
  MakeRootAndCa();
  // Less than a key; more than a key, but less than a certificate.
  for (const rlim_t bytes : {100, 400}) {
    absl::Status status;
    {
      const FileSizeLimit limit(bytes);
      status = pki_.AddLeaf("hn", "node", ForAYear()).status();
    }

    EXPECT_THAT(std::string(status.message()),
                HasSubstr(File(bytes == 100 ? "hn/node.key" : "hn/node.pem")));
    EXPECT_FALSE(std::filesystem::exists(File("hn/node.key")));
    EXPECT_FALSE(std::filesystem::exists(File("hn/node.pem")));
  }
  EXPECT_TRUE(pki_.AddLeaf("hn", "node", ForAYear()).ok());
}

TEST_F(PkiFolderTest, AFolderUnderAFileIsAClearError) {
  temp_.Write("a", "a file");

  const absl::Status status =
      pki_.AddRoot("gaceta.example", now_, kYear).status();

  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr(temp_.Path("a")));
}

}  // namespace
}  // namespace gaceta::pki
