// Certificates are read back as they were made.
#include "pki/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/time/civil_time.h"
#include "pki/issue.h"
#include "pki/pki.h"
#include "verify/keys.h"

namespace gaceta::pki {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kDay = absl::Hours(24);

absl::Time Day(int year, int month, int day) {
  return absl::FromCivil(absl::CivilDay(year, month, day), absl::UTCTimeZone());
}

class InspectTest : public ::testing::Test {
 protected:
  InspectTest()
      : root_(*MakeRoot("gaceta.example", Day(2026, 1, 1), 7300 * kDay)),
        ca_(*MakeCa(root_, "hn.gaceta.example", Day(2026, 2, 1), 1000 * kDay,
                    {{"gaceta.gob.hn"}, {"192.0.2.17"}})) {
    LeafOptions options;
    options.not_before = Day(2026, 3, 1);
    options.validity = 10 * kDay;
    leaf_ = *MakeLeaf(ca_, *SpiffeId::Parse("spiffe://hn.gaceta.example/node"),
                      options);
  }

  const CertifiedKey root_;
  const CertifiedKey ca_;
  CertifiedKey leaf_;
};

TEST_F(InspectTest, ARootSaysWhichFederationItIsOf) {
  const CertificateFacts facts =
      ReadCertificates(root_.certificate_pem)->front();

  EXPECT_EQ(facts.kind, CertificateFacts::Kind::kRoot);
  EXPECT_THAT(facts.uris, ElementsAre("spiffe://gaceta.example"));
  EXPECT_FALSE(facts.constraints.has_value());
  EXPECT_EQ(facts.path_length, 1);
  EXPECT_EQ(facts.issuer, facts.subject);
  EXPECT_EQ(facts.not_before, Day(2026, 1, 1));
}

TEST_F(InspectTest, ACaSaysWhatItIsKeptTo) {
  const CertificateFacts facts = ReadCertificates(ca_.certificate_pem)->front();

  EXPECT_EQ(facts.kind, CertificateFacts::Kind::kCa);
  ASSERT_TRUE(facts.constraints.has_value());
  EXPECT_EQ(*facts.constraints,
            MemberCaConstraints("hn.gaceta.example", {"gaceta.gob.hn"},
                                {"192.0.2.17"}));
  EXPECT_EQ(facts.path_length, 0);
  EXPECT_EQ(facts.issuer, "O=gaceta.example, CN=Federation root CA");
}

TEST_F(InspectTest, ALeafSaysWhoseItIsAndUntilWhen) {
  const CertificateFacts facts =
      ReadCertificates(leaf_.certificate_pem)->front();

  EXPECT_EQ(facts.kind, CertificateFacts::Kind::kLeaf);
  EXPECT_EQ(facts.subject, "O=hn.gaceta.example, CN=node");
  EXPECT_THAT(facts.uris, ElementsAre("spiffe://hn.gaceta.example/node"));
  EXPECT_THAT(facts.dns_names,
              ElementsAre("node.hn.gaceta.example", "gaceta.gob.hn"));
  EXPECT_THAT(facts.ip_addresses, ElementsAre("192.0.2.17"));
  EXPECT_EQ(facts.not_before, Day(2026, 3, 1));
  EXPECT_EQ(DateOf(facts.not_after), "2026-03-11");
  EXPECT_EQ(facts.key_algorithm, "ECDSA P-256");
  EXPECT_EQ(facts.key_id,
            SigningKey::FromPem(leaf_.key_pem)->public_key().key_id());
}

TEST_F(InspectTest, TextWithoutACertificateIsRefused) {
  EXPECT_TRUE(absl::IsInvalidArgument(ReadCertificates("").status()));
  EXPECT_TRUE(
      absl::IsInvalidArgument(ReadCertificates(leaf_.key_pem).status()));
}

TEST_F(InspectTest, AChainHoldsOnlyInItsTime) {
  const auto check = [&](absl::Time now) {
    return CheckChain(leaf_.certificate_pem, root_.certificate_pem, now);
  };

  EXPECT_TRUE(check(Day(2026, 3, 5)).ok());
  EXPECT_THAT(
      std::string(check(Day(2026, 3, 12)).message()),
      HasSubstr("O=hn.gaceta.example, CN=node: certificate has expired"));
  EXPECT_THAT(std::string(check(Day(2026, 2, 20)).message()),
              HasSubstr("certificate is not yet valid"));
}

TEST_F(InspectTest, AChainHoldsUnderItsOwnRootOnly) {
  const CertifiedKey other =
      *MakeRoot("gaceta.example", Day(2026, 1, 1), 7300 * kDay);

  const absl::Status status =
      CheckChain(leaf_.certificate_pem, other.certificate_pem, Day(2026, 3, 5));

  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
}

TEST_F(InspectTest, AChainWithoutItsCaDoesNotHold) {
  const CertifiedKey alone = *Issue(
      [] {
        CertificateForm form;
        form.uris = {"spiffe://hn.gaceta.example/node"};
        form.not_before = Day(2026, 3, 1);
        form.not_after = Day(2026, 4, 1);
        return form;
      }(),
      &ca_);

  EXPECT_FALSE(
      CheckChain(alone.certificate_pem, root_.certificate_pem, Day(2026, 3, 5))
          .ok());
  EXPECT_TRUE(
      CheckChain(alone.certificate_pem, ca_.certificate_pem, Day(2026, 3, 5))
          .ok());
}

}  // namespace
}  // namespace gaceta::pki
