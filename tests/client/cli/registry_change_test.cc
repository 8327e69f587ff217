#include "cli/registry_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "absl/time/clock.h"
#include "pki/pki.h"
#include "tests/support/temp_folder.h"
#include "verify/member_names.h"
#include "verify/registry_items/registry_items.h"
#include "verify/spiffe_id.h"

namespace gaceta::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kFederation[] = "gaceta.example";

class RegistryChangeTest : public ::testing::Test {
 protected:
  RegistryChangeTest() : start_(absl::Now() - absl::Hours(1)) {
    root_ = *pki::MakeRoot(kFederation, start_, absl::Hours(48));
  }

  // Makes the files of a member, as `gaceta pki` leaves them.
  MemberFiles Files(const std::string& id, const std::string& label,
                    const pki::MemberNames& names = {}) {
    const std::string domain = label + "." + kFederation;
    const auto ca = pki::MakeCa(root_, domain, start_, absl::Hours(48), names);
    const auto signer = SpiffeId::Parse("spiffe://" + domain + "/signer");
    pki::LeafOptions options;
    options.not_before = start_;
    options.validity = absl::Hours(24);
    const auto leaf = pki::MakeLeaf(*ca, *signer, options);
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    MemberFiles files;
    files.id = id;
    files.ca_file = folder_.Write(label + "-ca.pem", ca->certificate_pem);
    files.signer_file = folder_.Write(label + ".pem", leaf->certificate_pem);
    return files;
  }

  Federation EmptyFederation() {
    return *Federation::Create(root_.certificate_pem, kFederation);
  }

  static std::string Seed(const std::string& name) {
    return std::string(std::getenv("GACETA_SOURCE_DIR")) + "/deploy/registry/" +
           name;
  }

  const absl::Time start_;
  pki::CertifiedKey root_;
  testing::TempFolder folder_;
};

TEST_F(RegistryChangeTest, AMemberJoinsWithItsNamesItsCaAndItsKey) {
  MemberFiles files = Files("HN", "hn");
  files.members_file = Seed("members.json");

  const auto change = MakeMemberChange(files, kFederation);

  ASSERT_TRUE(change.ok()) << change.status();
  ASSERT_THAT(change->items(), SizeIs(2));
  EXPECT_EQ(change->items(0).member().trust_domain(), "hn.gaceta.example");
  EXPECT_EQ(change->items(0).member().status(), v1::Member::STATUS_ACTIVE);
  EXPECT_THAT(change->items(0).member().names(), SizeIs(4));
  EXPECT_EQ(change->items(1).signer_key().publisher(), "HN");
  EXPECT_TRUE(EmptyFederation().Check(*change).ok())
      << EmptyFederation().Check(*change);
}

TEST_F(RegistryChangeTest, AMemberHasTheHostNamesAndAddressesOfItsCa) {
  const auto change = MakeMemberChange(
      Files("HN", "hn", {{"gaceta.gob.hn"}, {"192.0.2.17", "2001:db8::17"}}),
      kFederation);

  ASSERT_TRUE(change.ok()) << change.status();
  const v1::Member& member = change->items(0).member();
  EXPECT_THAT(member.host_names(), ElementsAre("gaceta.gob.hn"));
  EXPECT_THAT(member.ip_addresses(), ElementsAre("192.0.2.17", "2001:db8::17"));
  EXPECT_THAT(CheckMemberNames(EmptyFederation(), *change), IsEmpty());
  EXPECT_EQ(DescribeItem(change->items(0)),
            "member HN (gaceta.gob.hn, 192.0.2.17, 2001:db8::17)");
}

TEST_F(RegistryChangeTest, TheSecretariatAndAnObserverNeedNoNames) {
  const auto secretariat =
      MakeMemberChange(Files("OAS", "secretariat"), kFederation);
  ASSERT_TRUE(secretariat.ok()) << secretariat.status();
  EXPECT_EQ(secretariat->items(0).member().kind(),
            v1::Member::KIND_SECRETARIAT);
  EXPECT_TRUE(EmptyFederation().Check(*secretariat).ok());

  MemberFiles files = Files("unhcr", "unhcr");
  files.signer_file.clear();
  const auto observer = MakeMemberChange(files, kFederation);
  ASSERT_TRUE(observer.ok()) << observer.status();
  EXPECT_THAT(observer->items(), SizeIs(1));
  EXPECT_EQ(observer->items(0).member().kind(), v1::Member::KIND_OBSERVER);
}

TEST_F(RegistryChangeTest, ASignerOfAnotherCaIsRefused) {
  MemberFiles files = Files("HN", "hn");
  files.signer_file = Files("GT", "gt").signer_file;

  EXPECT_THAT(
      std::string(MakeMemberChange(files, kFederation).status().message()),
      HasSubstr("was not signed by a CA of"));
}

TEST_F(RegistryChangeTest, AMemberThatTheFileDoesNotHaveIsNotFound) {
  MemberFiles files = Files("ZZ", "zz");
  files.members_file = Seed("members.json");

  EXPECT_TRUE(absl::IsNotFound(MakeMemberChange(files, kFederation).status()));
}

TEST_F(RegistryChangeTest, WhatTheRegistryHasIsNotPublishedAgain) {
  Federation registry = EmptyFederation();
  auto change = MakeMemberChange(Files("HN", "hn"), kFederation);
  ASSERT_TRUE(registry.Apply(*change, 0).ok());

  auto same = *change;
  DropUnchanged(registry, &same);
  EXPECT_THAT(same.items(), SizeIs(0));

  auto other = *change;
  other.mutable_items(0)->mutable_member()->set_joined_date("2026-01-01");
  DropUnchanged(registry, &other);
  ASSERT_THAT(other.items(), SizeIs(1));
  EXPECT_EQ(DescribeItem(other.items(0)), "member HN");
}

TEST_F(RegistryChangeTest, TheSeedOfTheRegistryCanBePublished) {
  for (const char* name : {"topics.json", "corridors.json"}) {
    const auto change = ReadRegistryChange(Seed(name));
    ASSERT_TRUE(change.ok()) << change.status();
    EXPECT_GT(change->items_size(), 3);
  }
}

TEST_F(RegistryChangeTest, AFileThatIsWrongIsNamed) {
  const std::string path = folder_.Write("x.json", R"({"itms":[]})");

  EXPECT_THAT(std::string(ReadRegistryChange(path).status().message()),
              HasSubstr(path));
}

TEST_F(RegistryChangeTest, ARevocationNamesTheFirstCertificateOfTheFile) {
  const std::string path = Files("HN", "hn").ca_file;

  const auto change = MakeRevokedCertificateChange(path, "stolen");

  ASSERT_TRUE(change.ok()) << change.status();
  EXPECT_TRUE(EmptyFederation().Check(*change).ok())
      << EmptyFederation().Check(*change);
  EXPECT_THAT(DescribeItem(change->items(0)),
              ::testing::StartsWith("revocation of certificate "));
}

}  // namespace
}  // namespace gaceta::cli
