// From which position of the log on keys, members and their ends count.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "errors/errors.h"
#include "pki/pki.h"
#include "tests/support/statements.h"
#include "verify/federation.h"

namespace gaceta {
namespace {

using testing::DerOf;
using testing::IdOf;
using testing::TestFederation;
using testing::TestTime;

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation;
  return *federation;
}

std::string KeyIdOf(const std::string& publisher) {
  return TheFederation().SignerKeyOf(publisher).public_key().key_id();
}

// A registry with FirstChange() at position 0.
class FederationPositionsTest : public ::testing::Test {
 protected:
  void Apply(std::int64_t position,
             const std::vector<v1::RegistryItem>& items) {
    v1::RegistryChange change;
    for (const v1::RegistryItem& item : items) *change.add_items() = item;
    const absl::Status status = federation_.Apply(change, position);
    ASSERT_TRUE(status.ok()) << status;
  }

  static v1::RegistryItem Honduras(v1::Member::Status status) {
    v1::RegistryItem item = TheFederation().MemberItem("HN");
    item.mutable_member()->set_status(status);
    return item;
  }

  static v1::RegistryItem Revocation(const std::string& key_id) {
    v1::RegistryItem item;
    item.mutable_signer_key_revocation()->set_key_id(key_id);
    item.mutable_signer_key_revocation()->set_ground("lost");
    return item;
  }

  // A new signer; `*key_id` is its key.
  static v1::RegistryItem NewSigner(const std::string& publisher,
                                    std::string* key_id) {
    const pki::CertifiedKey& ca = TheFederation().CaOf(publisher);
    pki::LeafOptions options;
    options.not_before = TestTime();
    options.validity = absl::Hours(24);
    const pki::CertifiedKey signer = *pki::MakeLeaf(
        ca, IdOf(TestFederation::TrustDomainOf(publisher), "signer"), options);
    v1::RegistryItem item;
    v1::SignerKey* key = item.mutable_signer_key();
    key->set_publisher(publisher);
    key->set_certificate(DerOf(signer.certificate_pem));
    key->set_issuer(DerOf(ca.certificate_pem));
    *key_id = PublicKey::FromCertificateDer(key->certificate())->key_id();
    return item;
  }

  // The reason why a key does not count; empty if it does.
  std::string Refusal(const std::string& publisher, const std::string& key_id,
                      std::int64_t position) const {
    return Reason(federation_.FindKey(publisher, key_id, position).status());
  }

  Federation federation_ = TheFederation().Full();
};

TEST_F(FederationPositionsTest, AKeyCountsBeyondTheChangeThatBringsIt) {
  std::string key_id;
  Apply(5, {NewSigner("HN", &key_id)});

  EXPECT_EQ(Refusal("HN", key_id, 4), "UNKNOWN_KEY");
  EXPECT_EQ(Refusal("HN", key_id, 5), "UNKNOWN_KEY");
  EXPECT_EQ(Refusal("HN", key_id, 6), "");
  EXPECT_EQ(Refusal("HN", key_id, kLatest), "");
}

TEST_F(FederationPositionsTest, ARevokedKeyCountsForWhatCameBefore) {
  Apply(5, {Revocation(KeyIdOf("HN"))});

  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 1), "");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 5), "");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 6), "UNKNOWN_KEY");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), kLatest), "UNKNOWN_KEY");
}

TEST_F(FederationPositionsTest, WhatComesAfterARevocationDoesNotMoveIt) {
  Apply(5, {Revocation(KeyIdOf("HN"))});
  Apply(8, {TheFederation().SignerItem("HN")});
  Apply(9, {Revocation(KeyIdOf("HN"))});

  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 5), "");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 6), "UNKNOWN_KEY");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 9), "UNKNOWN_KEY");
}

TEST_F(FederationPositionsTest, AKeyThatIsBroughtAgainCountsFromItsFirstTime) {
  Apply(5, {TheFederation().SignerItem("HN")});

  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 3), "");
}

TEST_F(FederationPositionsTest, ASuspensionCountsBetweenItsPositions) {
  Apply(5, {Honduras(v1::Member::STATUS_SUSPENDED)});
  Apply(8, {Honduras(v1::Member::STATUS_ACTIVE)});

  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 5), "");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 6), "MEMBER_SUSPENDED");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 8), "MEMBER_SUSPENDED");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 9), "");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), kLatest), "");
  EXPECT_EQ(Refusal("GT", KeyIdOf("GT"), 6), "");
}

TEST_F(FederationPositionsTest, OfTwoItemsOfOneChangeTheLastCounts) {
  Apply(5, {Honduras(v1::Member::STATUS_SUSPENDED),
            Honduras(v1::Member::STATUS_ACTIVE)});
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 6), "");

  Apply(8, {Honduras(v1::Member::STATUS_ACTIVE),
            Honduras(v1::Member::STATUS_SUSPENDED)});
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 8), "");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 9), "MEMBER_SUSPENDED");
}

TEST_F(FederationPositionsTest, ASuspensionThatIsSaidTwiceBeginsOnce) {
  Apply(5, {Honduras(v1::Member::STATUS_SUSPENDED)});
  Apply(7, {Honduras(v1::Member::STATUS_SUSPENDED)});

  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 5), "");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 7), "MEMBER_SUSPENDED");
}

TEST_F(FederationPositionsTest, OnlyTheFirstChangeCountsAtItsOwnPosition) {
  EXPECT_EQ(Refusal("OAS", KeyIdOf("OAS"), 0), "");
  EXPECT_EQ(Refusal("HN", KeyIdOf("HN"), 0), "UNKNOWN_KEY");

  std::string key_id;
  Apply(5, {NewSigner("OAS", &key_id)});
  EXPECT_EQ(Refusal("OAS", key_id, 0), "UNKNOWN_KEY");
  EXPECT_EQ(Refusal("OAS", key_id, 5), "UNKNOWN_KEY");
}

TEST_F(FederationPositionsTest, ALogMayHaveItsFirstChangeAnywhere) {
  federation_ = TheFederation().Empty();
  ASSERT_TRUE(federation_.Apply(TheFederation().FirstChange(), 7).ok());

  EXPECT_EQ(Refusal("OAS", KeyIdOf("OAS"), 6), "UNKNOWN_KEY");
  EXPECT_EQ(Refusal("OAS", KeyIdOf("OAS"), 7), "");
  EXPECT_EQ(Refusal("OAS", KeyIdOf("OAS"), 8), "");
}

TEST_F(FederationPositionsTest, ChangesComeInOrderAndEachOnce) {
  Apply(5, {testing::TopicItem("health")});
  v1::RegistryChange change;
  *change.add_items() = testing::TopicItem("asylum");

  for (const std::int64_t position :
       {std::int64_t{-1}, std::int64_t{4}, std::int64_t{5}, kLatest}) {
    const absl::Status status = federation_.Apply(change, position);
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << position;
    EXPECT_EQ(Reason(status), "POSITION_ORDER");
  }
  EXPECT_FALSE(federation_.HasTopic("asylum"));
  EXPECT_EQ(federation_.next_position(), 6);
}

TEST_F(FederationPositionsTest, ARefusedChangeTakesNoPosition) {
  EXPECT_FALSE(federation_.Apply(v1::RegistryChange(), 5).ok());

  EXPECT_EQ(federation_.next_position(), 1);
}

}  // namespace
}  // namespace gaceta
