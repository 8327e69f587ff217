// Certificates that the registry revokes, as `gaceta pki` makes them.
#include <gtest/gtest.h>

#include <string>

#include "errors/errors.h"
#include "gmock/gmock.h"
#include "pki/pki.h"
#include "tests/support/statements.h"
#include "verify/federation.h"
#include "verify/openssl_ptr.h"
#include "verify/registry_items/registry_items.h"

namespace gaceta {
namespace {

using testing::DerOf;
using ::testing::HasSubstr;
using testing::IdOf;
using testing::TestFederation;
using testing::TestTime;

const TestFederation& TheFederation() {
  static const auto* federation = new TestFederation;
  return *federation;
}

pki::CertifiedKey NodeOf(const std::string& state) {
  pki::LeafOptions options;
  options.not_before = TestTime();
  options.validity = absl::Hours(24);
  return *pki::MakeLeaf(TheFederation().CaOf(state),
                        IdOf(TestFederation::TrustDomainOf(state), "node"),
                        options);
}

v1::RegistryChange RevocationOf(const std::string& der) {
  const CertificateName name = NameOf(X509FromDer(der).get());
  v1::RegistryChange change;
  v1::RevokedCertificate* revoked =
      change.add_items()->mutable_revoked_certificate();
  revoked->set_issuer(name.issuer);
  revoked->set_serial(name.serial);
  revoked->set_ground("the machine was stolen");
  return change;
}

absl::Status CheckNode(const Federation& federation, const std::string& state,
                       const pki::CertifiedKey& leaf) {
  return federation.CheckLeaf(
      IdOf(TestFederation::TrustDomainOf(state), "node"),
      DerOf(leaf.certificate_pem), {}, TestTime() + absl::Hours(1));
}

TEST(RevokedCertificateTest, ALeafCountsNoMoreAndItsSuccessorDoes) {
  Federation federation = TheFederation().Full();
  const pki::CertifiedKey stolen = NodeOf("HN");
  ASSERT_TRUE(CheckNode(federation, "HN", stolen).ok());

  ASSERT_TRUE(
      federation.Apply(RevocationOf(DerOf(stolen.certificate_pem)), 1).ok());

  const absl::Status status = CheckNode(federation, "HN", stolen);
  EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("is revoked"));
  EXPECT_TRUE(CheckNode(federation, "HN", NodeOf("HN")).ok());
}

TEST(RevokedCertificateTest, ACaCoversEveryLeafThatItSigned) {
  Federation federation = TheFederation().Full();
  const pki::CertifiedKey honduras = NodeOf("HN");
  const pki::CertifiedKey guatemala = NodeOf("GT");

  ASSERT_TRUE(federation
                  .Apply(RevocationOf(
                             DerOf(TheFederation().CaOf("HN").certificate_pem)),
                         1)
                  .ok());

  EXPECT_TRUE(absl::IsUnauthenticated(CheckNode(federation, "HN", honduras)));
  EXPECT_TRUE(CheckNode(federation, "GT", guatemala).ok());
}

TEST(RevokedCertificateTest, ASignersCertificateIsRefusedWithThePlaceForIt) {
  Federation federation = TheFederation().Full();
  const std::string signer =
      TheFederation().SignerItem("HN").signer_key().certificate();

  const absl::Status status = federation.Apply(RevocationOf(signer), 1);

  EXPECT_EQ(Reason(status), "RULE_VIOLATION");
  ASSERT_EQ(Violations(status).size(), 1);
  EXPECT_EQ(Violations(status)[0].field, "items[0].revoked_certificate.serial");
  EXPECT_THAT(Violations(status)[0].description,
              HasSubstr("signer_key_revocation"));
}

TEST(RevokedCertificateTest, WhatNamesNoCertificateIsRefusedByField) {
  Federation federation = TheFederation().Full();
  v1::RegistryChange change = RevocationOf(DerOf(NodeOf("HN").certificate_pem));
  v1::RevokedCertificate* revoked =
      change.mutable_items(0)->mutable_revoked_certificate();
  revoked->set_issuer("CN=somebody");
  revoked->set_serial(std::string(1, '\0') + revoked->serial());
  revoked->clear_ground();

  const absl::Status status = federation.Apply(change, 1);

  std::string fields;
  for (const FieldViolation& violation : Violations(status)) {
    fields += violation.field + " ";
  }
  EXPECT_EQ(fields,
            "items[0].revoked_certificate.issuer "
            "items[0].revoked_certificate.serial "
            "items[0].revoked_certificate.ground ");
}

TEST(RevokedCertificateTest, NeedsReadersOfTheSecondVersion) {
  EXPECT_EQ(VersionOf(RevocationOf(DerOf(NodeOf("HN").certificate_pem))), 2);
  EXPECT_EQ(VersionOf(TheFederation().FirstChange()), 1);
}

}  // namespace
}  // namespace gaceta
