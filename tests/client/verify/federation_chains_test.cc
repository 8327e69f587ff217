// Which chains and keys the registry lets count, with certificates as `gaceta
// pki` makes them.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "errors/errors.h"
#include "pki/issue.h"
#include "pki/pki.h"
#include "tests/support/statements.h"
#include "verify/federation.h"
#include "verify/openssl_ptr.h"

namespace gaceta {
namespace {

using testing::DerOf;
using testing::IdOf;
using testing::TestFederation;
using testing::TestTime;

constexpr absl::Duration kMonth = absl::Hours(24 * 30);

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation;
  return *federation;
}

absl::Time Now() { return TestTime() + absl::Hours(1); }

// Another CA of Honduras, under the same root.
pki::CertifiedKey NewCaOfHonduras() {
  return *pki::MakeCa(TheFederation().root(), "hn.gaceta.example", TestTime(),
                      kMonth);
}

pki::CertifiedKey Leaf(const pki::CertifiedKey& ca, absl::string_view path,
                       bool ed25519 = false) {
  pki::LeafOptions options;
  options.not_before = TestTime();
  options.validity = kMonth;
  options.ed25519 = ed25519;
  return *pki::MakeLeaf(ca, IdOf("hn.gaceta.example", path), options);
}

// Checks the node of Honduras with what it sends along.
absl::Status CheckNode(const Federation& federation,
                       const pki::CertifiedKey& leaf,
                       const std::vector<std::string>& intermediates = {}) {
  return federation.CheckLeaf(IdOf("hn.gaceta.example", "node"),
                              DerOf(leaf.certificate_pem), intermediates,
                              Now());
}

// Puts these CAs in the place of those that Honduras has.
Federation WithCasOfHonduras(const std::vector<pki::CertifiedKey>& cas) {
  v1::RegistryItem item = TheFederation().MemberItem("HN");
  item.mutable_member()->clear_ca_certificates();
  for (const pki::CertifiedKey& ca : cas) {
    item.mutable_member()->add_ca_certificates(DerOf(ca.certificate_pem));
  }
  v1::RegistryChange change;
  *change.add_items() = item;
  Federation federation = TheFederation().Full();
  EXPECT_TRUE(federation.Apply(change, 1).ok());
  return federation;
}

v1::RegistryItem SignerItem(const std::string& publisher,
                            const pki::CertifiedKey& signer,
                            const pki::CertifiedKey& ca) {
  v1::RegistryItem item;
  item.mutable_signer_key()->set_publisher(publisher);
  item.mutable_signer_key()->set_certificate(DerOf(signer.certificate_pem));
  item.mutable_signer_key()->set_issuer(DerOf(ca.certificate_pem));
  return item;
}

std::string KeyIdOf(const pki::CertifiedKey& leaf) {
  return PublicKey::FromCertificateDer(DerOf(leaf.certificate_pem))->key_id();
}

TEST(FederationChainsTest, ACaThatTheRegistryReplacedCountsNoMore) {
  const pki::CertifiedKey old_ca = TheFederation().CaOf("HN");
  const pki::CertifiedKey new_ca = NewCaOfHonduras();
  const pki::CertifiedKey old_node = Leaf(old_ca, "node");
  const Federation federation = WithCasOfHonduras({new_ca});

  const absl::Status status =
      CheckNode(federation, old_node, {DerOf(old_ca.certificate_pem)});

  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  EXPECT_TRUE(CheckNode(federation, Leaf(new_ca, "node")).ok());
}

TEST(FederationChainsTest, WhileACaIsReplacedBothCount) {
  const pki::CertifiedKey old_ca = TheFederation().CaOf("HN");
  const pki::CertifiedKey new_ca = NewCaOfHonduras();
  const Federation federation = WithCasOfHonduras({old_ca, new_ca});

  EXPECT_TRUE(CheckNode(federation, Leaf(old_ca, "node")).ok());
  EXPECT_TRUE(CheckNode(federation, Leaf(new_ca, "node")).ok());
}

TEST(FederationChainsTest, ACaThatOnlyThePeerSendsDoesNotCount) {
  const pki::CertifiedKey unknown = NewCaOfHonduras();

  const absl::Status status =
      CheckNode(TheFederation().Full(), Leaf(unknown, "node"),
                {DerOf(unknown.certificate_pem)});

  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
}

TEST(FederationChainsTest, AFederationOfTheSameNameIsAnother) {
  const TestFederation other({"HN"});
  const pki::CertifiedKey node = Leaf(other.CaOf("HN"), "node");
  const std::vector<std::string> sent = {
      DerOf(other.CaOf("HN").certificate_pem),
      DerOf(other.root().certificate_pem)};

  EXPECT_TRUE(
      absl::IsUnauthenticated(CheckNode(TheFederation().Full(), node, sent)));
  EXPECT_TRUE(
      absl::IsUnauthenticated(CheckNode(TheFederation().Empty(), node, sent)));
}

// A node of Honduras that its issuer, whoever that is, signed.
pki::CertifiedKey NodeSignedBy(const pki::CertifiedKey& issuer) {
  pki::CertificateForm form;
  form.uris = {"spiffe://hn.gaceta.example/node"};
  form.not_before = TestTime();
  form.not_after = TestTime() + kMonth;
  return *pki::Issue(form, &issuer);
}

TEST(FederationChainsTest, ALeafThatTheRootSignedItselfIsRefused) {
  const pki::CertifiedKey& root = TheFederation().root();
  const pki::CertifiedKey node = NodeSignedBy(root);
  ASSERT_TRUE(CheckNode(TheFederation().Full(),
                        NodeSignedBy(TheFederation().CaOf("HN")))
                  .ok());

  // Whether the registry knows Honduras or not, and whatever it sends along.
  for (const Federation& federation :
       {TheFederation().Full(), TheFederation().Empty()}) {
    for (const std::vector<std::string>& sent :
         {std::vector<std::string>{},
          {DerOf(root.certificate_pem)},
          {DerOf(TheFederation().CaOf("HN").certificate_pem)}}) {
      const absl::Status status = CheckNode(federation, node, sent);
      EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
    }
  }
}

TEST(FederationChainsTest, TheRootIsNoMembersCa) {
  v1::RegistryChange change;
  *change.add_items() = TheFederation().MemberItem("HN");
  change.mutable_items(0)->mutable_member()->set_ca_certificates(
      0, DerOf(TheFederation().root().certificate_pem));

  EXPECT_EQ(Reason(TheFederation().Full().Check(change)), "RULE_VIOLATION");
}

TEST(FederationChainsTest, ASignerThatTheRootSignedItselfIsRefused) {
  pki::CertificateForm form;
  form.uris = {"spiffe://hn.gaceta.example/signer"};
  form.not_before = TestTime();
  form.not_after = TestTime() + kMonth;
  const pki::CertifiedKey& root = TheFederation().root();
  const pki::CertifiedKey signer = *pki::Issue(form, &root);

  for (const pki::CertifiedKey& issuer : {root, TheFederation().CaOf("HN")}) {
    v1::RegistryChange change;
    *change.add_items() = SignerItem("HN", signer, issuer);
    EXPECT_EQ(Reason(TheFederation().Full().Check(change)), "RULE_VIOLATION");
  }
}

TEST(FederationChainsTest, ACaAmongTheRootsIsNotTheMembers) {
  const pki::CertifiedKey other = NewCaOfHonduras();
  Federation federation = *Federation::Create(
      TheFederation().root().certificate_pem + other.certificate_pem,
      std::string(testing::kFederation));
  ASSERT_TRUE(federation.Apply(TheFederation().FirstChange(), 0).ok());

  const absl::Status status = CheckNode(federation, Leaf(other, "node"));

  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  EXPECT_TRUE(
      CheckNode(federation, Leaf(TheFederation().CaOf("HN"), "node")).ok());
}

TEST(FederationChainsTest, AnExpiredCaIsInTheRegistryAndSignsNoConnection) {
  const pki::CertifiedKey expired =
      *pki::MakeCa(TheFederation().root(), "hn.gaceta.example", TestTime(),
                   absl::Minutes(30));

  const Federation federation = WithCasOfHonduras({expired});

  EXPECT_TRUE(
      absl::IsUnauthenticated(CheckNode(federation, NodeSignedBy(expired))));
  EXPECT_TRUE(federation
                  .CheckLeaf(IdOf("hn.gaceta.example", "node"),
                             DerOf(NodeSignedBy(expired).certificate_pem), {},
                             TestTime() + absl::Minutes(10))
                  .ok());
}

TEST(FederationChainsTest, ALeafWithoutKeyUsageIsRefused) {
  const pki::CertifiedKey& ca = TheFederation().CaOf("HN");
  const OpensslPtr<X509> leaf =
      X509FromDer(DerOf(Leaf(ca, "node").certificate_pem));
  const OpensslPtr<EVP_PKEY> key(PEM_read_bio_PrivateKey(
      BioOf(ca.key_pem).get(), nullptr, nullptr, nullptr));
  X509_EXTENSION_free(X509_delete_ext(
      leaf.get(), X509_get_ext_by_NID(leaf.get(), NID_key_usage, -1)));
  ASSERT_GT(X509_sign(leaf.get(), key.get(), EVP_sha256()), 0);

  const absl::Status status = TheFederation().Full().CheckLeaf(
      IdOf("hn.gaceta.example", "node"), X509ToDer(leaf.get()), {}, Now());

  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
}

TEST(FederationChainsTest, AMemberHasAsManySignersAsItNeeds) {
  const pki::CertifiedKey& ca = TheFederation().CaOf("HN");
  const pki::CertifiedKey second = Leaf(ca, "signer", /*ed25519=*/true);
  Federation federation = TheFederation().Full();
  v1::RegistryChange change;
  *change.add_items() = SignerItem("HN", second, ca);

  ASSERT_TRUE(federation.Apply(change, 1).ok());

  const std::string signature =
      *SigningKey::FromPem(second.key_pem)->Sign("header");
  auto key = federation.FindKey("HN", KeyIdOf(second), kLatest);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_TRUE(key->Verify("header", signature).ok());
  const std::string first =
      TheFederation().SignerKeyOf("HN").public_key().key_id();
  EXPECT_TRUE(federation.FindKey("HN", first, kLatest).ok());
}

TEST(FederationChainsTest, RevokingOneKeyLeavesTheOthers) {
  const pki::CertifiedKey& ca = TheFederation().CaOf("HN");
  const pki::CertifiedKey second = Leaf(ca, "signer");
  const std::string first =
      TheFederation().SignerKeyOf("HN").public_key().key_id();
  Federation federation = TheFederation().Full();
  v1::RegistryChange change;
  *change.add_items() = SignerItem("HN", second, ca);
  v1::SignerKeyRevocation* revocation =
      change.add_items()->mutable_signer_key_revocation();
  revocation->set_key_id(first);
  revocation->set_ground("the machine was stolen");

  ASSERT_TRUE(federation.Apply(change, 1).ok());

  EXPECT_EQ(Reason(federation.FindKey("HN", first, kLatest).status()),
            "UNKNOWN_KEY");
  EXPECT_TRUE(federation.FindKey("HN", KeyIdOf(second), kLatest).ok());
}

TEST(FederationChainsTest, ASuspendedMemberSignsNothingUntilItIsBack) {
  const std::string key_id =
      TheFederation().SignerKeyOf("HN").public_key().key_id();
  const std::string other =
      TheFederation().SignerKeyOf("GT").public_key().key_id();
  Federation federation = TheFederation().Full();
  v1::RegistryChange suspension;
  *suspension.add_items() = TheFederation().MemberItem("HN");
  suspension.mutable_items(0)->mutable_member()->set_status(
      v1::Member::STATUS_SUSPENDED);
  v1::RegistryChange back;
  *back.add_items() = TheFederation().MemberItem("HN");

  ASSERT_TRUE(federation.Apply(suspension, 1).ok());
  EXPECT_EQ(Reason(federation.FindKey("HN", key_id, kLatest).status()),
            "MEMBER_SUSPENDED");
  EXPECT_TRUE(federation.FindKey("GT", other, kLatest).ok());

  ASSERT_TRUE(federation.Apply(back, 2).ok());
  EXPECT_TRUE(federation.FindKey("HN", key_id, kLatest).ok());
}

class BootstrapTest : public ::testing::Test {
 protected:
  static std::string KeyId(const std::string& publisher) {
    return TheFederation().SignerKeyOf(publisher).public_key().key_id();
  }

  const Federation empty_ = TheFederation().Empty();
};

TEST_F(BootstrapTest, TheFirstStatementBringsTheKeyThatSignedIt) {
  auto key =
      empty_.FindBootstrapKey(TheFederation().FirstChange(), KeyId("OAS"));

  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->key_id(), KeyId("OAS"));
}

TEST_F(BootstrapTest, AKeyThatItDoesNotBringIsUnknown) {
  v1::RegistryChange members_only;
  *members_only.add_items() = TheFederation().MemberItem("OAS");

  EXPECT_EQ(
      Reason(empty_.FindBootstrapKey(members_only, KeyId("OAS")).status()),
      "UNKNOWN_KEY");
  EXPECT_EQ(
      Reason(
          empty_.FindBootstrapKey(TheFederation().FirstChange(), "?").status()),
      "UNKNOWN_KEY");
}

TEST_F(BootstrapTest, OnceTheFirstStatementIsAppliedNoOtherBringsItsKey) {
  const Federation full = TheFederation().Full();

  EXPECT_EQ(
      Reason(full.FindBootstrapKey(TheFederation().FirstChange(), KeyId("OAS"))
                 .status()),
      "UNKNOWN_KEY");
}

TEST_F(BootstrapTest, TheKeyOfAStateIsNotTheSecretariats) {
  // Honduras names its own signer as the secretariat's.
  v1::RegistryItem item = TheFederation().SignerItem("HN");
  item.mutable_signer_key()->set_publisher(std::string(kSecretariat));
  v1::RegistryChange change;
  *change.add_items() = item;

  EXPECT_EQ(Reason(empty_.FindBootstrapKey(change, KeyId("HN")).status()),
            "UNKNOWN_KEY");
  EXPECT_EQ(
      Reason(empty_.FindBootstrapKey(TheFederation().FirstChange(), KeyId("HN"))
                 .status()),
      "UNKNOWN_KEY");
}

TEST_F(BootstrapTest, TheSecretariatOfAnotherRootIsAStranger) {
  const TestFederation other({"HN"});

  auto key = empty_.FindBootstrapKey(
      other.FirstChange(), other.SignerKeyOf("OAS").public_key().key_id());

  EXPECT_EQ(Reason(key.status()), "UNKNOWN_KEY");
}

}  // namespace
}  // namespace gaceta
