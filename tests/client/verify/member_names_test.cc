// Which host names and addresses a member may register, and which CAs it may
// have then.
#include "verify/member_names.h"

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "pki/issue.h"
#include "pki/pki.h"
#include "tests/support/statements.h"
#include "verify/ca_constraints.h"

namespace gaceta {
namespace {

using ::testing::Contains;
using testing::DerOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TestFederation;
using testing::TestTime;
using ::testing::UnorderedElementsAre;

constexpr absl::Duration kMonth = absl::Hours(24 * 30);

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation;
  return *federation;
}

// A CA of Honduras, DER, with any constraints.
std::string Ca(std::optional<CaConstraints> constraints) {
  pki::CertificateForm form;
  form.organization = "hn.gaceta.example";
  form.common_name = "Member CA";
  form.not_before = TestTime();
  form.not_after = TestTime() + kMonth;
  form.is_ca = true;
  form.constraints = std::move(constraints);
  return DerOf(pki::Issue(form, &TheFederation().root())->certificate_pem);
}

// A member whose only CA is kept to just what the item says.
v1::RegistryItem Member(const std::string& id, const pki::MemberNames& names) {
  v1::RegistryItem item = TheFederation().MemberItem(id);
  v1::Member* member = item.mutable_member();
  for (const std::string& name : names.host_names) {
    member->add_host_names(name);
  }
  for (const std::string& address : names.ip_addresses) {
    member->add_ip_addresses(address);
  }
  member->clear_ca_certificates();
  member->add_ca_certificates(Ca(MemberCaConstraints(
      member->trust_domain(), names.host_names, names.ip_addresses)));
  return item;
}

v1::RegistryChange ChangeOf(const std::vector<v1::RegistryItem>& items) {
  v1::RegistryChange change;
  for (const v1::RegistryItem& item : items) *change.add_items() = item;
  return change;
}

std::vector<std::string> FieldsOf(
    const std::vector<FieldViolation>& violations) {
  std::vector<std::string> fields;
  for (const FieldViolation& one : violations) fields.push_back(one.field);
  return fields;
}

// Guatemala has a host name and an address.
Federation Registry() {
  Federation federation = TheFederation().Full();
  const absl::Status status = federation.Apply(
      ChangeOf({Member("GT", {{"gaceta.gob.gt"}, {"192.0.2.17"}})}), 1);
  EXPECT_TRUE(status.ok()) << status;
  return federation;
}

std::vector<FieldViolation> Check(const v1::RegistryItem& item) {
  return CheckMemberNames(Registry(), ChangeOf({item}));
}

TEST(MemberNamesTest, AMemberWithItsOwnNamesAndAddressesPasses) {
  EXPECT_THAT(Check(TheFederation().MemberItem("HN")), IsEmpty());
  EXPECT_THAT(Check(Member("HN", {{"gaceta.gob.hn", "gob.hn"},
                                  {"192.0.2.18", "2001:db8::18"}})),
              IsEmpty());
  EXPECT_THAT(Check(Member("HN", {{}, {"::1"}})), IsEmpty());
  // Its own, as they were.
  EXPECT_THAT(Check(Member("GT", {{"gaceta.gob.gt"}, {"192.0.2.17"}})),
              IsEmpty());
}

TEST(MemberNamesTest, AHostNameOfTheFederationIsRefused) {
  for (const char* name : {"gaceta.example", "node.gt.gaceta.example",
                           "hn.gaceta.example", "example"}) {
    const auto violations = Check(Member("HN", {{name}, {}}));

    ASSERT_THAT(FieldsOf(violations),
                ElementsAre("items[0].member.host_names[0]"))
        << name;
    EXPECT_THAT(violations[0].description, HasSubstr(name));
  }
}

TEST(MemberNamesTest, AHostNameOfAnotherMemberIsRefusedWithItsOwner) {
  for (const auto& [name, relation] :
       {std::pair<const char*, const char*>{"gaceta.gob.gt", "equals"},
        {"a.gaceta.gob.gt", "lies below"},
        {"gob.gt", "contains"}}) {
    const auto violations = Check(Member("HN", {{"gob.hn", name}, {}}));

    ASSERT_THAT(FieldsOf(violations),
                ElementsAre("items[0].member.host_names[1]"))
        << name;
    EXPECT_THAT(violations[0].description,
                HasSubstr(std::string(relation) +
                          " \"gaceta.gob.gt\", a host name of GT"));
  }
}

TEST(MemberNamesTest, WhatIsNoHostNameIsRefused) {
  for (const char* name : {"", "hn", "GOB.hn", "gob.hn.", ".gob.hn", "*.gob.hn",
                           "192.0.2.17", "gob_hn.hn"}) {
    EXPECT_THAT(FieldsOf(Check(Member("HN", {{name}, {}}))),
                ElementsAre("items[0].member.host_names[0]"))
        << name;
  }
}

TEST(MemberNamesTest, AnAddressOfAnotherMemberIsRefusedWithItsOwner) {
  const auto violations = Check(Member("HN", {{}, {"192.0.2.17"}}));

  ASSERT_THAT(FieldsOf(violations),
              ElementsAre("items[0].member.ip_addresses[0]"));
  EXPECT_THAT(violations[0].description,
              HasSubstr("is \"192.0.2.17\", an address of GT"));
}

TEST(MemberNamesTest, AnAddressHasOneTextOnly) {
  for (const char* address : {"::ffff:192.0.2.17", "2001:DB8::18",
                              "2001:db8:0::18", "0.0.0.0", "192.0.2.0/24"}) {
    EXPECT_THAT(FieldsOf(Check(Member("HN", {{}, {address}}))),
                Contains("items[0].member.ip_addresses[0]"))
        << address;
  }
}

TEST(MemberNamesTest, EachIsThereOnceAndSixteenOfASortAtMost) {
  EXPECT_THAT(FieldsOf(Check(Member(
                  "HN", {{"gob.hn", "gob.hn"}, {"192.0.2.18", "192.0.2.18"}}))),
              ElementsAre("items[0].member.host_names[1]",
                          "items[0].member.ip_addresses[1]"));

  pki::MemberNames names;
  for (int i = 0; i < kMaxMemberNames; ++i) {
    names.host_names.push_back(absl::StrCat("n", i, ".gob.hn"));
    names.ip_addresses.push_back(absl::StrCat("198.51.100.", i + 1));
  }
  EXPECT_THAT(Check(Member("HN", names)), IsEmpty());
  names.host_names.emplace_back("more.gob.hn");
  names.ip_addresses.emplace_back("198.51.100.100");
  EXPECT_THAT(FieldsOf(Check(Member("HN", names))),
              ElementsAre("items[0].member.host_names",
                          "items[0].member.ip_addresses"));
}

TEST(MemberNamesTest, MembersOfOneChangeAreCheckedAgainstEachOther) {
  const auto violations = CheckMemberNames(
      Registry(),
      ChangeOf({// Guatemala gives up what Honduras takes.
                Member("GT", {{}, {"192.0.2.19"}}),
                Member("HN", {{"gaceta.gob.gt"}, {"192.0.2.17"}}),
                Member("MX", {{}, {"192.0.2.19"}})}));

  EXPECT_THAT(FieldsOf(violations),
              ElementsAre("items[2].member.ip_addresses[0]"));
}

// What a CA is kept to, and what is said of it where the member has the host
// name `gob.hn` and the address 192.0.2.18.
struct WrongCa {
  std::string name;
  std::function<void(CaConstraints&)> change;
  std::string said;
};

void PrintTo(const WrongCa& one, std::ostream* out) { *out << one.name; }

class WrongCaTest : public ::testing::TestWithParam<WrongCa> {};

TEST_P(WrongCaTest, IsRefusedWithWhatWasSeenAndExpected) {
  v1::RegistryItem item = Member("HN", {{"gob.hn"}, {"192.0.2.18"}});
  CaConstraints constraints =
      MemberCaConstraints("hn.gaceta.example", {"gob.hn"}, {"192.0.2.18"});
  GetParam().change(constraints);
  item.mutable_member()->add_ca_certificates(Ca(constraints));

  const auto violations = Check(item);

  ASSERT_THAT(FieldsOf(violations),
              ElementsAre("items[0].member.ca_certificates[1]"));
  EXPECT_EQ(violations[0].description,
            "(O=hn.gaceta.example, CN=Member CA) " + GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    Constraints, WrongCaTest,
    ::testing::Values(
        WrongCa{"NotCritical", [](auto& c) { c.critical = false; },
                "has name constraints that are not critical, expected critical "
                "ones"},
        WrongCa{"AnotherTrustDomain",
                [](auto& c) { c.permitted_uri_hosts = {"gt.gaceta.example"}; },
                "permits URIs of gt.gaceta.example, expected "
                "hn.gaceta.example"},
        WrongCa{"EveryUri", [](auto& c) { c.permitted_uri_hosts.clear(); },
                "permits URIs of none, expected hn.gaceta.example"},
        WrongCa{
            "OneMoreTrustDomain",
            [](auto& c) {
              c.permitted_uri_hosts.emplace_back("gt.gaceta.example");
            },
            "permits URIs of gt.gaceta.example, hn.gaceta.example, expected "
            "hn.gaceta.example"},
        WrongCa{"OneMoreHostName",
                [](auto& c) { c.permitted_dns_names.emplace_back("gob.mx"); },
                "permits DNS names of gob.hn, gob.mx, hn.gaceta.example, "
                "expected gob.hn, hn.gaceta.example"},
        WrongCa{"OneHostNameLess",
                [](auto& c) { c.permitted_dns_names.pop_back(); },
                "permits DNS names of hn.gaceta.example, expected gob.hn, "
                "hn.gaceta.example"},
        WrongCa{"AnotherAddress",
                [](auto& c) { c.permitted_ip_ranges = {"192.0.2.17"}; },
                "permits IP addresses 192.0.2.17, expected 192.0.2.18"},
        WrongCa{"ARangeOfAddresses",
                [](auto& c) { c.permitted_ip_ranges = {"192.0.2.18/31"}; },
                "permits IP addresses 192.0.2.18/31, expected 192.0.2.18"},
        WrongCa{"EveryIpv6Address",
                [](auto& c) { c.excluded_ip_ranges.clear(); },
                "excludes IP addresses none, expected ::/0"},
        WrongCa{"OnlyHalfOfIpv6Excluded",
                [](auto& c) { c.excluded_ip_ranges = {"::/1"}; },
                "excludes IP addresses ::/1, expected ::/0"},
        WrongCa{"ADnsNameExcluded",
                [](auto& c) { c.excluded_dns_names = {"a.gob.hn"}; },
                "excludes DNS names of a.gob.hn, expected none"},
        WrongCa{"AUriExcluded",
                [](auto& c) { c.excluded_uri_hosts = {"a.gob.hn"}; },
                "excludes URIs of a.gob.hn, expected none"}),
    [](const auto& info) { return info.param.name; });

TEST(MemberNamesTest, ACaOfBeforeTheRuleIsRefusedForItsAddresses) {
  v1::RegistryItem item = TheFederation().MemberItem("HN");
  item.mutable_member()->set_ca_certificates(
      0, Ca(CaConstraints{.permitted_uri_hosts = {"hn.gaceta.example"},
                          .permitted_dns_names = {"hn.gaceta.example"}}));

  const auto violations = Check(item);

  ASSERT_EQ(violations.size(), 1U);
  EXPECT_THAT(
      violations[0].description,
      HasSubstr("excludes IP addresses none, expected 0.0.0.0/0, ::/0"));
}

TEST(MemberNamesTest, ACaWithoutConstraintsIsRefused) {
  v1::RegistryItem item = TheFederation().MemberItem("HN");
  item.mutable_member()->set_ca_certificates(0, Ca(std::nullopt));

  EXPECT_THAT(FieldsOf(Check(item)),
              ElementsAre("items[0].member.ca_certificates[0]"));
}

TEST(MemberNamesTest, AMemberThatJoinedBeforeTheRuleCanBeSuspended) {
  v1::RegistryItem item = TheFederation().MemberItem("HN");
  item.mutable_member()->set_ca_certificates(0, Ca(std::nullopt));
  Federation registry = TheFederation().Full();
  // The check of what is in a log knows nothing of the rule.
  ASSERT_TRUE(registry.Apply(ChangeOf({item}), 1).ok());

  item.mutable_member()->set_status(v1::Member::STATUS_SUSPENDED);
  EXPECT_THAT(CheckMemberNames(registry, ChangeOf({item})), IsEmpty());

  item.mutable_member()->add_ip_addresses("192.0.2.18");
  EXPECT_THAT(FieldsOf(CheckMemberNames(registry, ChangeOf({item}))),
              UnorderedElementsAre("items[0].member.ca_certificates[0]"));
}

}  // namespace
}  // namespace gaceta
